// One socket of the epoll transport. Idle it owns no buffer at all: bytes are received into the reactor's buffer and
// replies leave from the reactor's writer; only half a request or a reply the kernel did not take gets memory here.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

internal sealed unsafe class EpollConnection : Connection
{
    private readonly EpollTransport _transport;
    private NativeBuffer? _input;
    private NativeBuffer? _output;
    private int _outputAt;
    private bool _notify;
    private bool _soon;

    public EpollConnection(EpollTransport transport, long id, int fd, string remote, string local)
        : base(id, remote, local)
    {
        _transport = transport;
        Fd = fd;
    }

    public int Fd { get; private set; }

    public override int Descriptor => Fd;

    public override ReplyWriter Replies => _transport.Replies;

    public override long PendingOutput => (_output is null ? 0 : _output.Length - _outputAt) + HeldBytes;

    public override int PendingInput => _input?.Length ?? 0;

    /// <summary>Events epoll was last asked for.</summary>
    public int Interest { get; set; } = Libc.EpollIn;

    /// <summary>Replies that wait for the disk, in batches of earlier turns.</summary>
    public long HeldBytes { get; set; }

    /// <summary>Already in the transport's list of connections with requests left over from an earlier turn.</summary>
    public bool IsListed { get; set; }

    private bool HasOutput => _output is { } output && output.Length > _outputAt;

    private bool MayRead => !IsPaused && !IsClosing && PendingOutput < TransportOptions.OutputHighWater;

    public override void Send(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed || bytes.IsEmpty) return;
        if (HeldBytes > 0)
        {
            _transport.Hold(this, bytes);
            return;
        }
        int sent = HasOutput ? 0 : SendNow(bytes);
        if (sent < 0 || sent == bytes.Length) return;
        _notify = true;
        Keep(bytes[sent..]);
    }

    public override void SendSoon(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed || bytes.IsEmpty) return;
        if (HeldBytes > 0 || _transport.HoldReplies) _transport.Hold(this, bytes);
        else Gather(bytes);
    }

    /// <summary>Keeps bytes for <see cref="FlushGathered"/>, which the transport calls at the end of the turn.</summary>
    public void Gather(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed) return;
        bool waits = HasOutput && !_soon;
        Append(bytes);
        if (waits) return;
        if (!_soon) _transport.Gathered(this);
        _soon = true;
        int length = _output!.Length - _outputAt;
        if (length < TransportOptions.TurnBytes) return;
        // A turn of many large messages must not look like a reader that falls behind.
        int sent = TrySendNow(new ReadOnlySpan<byte>(_output.Start + _outputAt, length));
        if (sent > 0) _outputAt += sent;
    }

    /// <summary>Sends what <see cref="Gather"/> kept.</summary>
    public void FlushGathered()
    {
        if (!_soon) return;
        _soon = false;
        if (IsClosed) return;
        int length = _output!.Length - _outputAt;
        int sent = length == 0 ? 0 : SendNow(new ReadOnlySpan<byte>(_output.Start + _outputAt, length));
        if (sent < 0) return;
        _outputAt += sent;
        if (sent < length)
        {
            UpdateInterest(wantOut: true);
            return;
        }
        _output.Clear(TransportOptions.KeptBuffer);
        _outputAt = 0;
        if (IsClosing && HeldBytes == 0) Close();
    }

    public override int TrySend(ReadOnlySpan<byte> bytes)
    {
        if (IsClosed) return 0;
        int sent = HasOutput || HeldBytes > 0 ? 0 : SendNow(bytes);
        if (sent == bytes.Length || sent < 0) return Math.Max(sent, 0);
        _notify = true;
        UpdateInterest(wantOut: true);
        return sent;
    }

    /// <summary>Sends replies, keeping what the kernel does not take.</summary>
    public void Reply(byte* start, int length)
    {
        FlushGathered();
        if (IsClosed) return;
        int sent = HasOutput ? 0 : SendNow(new ReadOnlySpan<byte>(start, length));
        if (sent >= 0 && sent < length) Keep(new ReadOnlySpan<byte>(start + sent, length - sent));
        else if (sent == length && IsClosing && HeldBytes == 0) Close();
    }

    /// <summary>The socket is readable: one receive, then everything complete runs.</summary>
    public void ReadReady(byte* shared, int capacity)
    {
        if (IsClosed || !MayRead) return;
        if (_input is { Length: > 0 } input)
        {
            int room = Math.Clamp(WantedBytes - input.Length, TransportOptions.TurnBytes, 1024 * 1024);
            byte* into = input.Reserve(room);
            int more = Receive(into, room);
            if (more <= 0) return;
            input.Advance(more);
            Run();
            return;
        }
        int received = Receive(shared, capacity);
        if (received <= 0) return;
        int used = _transport.Consume(this, new ReadOnlySpan<byte>(shared, received));
        if (used >= received || IsClosed) return;
        (_input ??= new NativeBuffer()).Append(new ReadOnlySpan<byte>(shared + used, received - used));
        AfterRun(used > 0);
    }

    /// <summary>Runs requests already received (left over from a full turn or a pause).</summary>
    public void Run()
    {
        if (IsClosed || !MayRead || _input is not { Length: > 0 } input) return;
        int used = _transport.Consume(this, input.Written);
        if (IsClosed) return;
        input.RemoveFirst(used);
        if (input.Length == 0) input.Clear(TransportOptions.KeptBuffer);
        else AfterRun(used > 0);
    }

    /// <summary>The socket takes bytes again.</summary>
    public void WriteReady()
    {
        if (IsClosed) return;
        if (HasOutput)
        {
            int length = _output!.Length - _outputAt;
            int sent = SendNow(new ReadOnlySpan<byte>(_output.Start + _outputAt, length));
            if (sent < 0) return;
            _outputAt += sent;
            if (sent < length) return;
        }
        _output?.Clear(TransportOptions.KeptBuffer);
        _outputAt = 0;
        if (IsClosing && HeldBytes == 0)
        {
            Close();
            return;
        }
        UpdateInterest(wantOut: false);
        if (_input is { Length: > 0 }) _transport.List(this);
        if (!_notify) return;
        _notify = false;
        Writable?.Invoke();
    }

    protected override void PauseChanged()
    {
        if (IsClosed) return;
        if (IsClosing && PendingOutput == 0 && !_transport.IsConsuming(this))
        {
            Close();
            return;
        }
        UpdateInterest(HasOutput || (_notify && (Interest & Libc.EpollOut) != 0));
        if (!IsPaused && _input is { Length: > 0 }) _transport.List(this);
    }

    protected override void CloseSocket()
    {
        _transport.Forget(this);
        _ = Libc.Close(Fd);
        Fd = -1;
        _input?.Dispose();
        _output?.Dispose();
        _input = _output = null;
    }

    /// <summary>What the handler left is either half a request (wait for more) or work for the next turn.</summary>
    private void AfterRun(bool progressed)
    {
        if (_input!.Length > _transport.Options.QueryBufferLimit)
        {
            Close();
            return;
        }
        if (progressed && MayRead && WantedBytes <= _input.Length) _transport.List(this);
    }

    private int Receive(byte* into, int room)
    {
        nint n = Libc.Receive(Fd, into, room, Libc.DontWait);
        if (n > 0)
        {
            _transport.BytesIn += n;
            return (int)n;
        }
        if (n < 0)
        {
            int error = System.Runtime.InteropServices.Marshal.GetLastSystemError();
            if (error is Libc.Again or Libc.Interrupted) return 0;
        }
        Close();
        return -1;
    }

    /// <summary>Bytes the kernel took; -1 when the connection broke (and is now closed).</summary>
    private int SendNow(ReadOnlySpan<byte> bytes)
    {
        int sent = TrySendNow(bytes);
        if (sent < 0) Close();
        return sent;
    }

    /// <summary>Bytes the kernel took; -1 when the connection broke.</summary>
    private int TrySendNow(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nint n = Libc.Send(Fd, start, bytes.Length, Libc.NoSignal | Libc.DontWait);
            if (n >= 0)
            {
                _transport.BytesOut += n;
                return (int)n;
            }
        }
        return System.Runtime.InteropServices.Marshal.GetLastSystemError() is Libc.Again or Libc.Interrupted ? 0 : -1;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        Append(rest);
        UpdateInterest(wantOut: true);
    }

    private void Append(ReadOnlySpan<byte> rest)
    {
        _output ??= new NativeBuffer();
        if (_outputAt > 0 && _outputAt >= _output.Length / 2)
        {
            _output.RemoveFirst(_outputAt);
            _outputAt = 0;
        }
        _output.Append(rest);
    }

    private void UpdateInterest(bool wantOut)
    {
        // A parked client that leaves must be noticed although nothing is read from it.
        int interest = (MayRead ? Libc.EpollIn : IsPaused ? Libc.EpollRdHup : 0) | (wantOut ? Libc.EpollOut : 0);
        if (interest == Interest || Fd < 0) return;
        Interest = interest;
        _transport.Control(Libc.CtlModify, Fd, interest);
    }
}
