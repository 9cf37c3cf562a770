// Why: one element of a packed list as it is read: either a number or a run of bytes, never copied.

using System.Buffers.Binary;

namespace Shoal.Store.Values;

/// <summary>An element read from a packed list; its bytes point into the list and die with the next change of it.</summary>
public readonly ref struct Element
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly long _number;

    public Element(long number) { _number = number; IsNumber = true; }

    public Element(ReadOnlySpan<byte> text) => _text = text;

    public bool IsNumber { get; }

    /// <summary>The value of a number; 0 for a text.</summary>
    public long Number => _number;

    /// <summary>The bytes of a text; empty for a number.</summary>
    public ReadOnlySpan<byte> RawText => _text;

    /// <summary>The element as text; numbers are printed into <paramref name="scratch"/> (20 bytes or more).</summary>
    public ReadOnlySpan<byte> Text(Span<byte> scratch) => IsNumber ? IntegerText.Write(_number, scratch) : _text;

    /// <summary>Length of <see cref="Text"/> in bytes.</summary>
    public int TextLength
    {
        get
        {
            if (!IsNumber) return _text.Length;
            Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
            return IntegerText.Write(_number, scratch).Length;
        }
    }
}

/// <summary>
/// A text prepared for a packed list: parsed once, so that searching and writing it do not parse it again.
/// </summary>
public readonly ref struct Piece
{
    internal readonly ReadOnlySpan<byte> Source;
    internal readonly long Number;
    internal readonly bool IsNumber;

    /// <summary>Bytes the element takes in the list, back length included.</summary>
    public readonly int Size;

    public Piece(ReadOnlySpan<byte> text)
    {
        Source = text;
        IsNumber = IntegerText.TryParse(text, out Number);
        int body = IsNumber ? NumberBody(Number) : TextBody(text.Length);
        Size = body + PackedList.BackLengthSize(body);
    }

    public Piece(long number)
    {
        Source = default;
        Number = number;
        IsNumber = true;
        int body = NumberBody(number);
        Size = body + PackedList.BackLengthSize(body);
    }

    private static int TextBody(int length) => length < 64 ? 1 + length : length < 4096 ? 2 + length : 5 + length;

    private static int NumberBody(long v)
    {
        if (v is >= 0 and <= 127) return 1;
        if (v is >= -4096 and <= 4095) return 2;
        if (v is >= short.MinValue and <= short.MaxValue) return 3;
        if (v is >= -8388608 and <= 8388607) return 4;
        return v is >= int.MinValue and <= int.MaxValue ? 5 : 9;
    }

    /// <summary>Writes the element at <paramref name="p"/>, where <see cref="Size"/> bytes are free.</summary>
    internal unsafe void Write(byte* p)
    {
        int body = IsNumber ? WriteNumber(p, Number) : WriteText(p, Source);
        PackedList.WriteBackLength(p + body, body);
    }

    private static unsafe int WriteText(byte* p, ReadOnlySpan<byte> text)
    {
        int n = text.Length, head;
        if (n < 64) { p[0] = (byte)(0x80 | n); head = 1; }
        else if (n < 4096) { p[0] = (byte)(0xE0 | (n >> 8)); p[1] = (byte)n; head = 2; }
        else { p[0] = 0xF0; BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(p + 1, 4), n); head = 5; }
        text.CopyTo(new Span<byte>(p + head, n));
        return head + n;
    }

    private static unsafe int WriteNumber(byte* p, long v)
    {
        int body = NumberBody(v);
        switch (body)
        {
            case 1: p[0] = (byte)v; break;
            case 2: p[0] = (byte)(0xC0 | ((v >> 8) & 0x1F)); p[1] = (byte)v; break;
            default:
                p[0] = body switch { 3 => 0xF1, 4 => 0xF2, 5 => 0xF3, _ => 0xF4 };
                for (int i = 1; i < body; i++, v >>= 8) p[i] = (byte)v;
                break;
        }
        return body;
    }
}
