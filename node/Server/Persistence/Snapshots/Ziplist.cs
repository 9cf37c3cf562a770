// Ziplists and zipmaps: the small encodings of Redis before 7 and before 2.6. Read only, with every step checked.
//
//   ziplist   bytes:4 LE, tail:4 LE, count:2 LE, entries, FF
//   entry     previous length (1 byte, or FE + 4 bytes), then
//             00LLLLLL | 01LLLLLL LLLLLLLL | 80 LLLLLLLL x4 (BE)   text
//             C0 int16 | D0 int32 | E0 int64 | F0 int24 | FE int8 | F1..FD 0..12
//   zipmap    count, then pairs: length, field, length, free, value, free bytes; FF ends
//             length is one byte below FE, or FE + 4 bytes LE
using System.Buffers.Binary;
using System.Buffers.Text;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Walks the elements of a ziplist.</summary>
internal ref struct Ziplist
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly Span<byte> _scratch;
    private int _at;

    /// <param name="scratch">20 bytes for numbers.</param>
    public Ziplist(ReadOnlySpan<byte> bytes, Span<byte> scratch)
    {
        _bytes = bytes;
        _scratch = scratch;
        _at = 10;
        Failed = bytes.Length < 11 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != bytes.Length || bytes[^1] != 0xFF;
    }

    /// <summary>The bytes are not a ziplist.</summary>
    public bool Failed { get; private set; }

    /// <summary>The element here, valid until the next step.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    public bool MoveNext()
    {
        if (Failed || _at >= _bytes.Length || _bytes[_at] == 0xFF) return false;
        _at += _bytes[_at] == 0xFE ? 5 : 1;
        if (_at >= _bytes.Length - 1) return Fail();
        byte form = _bytes[_at++];
        return (form >> 6) switch
        {
            0 => Text(form & 0x3f),
            1 => Text((form & 0x3f) << 8 | _bytes[_at++]),
            2 => _at + 4 < _bytes.Length && Text(BinaryPrimitives.ReadInt32BigEndian(Skip(4))) || Fail(),
            _ => Integer(form),
        };
    }

    private bool Text(int length)
    {
        if (length < 0 || length > _bytes.Length - 1 - _at) return Fail();
        Current = Skip(length);
        return true;
    }

    private bool Integer(byte form)
    {
        int width = form switch { 0xC0 => 2, 0xD0 => 4, 0xE0 => 8, 0xF0 => 3, 0xFE => 1, >= 0xF1 and <= 0xFD => 0, _ => -1 };
        if (width < 0 || _at + width >= _bytes.Length) return Fail();
        long value = width switch
        {
            0 => (form & 0x0f) - 1,
            1 => (sbyte)_bytes[_at],
            2 => BinaryPrimitives.ReadInt16LittleEndian(_bytes[_at..]),
            3 => (_bytes[_at] | _bytes[_at + 1] << 8 | _bytes[_at + 2] << 16) << 8 >> 8,
            4 => BinaryPrimitives.ReadInt32LittleEndian(_bytes[_at..]),
            _ => BinaryPrimitives.ReadInt64LittleEndian(_bytes[_at..]),
        };
        _at += width;
        Utf8Formatter.TryFormat(value, _scratch, out int n);
        Current = _scratch[..n];
        return true;
    }

    private ReadOnlySpan<byte> Skip(int count)
    {
        _at += count;
        return _bytes.Slice(_at - count, count);
    }

    private bool Fail()
    {
        Failed = true;
        return false;
    }
}

/// <summary>Walks the fields and values of a zipmap, one after the other.</summary>
internal ref struct Zipmap
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _at = 1;
    private bool _valueNext;

    public Zipmap(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
        Failed = bytes.Length < 2 || bytes[^1] != 0xFF;
    }

    public bool Failed { get; private set; }

    public ReadOnlySpan<byte> Current { get; private set; }

    public bool MoveNext()
    {
        if (Failed || _at >= _bytes.Length || (!_valueNext && _bytes[_at] == 0xFF)) return false;
        long length = _bytes[_at++];
        if (length == 0xFE)
        {
            if (_at + 4 > _bytes.Length) return Fail();
            length = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_at..]);
            _at += 4;
        }
        int free = 0;
        if (_valueNext)
        {
            if (_at >= _bytes.Length) return Fail();
            free = _bytes[_at++];
        }
        if (length == 0xFF || length + free > _bytes.Length - 1 - _at) return Fail();
        Current = _bytes.Slice(_at, (int)length);
        _at += (int)length + free;
        _valueNext = !_valueNext;
        return true;
    }

    private bool Fail()
    {
        Failed = true;
        return false;
    }
}
