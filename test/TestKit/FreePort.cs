// Ports nobody listens on at the moment of asking.
using System.Net;
using System.Net.Sockets;

namespace Shoal.TestKit;

/// <summary>Free loopback ports.</summary>
public static class FreePort
{
    private static int _next = Random.Shared.Next(21000, 29000);

    /// <summary>A port on 127.0.0.1 that is free now, below the ephemeral range (so that no outgoing connection takes it),
    /// and whose cluster bus port (+10000 or below 65536) is usable.</summary>
    public static int Take()
    {
        for (int i = 0; i < 2000; i++)
        {
            int port = 21000 + (Interlocked.Increment(ref _next) % 9000);
            if (IsFree(port) && IsFree(port + 10000)) return port;
        }
        throw new InvalidOperationException("no free port");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
