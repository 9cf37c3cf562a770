// bind: the addresses every port of the node listens on.
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Shoal.Server.Network;

namespace Shoal.Server.Hosting;

internal static class BindAddresses
{
    /// <summary>Listens on <paramref name="port"/> (0 = a free one, the same for all) of every address. Returns the first end point, or
    /// null when all were optional and absent. Throws <see cref="StartException"/>.</summary>
    public static IPEndPoint? Listen(NodeConfig config, ITransport transport, int port, int backlog, ILogger log, IRequestHandler? handler = null)
    {
        IPEndPoint? first = null;
        var words = config.Words("bind");
        foreach (string address in words.Count == 0 ? ["127.0.0.1"] : words)
        {
            bool optional = address.StartsWith('-');
            foreach (var ip in Resolve(address.TrimStart('-'), optional))
            {
                try
                {
                    var at = (IPEndPoint)transport.Listen(new IPEndPoint(ip, port), backlog, handler);
                    first ??= at;
                    port = at.Port;
                }
                catch (SocketException e) when (optional && e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
                {
                    log.LogDebug("No {Address} on this machine", ip);
                }
                catch (SocketException e)
                {
                    log.LogWarning("Failed listening on port {Port} (tcp), aborting.", port);
                    throw new StartException($"Could not create server TCP listening socket {ip}:{port}: bind: {e.Message}");
                }
            }
        }
        return first;
    }

    private static IEnumerable<IPAddress> Resolve(string address, bool optional)
    {
        if (address == "*") return [IPAddress.Any];
        if (address == "::*") return [IPAddress.IPv6Any];
        if (IPAddress.TryParse(address, out var ip)) return [ip];
        try
        {
            return Dns.GetHostAddresses(address).Take(1);
        }
        catch (SocketException e)
        {
            return optional ? [] : throw new StartException($"bind: {address}: {e.Message}");
        }
    }
}
