// The primitives of the RDB format, read from memory or from a file through a window. Every byte passes the checksum, and
// every failure names the offset.
using System.Buffers.Binary;
using System.Buffers.Text;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Reads lengths, strings and numbers; throws <see cref="SnapshotCorruptException"/> with the offset on bad input.</summary>
public sealed class SnapshotDecoder : IDisposable
{
    private const int WindowBytes = 256 * 1024;
    private readonly Stream? _source;
    private byte[] _window;
    private byte[] _plain = [];
    private int _at;
    private int _have;
    private long _windowStart;
    private int _summedTo;
    private ulong _crc;

    /// <summary>Reads <paramref name="source"/> from where it stands; that byte is offset <paramref name="offset"/>.</summary>
    public SnapshotDecoder(Stream source, long offset = 0)
    {
        _source = source;
        _window = new byte[WindowBytes];
        _windowStart = offset;
    }

    /// <summary>Reads a payload that is in memory.</summary>
    public SnapshotDecoder(byte[] payload)
    {
        _window = payload;
        _have = payload.Length;
    }

    /// <summary>Offset of the next byte.</summary>
    public long Offset => _windowStart + _at;

    /// <summary>True when the source has no further byte.</summary>
    public bool AtEnd => _at == _have && !Fill(1);

    /// <summary>Checksum of everything read so far.</summary>
    public ulong Checksum
    {
        get
        {
            Sum();
            return _crc;
        }
    }

    public byte Byte() => Take(1)[0];

    /// <summary>The next <paramref name="count"/> bytes, valid until the next read.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (_have - _at < count && !Fill(count)) throw Corrupt("unexpected end of file");
        var bytes = _window.AsSpan(_at, count);
        _at += count;
        return bytes;
    }

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    /// <summary>A plain length; a special string form here is corruption.</summary>
    public long Length()
    {
        long length = LengthOrForm(out bool special);
        return special ? throw Corrupt("unexpected string form where a length belongs") : length;
    }

    /// <summary>A number of elements or bytes that has to fit an array.</summary>
    public int Count()
    {
        long count = Length();
        return count is >= 0 and <= 0x7FFFFFC7 ? (int)count : throw Corrupt($"length {count} out of range");
    }

    /// <summary>A string in any form, valid until the next read.</summary>
    public ReadOnlySpan<byte> String()
    {
        long length = LengthOrForm(out bool special);
        if (!special)
            return length is >= 0 and <= 0x7FFFFFC7 ? Take((int)length) : throw Corrupt($"string length {length} out of range");
        return length switch
        {
            0 => Digits((sbyte)Byte()),
            1 => Digits(BinaryPrimitives.ReadInt16LittleEndian(Take(2))),
            2 => Digits(Int32()),
            3 => Decompressed(),
            _ => throw Corrupt($"unknown string form {length}"),
        };
    }

    /// <summary>A score as RDB types 3 and zset of old files write it: length byte and text, 253 nan, 254 +inf, 255 -inf.</summary>
    public double ScoreText()
    {
        byte length = Byte();
        switch (length)
        {
            case 255: return double.NegativeInfinity;
            case 254: return double.PositiveInfinity;
            case 253: return double.NaN;
        }
        var text = Take(length);
        return Utf8Parser.TryParse(text, out double score, out int used) && used == text.Length
            ? score
            : throw Corrupt("score is not a number");
    }

    /// <summary>Skips a string without decompressing it.</summary>
    public void SkipString()
    {
        long length = LengthOrForm(out bool special);
        if (special)
        {
            switch (length)
            {
                case 0: length = 1; break;
                case 1: length = 2; break;
                case 2: length = 4; break;
                case 3:
                    length = Count();
                    Count();
                    break;
                default: throw Corrupt($"unknown string form {length}");
            }
        }
        for (; length > 0; length -= WindowBytes) Take((int)Math.Min(length, WindowBytes));
    }

    public SnapshotCorruptException Corrupt(string reason) => new(reason, Offset);

    public void Dispose() => _source?.Dispose();

    private long LengthOrForm(out bool special)
    {
        byte first = Byte();
        special = false;
        switch (first >> 6)
        {
            case 0: return first & 0x3f;
            case 1: return ((first & 0x3f) << 8) | Byte();
            case 2 when first == 0x80: return BinaryPrimitives.ReadUInt32BigEndian(Take(4));
            case 2 when first == 0x81: return BinaryPrimitives.ReadInt64BigEndian(Take(8));
            case 3:
                special = true;
                return first & 0x3f;
            default: throw Corrupt($"unknown length form 0x{first:x2}");
        }
    }

    private ReadOnlySpan<byte> Digits(long number)
    {
        if (_plain.Length < 32) _plain = new byte[32];
        Utf8Formatter.TryFormat(number, _plain, out int n);
        return _plain.AsSpan(0, n);
    }

    private ReadOnlySpan<byte> Decompressed()
    {
        int compressed = Count(), length = Count();
        var from = Take(compressed);
        // A byte of LZF yields at most 264/3 bytes: refuse lengths no honest writer produces before reserving memory.
        if (length > (long)compressed * 264) throw Corrupt("compressed string with an impossible length");
        if (_plain.Length < length) _plain = new byte[Math.Max(length, 4096)];
        var into = _plain.AsSpan(0, length);
        return Lzf.TryDecompress(from, into) ? into : throw Corrupt("invalid LZF string");
    }

    private void Sum()
    {
        _crc = Crc64.Append(_crc, _window.AsSpan(_summedTo, _at - _summedTo));
        _summedTo = _at;
    }

    /// <summary>Brings <paramref name="count"/> unread bytes into the window; false when the source ends before.</summary>
    private bool Fill(int count)
    {
        if (_source is null) return false;
        Sum();
        _window.AsSpan(_at, _have - _at).CopyTo(_window);
        _windowStart += _at;
        _have -= _at;
        _at = _summedTo = 0;
        while (_have < count)
        {
            // A corrupt length must not reserve gigabytes: the window follows what really arrives.
            if (_have == _window.Length) Array.Resize(ref _window, (int)Math.Min(Math.Max(_window.Length * 2L, 4096), Array.MaxLength));
            int got = _source.Read(_window, _have, _window.Length - _have);
            if (got == 0) return false;
            _have += got;
        }
        return true;
    }
}
