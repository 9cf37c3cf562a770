// What a replica reads from its primary before the stream: answer lines, and one bulk in either of its two forms.
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Shoal.Server.Replication;

/// <summary>Blocking reader over one socket with a receive timeout. One thread.</summary>
internal sealed class LinkReader(Socket socket, byte[] buffer, Action heard, Action waited)
{
    private const int MarkLength = 40;
    private int _at;
    private int _have;

    /// <summary>The next line that is not empty (empty ones are a sign of life), without its end.</summary>
    public string ReadLine()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_at == _have) Fill();
            char c = (char)buffer[_at++];
            if (c == '\n')
            {
                if (line.Length > 0) return line.ToString().TrimEnd('\r');
                continue;
            }
            line.Append(c);
            if (line.Length > 64 * 1024) throw new IOException("the primary sends an endless line");
        }
    }

    /// <summary>Reads "$length" or "$EOF:mark" and the payload; returns the payload's length.</summary>
    public long ReadBulkInto(Stream into, Action<long> progress)
    {
        string head = ReadLine();
        if (head.StartsWith("$EOF:", StringComparison.Ordinal) && head.Length == 5 + MarkLength)
            return ReadMarked(into, Encoding.ASCII.GetBytes(head[5..]), progress);
        if (head.StartsWith('$') && long.TryParse(head.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out long length))
            return ReadCounted(into, length, progress);
        throw new IOException($"the primary sends {head} instead of a snapshot");
    }

    /// <summary>Moves what has come to the front of the buffer and returns its length; 0 when nothing came for a while.</summary>
    public int ReadSome()
    {
        int left = _have - _at;
        if (left > 0)
        {
            Buffer.BlockCopy(buffer, _at, buffer, 0, left);
            _at = _have = 0;
            return left;
        }
        try
        {
            int got = socket.Receive(buffer);
            if (got == 0) throw new IOException("closed by the primary");
            heard();
            return got;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return 0;
        }
    }

    private long ReadCounted(Stream into, long length, Action<long> progress)
    {
        for (long left = length; left > 0;)
        {
            if (_at == _have) Fill();
            int n = (int)Math.Min(left, _have - _at);
            into.Write(buffer, _at, n);
            _at += n;
            left -= n;
            progress(length - left);
        }
        return length;
    }

    private long ReadMarked(Stream into, byte[] mark, Action<long> progress)
    {
        // The primary sends nothing behind the mark before our first acknowledgement: it ends what has arrived.
        var tail = new byte[MarkLength];
        int tailLength = 0;
        long length = 0;
        while (true)
        {
            if (_at == _have) Fill();
            var bytes = buffer.AsSpan(_at, _have - _at);
            into.Write(bytes);
            length += bytes.Length;
            _at = _have;
            if (bytes.Length >= MarkLength)
            {
                bytes[^MarkLength..].CopyTo(tail);
                tailLength = MarkLength;
            }
            else
            {
                int kept = Math.Min(tailLength, MarkLength - bytes.Length);
                tail.AsSpan(tailLength - kept, kept).CopyTo(tail);
                bytes.CopyTo(tail.AsSpan(kept));
                tailLength = kept + bytes.Length;
            }
            progress(length);
            if (tailLength < MarkLength || !tail.AsSpan().SequenceEqual(mark)) continue;
            into.SetLength(length - MarkLength);
            return length - MarkLength;
        }
    }

    private void Fill()
    {
        _at = _have = 0;
        while (_have == 0)
        {
            _have = ReadSome();
            if (_have == 0) waited();
        }
    }
}
