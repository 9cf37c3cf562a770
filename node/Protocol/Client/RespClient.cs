// A small pipelined client over one connection: what the operator, the tests and the node's own outbound calls need,
// and no more. Calls may overlap from any thread; replies are matched to calls by order, as RESP demands.
using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Shoal.Protocol.Client;

/// <summary>How a <see cref="RespClient"/> connects and how long it waits.</summary>
public sealed record RespClientOptions
{
    /// <summary>The defaults: RESP2, no credentials, 3 s to connect, 10 s per call.</summary>
    public static RespClientOptions Default { get; } = new();

    /// <summary>How long connecting may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long one call may take, from call to reply. <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The user of AUTH; without it AUTH names only the password (user <c>default</c>).</summary>
    public string? User { get; init; }

    /// <summary>The password of AUTH; null sends no AUTH.</summary>
    public string? Password { get; init; }

    /// <summary>2, or 3 to send HELLO 3 after connecting.</summary>
    public int Protocol { get; init; } = 2;

    /// <summary>Called on the reading task for each RESP3 push. It must not block.</summary>
    public Action<Reply>? Pushed { get; init; }
}

/// <summary>
/// One connection to one node. After any I/O error, malformed reply or dispose it is <see cref="IsClosed"/> and every
/// call fails with <see cref="IOException"/>; connect anew. A call that times out is abandoned, the connection stays usable.
/// </summary>
public sealed class RespClient : IAsyncDisposable, IDisposable
{
    private readonly Socket socket;
    private readonly RespClientOptions options;
    private readonly Lock gate = new();
    private readonly Queue<TaskCompletionSource<Reply>> waiting = new();
    private ArrayBufferWriter<byte> outgoing = new(1024);
    private ArrayBufferWriter<byte> sending = new(1024);
    private bool isSending;
    private Exception? failure;

    private RespClient(Socket socket, RespClientOptions options)
    {
        this.socket = socket;
        this.options = options;
        Completed = ReadLoopAsync();
    }

    /// <summary>No further call can succeed.</summary>
    public bool IsClosed => Volatile.Read(ref failure) is not null;

    /// <summary>Completes (never faults) when the connection has ended, whoever ended it.</summary>
    public Task Completed { get; }

    /// <summary>Our end of the connection.</summary>
    public EndPoint? LocalEndPoint => socket.LocalEndPoint;

    /// <summary>Connects and, when the options ask for it, greets and authenticates.</summary>
    /// <exception cref="IOException">Nobody listens there, or not in time.</exception>
    /// <exception cref="RespException">The node refused HELLO or AUTH.</exception>
    public static async Task<RespClient> ConnectAsync(
        string host, int port, RespClientOptions? options = null, CancellationToken ct = default)
    {
        options ??= RespClientOptions.Default;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(options.ConnectTimeout);
            await socket.ConnectAsync(host, port, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            socket.Dispose();
            throw new IOException($"cannot connect to {host}:{port}: {(e is SocketException ? e.Message : "timed out")}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var client = new RespClient(socket, options);
        try
        {
            await client.GreetAsync(ct).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sends one command and returns its reply; an error reply is returned, not thrown.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="TimeoutException">No reply within <see cref="RespClientOptions.CallTimeout"/>.</exception>
    public Task<Reply> CallAsync(params string[] command) => CallAsync(command, CancellationToken.None);

    /// <inheritdoc cref="CallAsync(string[])"/>
    public Task<Reply> CallAsync(IReadOnlyList<string> command, CancellationToken ct)
    {
        var parts = new ReadOnlyMemory<byte>[command.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Encoding.UTF8.GetBytes(command[i]);
        }

        return CallAsync(parts, ct);
    }

    /// <summary>Sends one command of raw byte arguments; an error reply is returned, not thrown.</summary>
    /// <inheritdoc cref="CallAsync(string[])"/>
    public Task<Reply> CallAsync(ReadOnlyMemory<byte>[] command, CancellationToken ct = default)
    {
        var reply = Enqueue(command);
        return options.CallTimeout == Timeout.InfiniteTimeSpan && !ct.CanBeCanceled
            ? reply
            : reply.WaitAsync(options.CallTimeout, ct);
    }

    /// <summary>Sends one command and throws when the node answers with an error.</summary>
    /// <exception cref="RespException">The node's error.</exception>
    public async Task<Reply> ExecuteAsync(params string[] command) =>
        (await CallAsync(command).ConfigureAwait(false)).ThrowIfError();

    /// <inheritdoc cref="ExecuteAsync(string[])"/>
    public async Task<Reply> ExecuteAsync(IReadOnlyList<string> command, CancellationToken ct) =>
        (await CallAsync(command, ct).ConfigureAwait(false)).ThrowIfError();

    /// <summary>Sends several commands in one write and returns their replies in order.</summary>
    public Task<Reply[]> PipelineAsync(IEnumerable<string[]> commands) =>
        Task.WhenAll(commands.Select(c => CallAsync(c, CancellationToken.None)).ToArray());

    /// <inheritdoc/>
    public void Dispose() => Close(new ObjectDisposedException(nameof(RespClient)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await Completed.ConfigureAwait(false);
    }

    private async Task GreetAsync(CancellationToken ct)
    {
        if (options.Password is { } password)
        {
            string[] auth = options.User is { } user ? ["AUTH", user, password] : ["AUTH", password];
            await ExecuteAsync(auth, ct).ConfigureAwait(false);
        }

        if (options.Protocol == 3)
        {
            await ExecuteAsync(["HELLO", "3"], ct).ConfigureAwait(false);
        }
    }

    private Task<Reply> Enqueue(ReadOnlyMemory<byte>[] command)
    {
        var call = new TaskCompletionSource<Reply>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool startSending;
        lock (gate)
        {
            if (failure is not null)
            {
                return Task.FromException<Reply>(new IOException("connection is closed: " + failure.Message, failure));
            }

            waiting.Enqueue(call);
            Write(outgoing, command);
            startSending = !isSending;
            isSending = true;
        }

        if (startSending)
        {
            _ = SendLoopAsync();
        }

        return call.Task;
    }

    private async Task SendLoopAsync()
    {
        try
        {
            while (true)
            {
                ReadOnlyMemory<byte> bytes;
                lock (gate)
                {
                    if (outgoing.WrittenCount == 0)
                    {
                        isSending = false;
                        return;
                    }

                    (outgoing, sending) = (sending, outgoing);
                    bytes = sending.WrittenMemory;
                }

                while (!bytes.IsEmpty)
                {
                    bytes = bytes[await socket.SendAsync(bytes).ConfigureAwait(false)..];
                }

                sending.ResetWrittenCount();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Close(e);
        }
    }

    private async Task ReadLoopAsync()
    {
        await Task.Yield();
        var reader = new ReplyReader();
        var buffer = new byte[16 * 1024];
        int start = 0, end = 0;
        try
        {
            while (true)
            {
                while (start < end && reader.TryRead(buffer.AsSpan(start, end - start), out var reply, out var consumed))
                {
                    start += consumed;
                    Deliver(reply);
                }

                if (start > 0)
                {
                    buffer.AsSpan(start, end - start).CopyTo(buffer);
                    (start, end) = (0, end - start);
                }

                if (end == buffer.Length)
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }

                var n = await socket.ReceiveAsync(buffer.AsMemory(end)).ConfigureAwait(false);
                if (n == 0)
                {
                    throw new IOException("the node closed the connection");
                }

                end += n;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException or RespException)
        {
            Close(e);
        }
    }

    private void Deliver(Reply reply)
    {
        if (reply.Kind == ReplyKind.Push)
        {
            options.Pushed?.Invoke(reply);
            return;
        }

        TaskCompletionSource<Reply>? call;
        lock (gate)
        {
            waiting.TryDequeue(out call);
        }

        if (call is null)
        {
            throw new RespException("a reply nobody asked for: " + reply);
        }

        call.TrySetResult(reply);
    }

    private void Close(Exception reason)
    {
        TaskCompletionSource<Reply>[] orphans;
        lock (gate)
        {
            failure ??= reason;
            orphans = [.. waiting];
            waiting.Clear();
        }

        socket.Dispose();
        foreach (var call in orphans)
        {
            call.TrySetException(new IOException("connection ended before the reply: " + reason.Message, reason));
        }
    }

    private static void Write(ArrayBufferWriter<byte> writer, ReadOnlyMemory<byte>[] command)
    {
        WriteHeader(writer, '*', command.Length);
        foreach (var part in command)
        {
            WriteHeader(writer, '$', part.Length);
            writer.Write(part.Span);
            writer.Write("\r\n"u8);
        }
    }

    private static void WriteHeader(ArrayBufferWriter<byte> writer, char type, int value)
    {
        var span = writer.GetSpan(16);
        span[0] = (byte)type;
        value.TryFormat(span[1..], out var digits, default, CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(span[(1 + digits)..]);
        writer.Advance(digits + 3);
    }
}
