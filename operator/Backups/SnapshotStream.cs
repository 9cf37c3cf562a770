// Pulls a node's snapshot the way a replica does: PSYNC ? -1 answers +FULLRESYNC <id> <offset>, then the RDB, either with its
// length ($<bytes>) or, when the node does not know it yet, framed by a 40-byte mark ($EOF:<mark> ... <mark>).
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Shoal.Operator.Nodes;
using Shoal.Protocol.Client;

namespace Shoal.Operator.Backups;

/// <summary>The RDB bytes of one node, to be read once to the end.</summary>
public sealed class SnapshotStream : Stream
{
    private const int MarkBytes = 40;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);
    private readonly Socket socket;
    private readonly byte[] buffer = new byte[256 * 1024];
    private int start;
    private int end;
    private long left = -1;
    private byte[]? mark;
    private bool isComplete;

    private SnapshotStream(Socket socket) => this.socket = socket;

    /// <summary>The replication offset the snapshot stands for.</summary>
    public long Offset { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Connects and asks for the snapshot; returns when its first byte is near.</summary>
    /// <exception cref="IOException">The node cannot be reached or broke off.</exception>
    /// <exception cref="RespException">The node refused, for example a replica without a link to its primary.</exception>
    public static async Task<SnapshotStream> OpenAsync(NodeAddress node, string? password, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var stream = new SnapshotStream(socket);
        try
        {
            await socket.ConnectAsync(node.Host, node.Port, ct).ConfigureAwait(false);
            if (password is not null)
            {
                await stream.SendAsync($"*2\r\n$4\r\nAUTH\r\n${Encoding.UTF8.GetByteCount(password)}\r\n{password}\r\n", ct).ConfigureAwait(false);
                await stream.LineAsync(ct).ConfigureAwait(false);
            }

            await stream.SendAsync("*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n", ct).ConfigureAwait(false);
            await stream.LineAsync(ct).ConfigureAwait(false);
            await stream.SendAsync("*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n", ct).ConfigureAwait(false);
            await stream.BeginAsync(ct).ConfigureAwait(false);
            return stream;
        }
        catch (Exception e)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw e is SocketException ? new IOException($"{node}: {e.Message}", e) : e;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        if (isComplete || destination.IsEmpty)
        {
            return 0;
        }

        if (mark is null)
        {
            if (start == end)
            {
                await FillAsync(cancellationToken).ConfigureAwait(false);
            }

            var n = (int)Math.Min(Math.Min(end - start, destination.Length), left);
            buffer.AsMemory(start, n).CopyTo(destination);
            start += n;
            left -= n;
            isComplete = left == 0;
            return n;
        }

        // The last 40 bytes seen are held back: they may be the mark.
        while (end - start <= MarkBytes && !EndsInMark())
        {
            await FillAsync(cancellationToken).ConfigureAwait(false);
        }

        var ready = end - start - MarkBytes;
        if (ready == 0 && EndsInMark())
        {
            isComplete = true;
            return 0;
        }

        var count = Math.Min(ready, destination.Length);
        buffer.AsMemory(start, count).CopyTo(destination);
        start += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        socket.Dispose();
        base.Dispose(disposing);
    }

    private bool EndsInMark() => end - start >= MarkBytes && buffer.AsSpan(end - MarkBytes, MarkBytes).SequenceEqual(mark);

    private async Task BeginAsync(CancellationToken ct)
    {
        var answer = await LineAsync(ct).ConfigureAwait(false);
        var words = answer.Split(' ');
        if (words is not ["+FULLRESYNC", _, var offset] || !long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var at))
        {
            throw new RespException("expected FULLRESYNC, got " + answer);
        }

        Offset = at;
        var header = await LineAsync(ct).ConfigureAwait(false);
        if (header.StartsWith("$EOF:", StringComparison.Ordinal) && header.Length == 5 + MarkBytes)
        {
            mark = Encoding.ASCII.GetBytes(header[5..]);
        }
        else if (header.StartsWith('$') && long.TryParse(header.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out left))
        {
            isComplete = left == 0;
        }
        else
        {
            throw new RespException("expected the length of the snapshot, got " + header);
        }
    }

    private async Task SendAsync(string text, CancellationToken ct)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), ct).ConfigureAwait(false);
        }
    }

    // One line without CRLF; bare line feeds, which nodes send while they prepare a snapshot, are skipped.
    private async Task<string> LineAsync(CancellationToken ct)
    {
        while (true)
        {
            var at = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (at < 0)
            {
                await FillAsync(ct).ConfigureAwait(false);
                continue;
            }

            var line = Encoding.UTF8.GetString(buffer, start, at).TrimEnd('\r');
            start += at + 1;
            if (line.Length > 0)
            {
                return line[0] == '-' ? throw new RespException(line[1..]) : line;
            }
        }
    }

    private async Task FillAsync(CancellationToken ct)
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Silence);
        try
        {
            var n = await socket.ReceiveAsync(buffer.AsMemory(end), limit.Token).ConfigureAwait(false);
            end += n > 0 ? n : throw new IOException("the node broke off before the snapshot was complete");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new IOException($"the node was silent for {Silence.TotalSeconds:0} s");
        }
        catch (SocketException e)
        {
            throw new IOException("the node broke off before the snapshot was complete: " + e.Message, e);
        }
    }
}
