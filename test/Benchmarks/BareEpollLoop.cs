// The floor: an epoll loop that counts requests and answers +OK to each, with no parser, no engine and no store. What the
// node needs beyond this per operation is ours to explain; what this needs is the kernel's.
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Shoal.Server.Network;

namespace Shoal.Benchmarks;

/// <summary>"Benchmarks bare-epoll [port]": then point redis-benchmark -t ping_mbulk at it.</summary>
internal static unsafe class BareEpollLoop
{
    public static void Run(int port)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(511);
        listener.Blocking = false;
        int epoll = Libc.EpollCreate(0), accept = (int)listener.Handle;
        Watch(epoll, accept);
        byte* events = (byte*)NativeMemory.Alloc(512 * 16), buffer = (byte*)NativeMemory.Alloc(65536), replies = (byte*)NativeMemory.Alloc(65536);
        for (int i = 0; i + 5 <= 65536; i += 5) "+OK\r\n"u8.CopyTo(new Span<byte>(replies + i, 5));
        Console.WriteLine($"bare epoll loop on {listener.LocalEndPoint}; Ctrl-C ends it");
        while (true)
        {
            int ready = Libc.EpollWait(epoll, events, 512, -1);
            for (int i = 0; i < ready; i++)
            {
                int fd = *(int*)(events + i * Libc.EventSize + Libc.EventPayload);
                if (fd == accept) Accept(epoll, accept);
                else Answer(fd, buffer, replies);
            }
        }
    }

    private static void Accept(int epoll, int listener)
    {
        byte* address = stackalloc byte[128];
        int length = 128, fd = Libc.Accept(listener, address, &length, Libc.NonBlocking);
        if (fd < 0) return;
        Libc.SetOption(fd, 6, 1, 1);
        Watch(epoll, fd);
    }

    private static void Answer(int fd, byte* buffer, byte* replies)
    {
        int n = (int)Libc.Receive(fd, buffer, 65536, Libc.DontWait);
        if (n <= 0)
        {
            _ = Libc.Close(fd);
            return;
        }
        // Each request of the benchmark begins with one '*'.
        int requests = new ReadOnlySpan<byte>(buffer, n).Count((byte)'*');
        _ = Libc.Send(fd, replies, Math.Min(requests * 5, 65535), Libc.NoSignal);
    }

    private static void Watch(int epoll, int fd)
    {
        byte* e = stackalloc byte[16];
        *(int*)e = Libc.EpollIn;
        *(long*)(e + Libc.EventPayload) = fd;
        _ = Libc.EpollControl(epoll, Libc.CtlAdd, fd, e);
    }
}
