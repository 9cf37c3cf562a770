// One socket of the Pipelines transport: a receive loop and a send loop on the thread pool, each a while readable from
// top to bottom, and two pipes between them and the engine.
using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

internal sealed class PipeConnection : Connection
{
    private readonly PipeTransport _transport;
    private readonly Socket _socket;
    // The receive loop rests while this much has not been looked at: a flooding client waits in its own socket. Bytes of an
    // unfinished request have been looked at, so large values still come in.
    private readonly Pipe _input = new(new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19, useSynchronizationContext: false));
    private readonly Pipe _output = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private long _unsent;
    private int _queued;
    private int _inputEnded;
    private int _drained;
    private bool _notify;
    private long _heldBytes;
    private int _pendingInput;
    private bool _running;
    private bool _servedInside;

    public PipeConnection(PipeTransport transport, long id, Socket socket, string remote, string local)
        : base(id, remote, local)
    {
        _transport = transport;
        _socket = socket;
        _ = SendAsync();
    }

    public override int Descriptor => (int)_socket.Handle;

    public override ReplyWriter Replies => _transport.Replies;

    public override long PendingOutput => Interlocked.Read(ref _unsent) + _heldBytes;

    public override int PendingInput => _pendingInput;

    public void Start() => _ = ReceiveAsync();

    public override void Send(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed || bytes.IsEmpty) return;
        if (_transport.HoldReplies && _heldBytes > 0) Reply(bytes);
        else Put(bytes);
        _notify = true;
    }

    public override void SendSoon(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed || bytes.IsEmpty) return;
        Reply(bytes);
        _notify = true;
    }

    public override int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed) return 0;
        // The pipe plays the part of the kernel's buffer.
        int room = (int)Math.Clamp(256 * 1024 - PendingOutput, 0, bytes.Length);
        if (room > 0) Put(bytes[..room]);
        if (room < bytes.Length) _notify = true;
        return room;
    }

    /// <summary>Replies of a batch: kept for the disk when the transport holds replies.</summary>
    public void Reply(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed) return;
        if ((!_transport.HoldReplies || _transport.IsInside) && _heldBytes == 0)
        {
            Put(bytes);
            return;
        }
        _heldBytes += bytes.Length;
        _transport.Hold(this, bytes);
    }

    public void Released(byte[] bytes)
    {
        _heldBytes -= bytes.Length;
        Put(bytes);
        CloseIfDone();
    }

    /// <summary>Engine thread: something happened on this connection.</summary>
    public void Serve()
    {
        Volatile.Write(ref _queued, 0);
        if (IsClosed) return;
        if (_running)
        {
            // A turn inside this connection's own request: its bytes are being read.
            _servedInside = true;
            return;
        }
        Run();
        if (IsClosed) return;
        if (Volatile.Read(ref _inputEnded) == 2)
        {
            Close();
            return;
        }
        if (Interlocked.Exchange(ref _drained, 0) == 1 && PendingOutput == 0)
        {
            CloseIfDone();
            if (_notify && !IsClosed)
            {
                _notify = false;
                Writable?.Invoke();
            }
        }
    }

    protected override void PauseChanged()
    {
        if (IsClosed) return;
        Signal();
    }

    protected override void CloseSocket()
    {
        _transport.Forget(this);
        _output.Writer.Complete();
        _input.Reader.Complete();
        _socket.Dispose();
    }

    private void Run()
    {
        _running = true;
        bool again = false;
        if (!IsPaused && !IsClosing && PendingOutput < TransportOptions.OutputHighWater && _input.Reader.TryRead(out var read))
        {
            var buffer = read.Buffer;
            int used = Consume(buffer);
            if (IsClosed)
            {
                _running = false;
                return;
            }
            _pendingInput = (int)(buffer.Length - used);
            again = used > 0 && _pendingInput > 0 && !IsPaused;
            _input.Reader.AdvanceTo(buffer.GetPosition(used), used > 0 ? buffer.GetPosition(used) : buffer.End);
            if (_pendingInput > _transport.Options.QueryBufferLimit || (read.IsCompleted && !again && !IsPaused)) Close();
        }
        _running = false;
        if (IsClosed) return;
        CloseIfDone();
        if (again || _servedInside) Signal();
        _servedInside = false;
    }

    private int Consume(ReadOnlySequence<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        if (buffer.IsSingleSegment) return _transport.Consume(this, buffer.FirstSpan);
        // While a large request is incomplete, joining its pieces again for every receive would be quadratic.
        if (WantedBytes > buffer.Length) return 0;
        byte[] joined = ArrayPool<byte>.Shared.Rent((int)buffer.Length);
        buffer.CopyTo(joined);
        int used = _transport.Consume(this, joined.AsSpan(0, (int)buffer.Length));
        ArrayPool<byte>.Shared.Return(joined);
        return used;
    }

    private void CloseIfDone()
    {
        if (!IsClosed && IsClosing && PendingOutput == 0) Close();
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed) return;
        Interlocked.Add(ref _unsent, bytes.Length);
        _transport.BytesOut += bytes.Length;
        _output.Writer.Write(bytes);
        _ = _output.Writer.FlushAsync();
    }

    private void Signal()
    {
        if (Interlocked.Exchange(ref _queued, 1) == 0) _transport.Ready(this);
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                var memory = _input.Writer.GetMemory(16 * 1024);
                int n = await _socket.ReceiveAsync(memory, SocketFlags.None).ConfigureAwait(false);
                if (n == 0) break;
                _input.Writer.Advance(n);
                var flushed = await _input.Writer.FlushAsync().ConfigureAwait(false);
                if (flushed.IsCompleted) return;
                Signal();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The socket is gone: said below.
        }
        Volatile.Write(ref _inputEnded, 1);
        await _input.Writer.CompleteAsync().ConfigureAwait(false);
        Signal();
    }

    private async Task SendAsync()
    {
        try
        {
            while (true)
            {
                var read = await _output.Reader.ReadAsync().ConfigureAwait(false);
                foreach (var piece in read.Buffer) await SendAllAsync(piece).ConfigureAwait(false);
                long sent = read.Buffer.Length;
                _output.Reader.AdvanceTo(read.Buffer.End);
                if (Interlocked.Add(ref _unsent, -sent) == 0)
                {
                    Volatile.Write(ref _drained, 1);
                    Signal();
                }
                if (read.IsCompleted) return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            Volatile.Write(ref _inputEnded, 2);
            Signal();
        }
    }

    private async Task SendAllAsync(ReadOnlyMemory<byte> piece)
    {
        while (piece.Length > 0) piece = piece[await _socket.SendAsync(piece, SocketFlags.None).ConfigureAwait(false)..];
    }
}
