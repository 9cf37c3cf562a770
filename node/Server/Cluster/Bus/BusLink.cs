// One bus connection on a non-blocking socket. The transport asks it to move bytes when the socket is ready; whole messages go to the
// transport's owner. Bus thread only.
using System.Net;
using System.Net.Sockets;
using Shoal.Server.Cluster.State;

namespace Shoal.Server.Cluster.Bus;

internal sealed class BusLink : IBusLink
{
    private readonly Socket _socket;
    private readonly Queue<byte[]> _queue = new();
    private byte[] _received = new byte[4096];
    private int _receivedBytes;
    private int _headSent;

    public BusLink(Socket socket, bool inbound, long nowMs)
    {
        _socket = socket;
        Inbound = inbound;
        CreatedMs = nowMs;
        IsUp = inbound;
        RemoteIp = Address(socket.RemoteEndPoint);
        LocalIp = inbound ? Address(socket.LocalEndPoint) : "";
    }

    public bool Inbound { get; }
    public ClusterNode? Node { get; set; }
    public bool IsUp { get; private set; }
    public bool IsClosed { get; private set; }
    public long CreatedMs { get; }
    public long QueuedBytes { get; private set; }
    public string RemoteIp { get; private set; }
    public string LocalIp { get; private set; }
    public Socket Socket => _socket;
    public bool WantsWrite => !IsUp || _queue.Count > 0;

    public void Send(BusMessage message, byte[]? encoded = null)
    {
        if (IsClosed) return;
        var bytes = encoded ?? BusCodec.Encode(message);
        _queue.Enqueue(bytes);
        QueuedBytes += bytes.Length;
        if (IsUp && _queue.Count == 1) Flush();
    }

    /// <summary>The outbound connect finished. False: it failed.</summary>
    public bool FinishConnect()
    {
        if ((int)_socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)! != 0 || !_socket.Connected) return false;
        IsUp = true;
        RemoteIp = Address(_socket.RemoteEndPoint);
        LocalIp = Address(_socket.LocalEndPoint);
        return true;
    }

    /// <summary>Writes what the socket takes. False: the connection is broken.</summary>
    public bool Flush()
    {
        while (_queue.TryPeek(out var head))
        {
            int sent = _socket.Send(head.AsSpan(_headSent), SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock) return true;
            if (error != SocketError.Success) return false;
            _headSent += sent;
            if (_headSent < head.Length) return true;
            _queue.Dequeue();
            QueuedBytes -= head.Length;
            _headSent = 0;
        }
        return true;
    }

    /// <summary>Reads what is there and hands over whole messages. Returns why the link must close, or null.</summary>
    public string? Receive(Action<BusLink, BusMessage> handle)
    {
        int room = _received.Length - _receivedBytes;
        int got = _socket.Receive(_received.AsSpan(_receivedBytes, room), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return null;
        if (error != SocketError.Success) return error.ToString();
        if (got == 0) return "";
        _receivedBytes += got;
        int start = 0;
        while (!IsClosed)
        {
            var rest = _received.AsSpan(start, _receivedBytes - start);
            int length = BusCodec.FrameLength(rest);
            if (length < 0) return "not a cluster bus message";
            if (length == 0 || length > rest.Length)
            {
                if (length > _received.Length) Array.Resize(ref _received, length);
                break;
            }
            var message = BusCodec.TryDecode(rest[..length], out string? reason);
            if (message is null) return reason;
            start += length;
            handle(this, message);
        }
        _received.AsSpan(start, _receivedBytes - start).CopyTo(_received);
        _receivedBytes -= start;
        return null;
    }

    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        IsUp = false;
        _socket.Dispose();
    }

    private static string Address(EndPoint? endpoint) => endpoint is not IPEndPoint ip ? ""
        : (ip.Address.IsIPv4MappedToIPv6 ? ip.Address.MapToIPv4() : ip.Address).ToString();
}
