// Replica side: the connection to the primary, on a thread of its own with a blocking socket. It shakes hands, receives a
// full sync into a temporary file, then hands the stream over piece by piece; everything that touches data happens in
// posts to the engine, and this thread waits for each (the kernel buffers meanwhile). A link belongs to one role change:
// when the role changes again it is stopped and whatever it still posts does nothing.
//
//   connect -> PING, AUTH, REPLCONF -> PSYNC id offset -> +CONTINUE            -> stream
//                                                      -> +FULLRESYNC, bulk    -> load -> stream
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Shoal.Server.Replication;

/// <summary>What a link does with the node; called on the engine thread.</summary>
internal interface IReplicaSide
{
    /// <summary>Id and byte number to ask for.</summary>
    (string Id, long ByteNumber) Position();

    void LinkChanged(LinkStatus status);

    /// <summary>The primary goes on where we are; <paramref name="newId"/> is the history's new name, or null.</summary>
    void Resume(string? newId);

    /// <summary>A full sync lies in <paramref name="path"/>. Null, or why it cannot be loaded.</summary>
    string? Load(string path, string id, long offset);

    /// <summary>A piece of the stream. Null, or why the link cannot go on; <paramref name="wantsAck"/>: the primary waits for our offset.</summary>
    string? Receive(ReadOnlySpan<byte> bytes, out bool wantsAck);

    /// <summary>Offset applied.</summary>
    long Applied { get; }

    /// <summary>Offset synced to our append-only file; -1 without one.</summary>
    long OnDisk { get; }

    /// <summary>We were primary and hand the role over: PSYNC says FAILOVER. Engine thread.</summary>
    bool FailsOver { get; }

    /// <summary>What the new primary said to that: a refusal, or null.</summary>
    void FailoverAnswered(string? refusal);
}

/// <summary>What a link must know, fixed while it lives; <see cref="Login"/> (user and password) is asked at every connect: a rotation
/// must reach a link that comes back.</summary>
internal sealed record PrimaryLinkOptions(
    string Host, int Port, int OwnPort, string AnnounceIp, Func<(string User, string Password)> Login, TimeSpan Timeout, string Folder);

/// <summary>One link to one primary, reconnecting until stopped.</summary>
internal sealed class PrimaryLink(PrimaryLinkOptions options, IReplicaSide side, Action<Action> post, TimeProvider clock, ILogger log)
{
    private const int ReceiveBytes = 256 * 1024;
    private readonly ManualResetEventSlim _stopped = new();
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ReceiveBytes, pinned: true);
    private volatile bool _stop;
    private Socket? _socket;
    private long _lastHeard;
    private long _lastAck;

    /// <summary>Seconds since the primary was last heard. Any thread.</summary>
    public long SilentSeconds => (long)clock.GetElapsedTime(Volatile.Read(ref _lastHeard)).TotalSeconds;

    /// <summary>Bytes of the running full sync received. Any thread.</summary>
    public long SyncBytes { get; private set; }

    public void Start() => new Thread(Run) { IsBackground = true, Name = "primary-link" }.Start();

    /// <summary>Engine thread: from now on nothing this link brings is applied. Does not wait for the thread.</summary>
    public void Stop()
    {
        _stop = true;
        _stopped.Set();
        Volatile.Read(ref _socket)?.Dispose();
    }

    private void Run()
    {
        while (!_stop)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 1000, SendTimeout = 5000 };
                Volatile.Write(ref _socket, socket);
                if (_stop) break;
                Live(socket);
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                if (!_stop) log.LogWarning("Link to primary {Host}:{Port} lost: {Error}", options.Host, options.Port, e.Message);
            }
            if (_stop) break;
            On(() => side.LinkChanged(LinkStatus.Connect));
            _stopped.Wait(TimeSpan.FromSeconds(1));
        }
        TryDeleteSpool();
    }

    private void Live(Socket socket)
    {
        On(() => side.LinkChanged(LinkStatus.Connecting));
        Volatile.Write(ref _lastHeard, clock.GetTimestamp());
        Connect(socket);
        var wire = new LinkReader(socket, _buffer, Heard, KeepWaiting);
        ShakeHands(socket, wire);
        var (id, number) = On(side.Position);
        log.LogInformation("Asking primary {Host}:{Port} for a partial resync ({Id}:{Number})", options.Host, options.Port, id, number);
        bool handsOver = On(() => side.FailsOver);
        string[] request = ["PSYNC", id, number.ToString(CultureInfo.InvariantCulture)];
        Send(socket, handsOver ? [.. request, "FAILOVER"] : request);
        string answer = wire.ReadLine();
        if (handsOver) On(() => side.FailoverAnswered(answer.StartsWith('-') ? answer : null));
        var words = answer.Split(' ');
        switch (words[0])
        {
            case "+CONTINUE":
                On(() => side.Resume(words.Length > 1 && words[1].Length == 40 ? words[1] : null));
                log.LogInformation("Partial resync with primary accepted");
                break;
            case "+FULLRESYNC" when words.Length == 3 && long.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out long offset):
                FullSync(socket, wire, words[1], offset);
                break;
            default:
                throw new IOException($"primary answers PSYNC with {answer}");
        }
        On(() => side.LinkChanged(LinkStatus.Connected));
        Acknowledge(socket);
        Stream(socket, wire);
    }

    private void Connect(Socket socket)
    {
        var connecting = socket.BeginConnect(options.Host, options.Port, null, null);
        if (!connecting.AsyncWaitHandle.WaitOne(options.Timeout)) throw new IOException("connection timed out");
        socket.EndConnect(connecting);
    }

    private void ShakeHands(Socket socket, LinkReader wire)
    {
        Send(socket, "PING");
        string pong = wire.ReadLine();
        bool alive = pong.StartsWith('+') || pong.StartsWith("-NOAUTH", StringComparison.Ordinal) || pong.StartsWith("-NOPERM", StringComparison.Ordinal)
            || pong.StartsWith("-ERR operation not permitted", StringComparison.Ordinal);
        if (!alive) throw new IOException($"primary answers PING with {pong}");
        var (user, password) = options.Login();
        if (password.Length > 0)
        {
            if (user.Length > 0) Send(socket, "AUTH", user, password);
            else Send(socket, "AUTH", password);
            string answer = wire.ReadLine();
            if (!answer.StartsWith('+')) throw new IOException($"cannot authenticate to the primary: {answer}");
        }
        Tell(socket, wire, "listening-port", options.OwnPort.ToString(CultureInfo.InvariantCulture));
        if (options.AnnounceIp.Length > 0) Tell(socket, wire, "ip-address", options.AnnounceIp);
        Tell(socket, wire, "capa", "eof", "capa", "psync2");
    }

    private void Tell(Socket socket, LinkReader wire, params string[] words)
    {
        Send(socket, ["REPLCONF", .. words]);
        string answer = wire.ReadLine();
        if (answer.StartsWith("-NOAUTH", StringComparison.Ordinal)) throw new IOException(answer);
        if (answer.StartsWith('-')) log.LogInformation("Primary does not understand REPLCONF {Option}: {Answer}", words[0], answer);
    }

    private void FullSync(Socket socket, LinkReader wire, string id, long offset)
    {
        log.LogInformation("Full resync from primary: {Id}:{Offset}", id, offset);
        On(() => side.LinkChanged(LinkStatus.Sync));
        SyncBytes = 0;
        using (var file = new FileStream(SpoolPath, FileMode.Create, FileAccess.Write))
            SyncBytes = wire.ReadBulkInto(file, done => SyncBytes = done);
        log.LogInformation("Full resync: {Bytes} bytes received, loading", SyncBytes);
        // Loading takes long: the primary hears a line feed each second, as from Redis.
        string? error = On(() => side.Load(SpoolPath, id, offset), () => socket.Send("\n"u8));
        TryDeleteSpool();
        if (error is not null) throw new IOException($"cannot load the primary's data set: {error}");
    }

    private void Stream(Socket socket, LinkReader wire)
    {
        while (!_stop)
        {
            int got = wire.ReadSome();
            bool wantsAck = false;
            if (got > 0)
            {
                string? error = On(() => side.Receive(_buffer.AsSpan(0, got), out wantsAck));
                if (error is not null) throw new IOException(error);
            }
            else if (SilentSeconds > options.Timeout.TotalSeconds) throw new IOException("no data nor PING received: timeout");
            if (wantsAck || clock.GetElapsedTime(_lastAck) >= TimeSpan.FromSeconds(1)) Acknowledge(socket);
        }
    }

    private void Acknowledge(Socket socket)
    {
        _lastAck = clock.GetTimestamp();
        string applied = side.Applied.ToString(CultureInfo.InvariantCulture);
        long onDisk = side.OnDisk;
        if (onDisk < 0) Send(socket, "REPLCONF", "ACK", applied);
        else Send(socket, "REPLCONF", "ACK", applied, "FACK", onDisk.ToString(CultureInfo.InvariantCulture));
    }

    private void Heard() => Volatile.Write(ref _lastHeard, clock.GetTimestamp());

    /// <summary>Nothing came for a second.</summary>
    private void KeepWaiting()
    {
        if (_stop) throw new IOException("stopped");
        if (SilentSeconds > options.Timeout.TotalSeconds) throw new IOException("timeout waiting for the primary");
    }

    private static void Send(Socket socket, params string[] words)
    {
        var text = new System.Text.StringBuilder().Append('*').Append(words.Length).Append("\r\n");
        foreach (string word in words)
            text.Append('$').Append(System.Text.Encoding.UTF8.GetByteCount(word)).Append("\r\n").Append(word).Append("\r\n");
        var bytes = System.Text.Encoding.UTF8.GetBytes(text.ToString());
        for (int sent = 0; sent < bytes.Length;) sent += socket.Send(bytes.AsSpan(sent));
    }

    private void On(Action action) => On<object?>(() =>
    {
        action();
        return null;
    });

    /// <summary>Runs on the engine thread unless the link was stopped meanwhile; waits for it, calling <paramref name="eachSecond"/>.</summary>
    private T On<T>(Func<T> action, Action? eachSecond = null)
    {
        using var done = new ManualResetEventSlim();
        T result = default!;
        bool ran = false;
        Exception? failure = null;
        post(() =>
        {
            try
            {
                if (_stop) return;
                result = action();
                ran = true;
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                done.Set();
            }
        });
        while (!done.Wait(1000))
        {
            Heard();
            eachSecond?.Invoke();
        }
        if (failure is not null) throw new IOException(failure.Message, failure);
        return ran ? result : throw new IOException("stopped");
    }

    private string SpoolPath => Path.Combine(options.Folder, $"temp-repl-{Environment.ProcessId}-{options.OwnPort}.rdb");

    private void TryDeleteSpool()
    {
        try
        {
            File.Delete(SpoolPath);
        }
        catch (IOException)
        {
            // Swept at the next start.
        }
    }
}
