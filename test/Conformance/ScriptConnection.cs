// A connection as a script sees it: what is sent, and whatever comes, in order. Client libraries match replies to requests;
// a script must also see messages, which nobody asked for.
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Shoal.Protocol.Client;

namespace Shoal.Conformance;

/// <summary>One connection of a script.</summary>
public sealed class ScriptConnection : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly ReplyReader _reader = new();
    private byte[] _buffer = new byte[16 * 1024];
    private int _start, _end;

    public static async Task<ScriptConnection> OpenAsync(string host, int port)
    {
        var connection = new ScriptConnection();
        await connection._socket.ConnectAsync(host, port).ConfigureAwait(false);
        return connection;
    }

    /// <summary>Sends a request and reads what comes next.</summary>
    public async Task<Reply> CallAsync(params ReadOnlyMemory<byte>[] words)
    {
        await SendAsync(words).ConfigureAwait(false);
        return await ReadAsync().ConfigureAwait(false);
    }

    /// <inheritdoc cref="CallAsync(ReadOnlyMemory{byte}[])"/>
    public Task<Reply> CallAsync(params string[] words) =>
        CallAsync(Array.ConvertAll(words, w => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(w)));

    /// <summary>The next reply or message.</summary>
    public async Task<Reply> ReadAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            if (_start < _end && _reader.TryRead(_buffer.AsSpan(_start, _end - _start), out var reply, out int consumed))
            {
                _start += consumed;
                return reply;
            }
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
            if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
            int received = await _socket.ReceiveAsync(_buffer.AsMemory(_end), limit.Token).ConfigureAwait(false);
            if (received == 0) throw new IOException("the server closed the connection");
            _end += received;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task SendAsync(ReadOnlyMemory<byte>[] words)
    {
        using var frame = new MemoryStream();
        frame.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"*{words.Length}\r\n")));
        foreach (var word in words)
        {
            frame.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"${word.Length}\r\n")));
            frame.Write(word.Span);
            frame.Write("\r\n"u8);
        }
        ReadOnlyMemory<byte> left = frame.ToArray();
        while (!left.IsEmpty) left = left[await _socket.SendAsync(left).ConfigureAwait(false)..];
    }
}
