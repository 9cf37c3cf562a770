// Values -> RESP2 or RESP3 bytes in native memory. One writer serves a whole turn of a reactor: replies of a pipeline
// lie behind each other and leave with one send. Nothing here allocates on the managed heap once the buffer has grown.
using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Shoal.Protocol.Resp;

/// <summary>Writes replies in the protocol version of the session it is lent to.</summary>
public sealed unsafe class ReplyWriter : IDisposable
{
    private readonly NativeBuffer _buffer;

    public ReplyWriter(int capacity = 16 * 1024) => _buffer = new NativeBuffer(capacity);

    /// <summary>2 or 3.</summary>
    public int Resp { get; set; } = 2;

    /// <summary>Bytes written so far.</summary>
    public int Length => _buffer.Length;

    /// <summary>Bytes written so far.</summary>
    public ReadOnlySpan<byte> Written => _buffer.Written;

    /// <summary>First byte; moves when the buffer grows.</summary>
    public byte* Start => _buffer.Start;

    /// <summary>Bytes reserved.</summary>
    public int Capacity => _buffer.Capacity;

    /// <summary>Replies grew beyond the ceiling of <see cref="Bound"/>: what was written since is not to be sent. Loops that may write
    /// millions of elements end when they see it.</summary>
    public bool Overflowed => _buffer.Overflowed;

    /// <summary>True when an error reply was written since <see cref="ErrorSeen"/> was last cleared (statistics, EXEC).</summary>
    public bool ErrorSeen { get; set; }

    public void Ok() => Raw("+OK\r\n"u8);

    public void Queued() => Raw("+QUEUED\r\n"u8);

    public void Zero() => Raw(":0\r\n"u8);

    public void One() => Raw(":1\r\n"u8);

    public void EmptyBulk() => Raw("$0\r\n\r\n"u8);

    public void EmptyArray() => Raw("*0\r\n"u8);

    /// <summary>A status line; must hold neither CR nor LF.</summary>
    public void Simple(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    /// <inheritdoc cref="Simple(ReadOnlySpan{byte})"/>
    public void Simple(string text) => Line((byte)'+', text);

    /// <summary>An error with its code in front: <c>Error("ERR no such key")</c>. CR and LF become spaces.</summary>
    public void Error(string text)
    {
        ErrorSeen = true;
        Line((byte)'-', text);
    }

    /// <inheritdoc cref="Error(string)"/>
    public void Error(ReadOnlySpan<byte> text)
    {
        ErrorSeen = true;
        Line((byte)'-', text);
    }

    public void Integer(long value)
    {
        byte* p = _buffer.Reserve(24);
        if ((ulong)value < 10)
        {
            *(int*)p = ':' | ((int)(value + '0') << 8) | ('\r' << 16) | ('\n' << 24);
            _buffer.Advance(4);
            return;
        }
        p[0] = (byte)':';
        Utf8Formatter.TryFormat(value, new Span<byte>(p + 1, 20), out int digits);
        p[digits + 1] = (byte)'\r';
        p[digits + 2] = (byte)'\n';
        _buffer.Advance(digits + 3);
    }

    public void Bulk(ReadOnlySpan<byte> value)
    {
        int length = value.Length;
        byte* p = _buffer.Reserve(length + 16);
        byte* q = p;
        *q++ = (byte)'$';
        if (length < 10) *q++ = (byte)(length + '0');
        else if (length < 100)
        {
            *q++ = (byte)(length / 10 + '0');
            *q++ = (byte)(length % 10 + '0');
        }
        else
        {
            Utf8Formatter.TryFormat(length, new Span<byte>(q, 11), out int digits);
            q += digits;
        }
        *(short*)q = 0x0A0D;
        q += 2;
        value.CopyTo(new Span<byte>(q, length));
        q += length;
        *(short*)q = 0x0A0D;
        _buffer.Advance((int)(q + 2 - p));
    }

    /// <summary>A bulk string of <paramref name="text"/> in UTF-8.</summary>
    public void Bulk(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        Head((byte)'$', length);
        byte* p = _buffer.Reserve(length + 2);
        Encoding.UTF8.GetBytes(text, new Span<byte>(p, length));
        *(short*)(p + length) = 0x0A0D;
        _buffer.Advance(length + 2);
    }

    /// <summary>A bulk string of a decimal number.</summary>
    public void Bulk(long number)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, text, out int length);
        Bulk(text[..length]);
    }

    /// <summary>Nothing where a string would be: <c>$-1</c>, or <c>_</c> in RESP3.</summary>
    public void Null() => Raw(Resp == 2 ? "$-1\r\n"u8 : "_\r\n"u8);

    /// <summary>Nothing where an array would be: <c>*-1</c>, or <c>_</c> in RESP3.</summary>
    public void NullArray() => Raw(Resp == 2 ? "*-1\r\n"u8 : "_\r\n"u8);

    /// <summary>Header of <paramref name="count"/> elements that follow.</summary>
    public void Array(int count) => Head((byte)'*', count);

    /// <summary>Header of <paramref name="pairs"/> key-value pairs that follow (a flat array in RESP2).</summary>
    public void Map(int pairs) => Head(Resp == 2 ? (byte)'*' : (byte)'%', Resp == 2 ? pairs * 2 : pairs);

    /// <summary>Header of a set (an array in RESP2).</summary>
    public void Set(int count) => Head(Resp == 2 ? (byte)'*' : (byte)'~', count);

    /// <summary>Header of an out-of-band push (an array in RESP2).</summary>
    public void Push(int count) => Head(Resp == 2 ? (byte)'*' : (byte)'>', count);

    /// <summary>A double: a bulk string in RESP2; shortest text that reads back the same, Redis's inf, -inf, nan.</summary>
    public void Double(double value)
    {
        Span<byte> text = stackalloc byte[40];
        int length = FormatDouble(value, text);
        if (Resp == 2) Bulk(text[..length]);
        else Line((byte)',', text[..length]);
    }

    /// <summary><c>:1</c>/<c>:0</c>, or <c>#t</c>/<c>#f</c> in RESP3.</summary>
    public void Bool(bool value)
    {
        if (Resp == 2) Raw(value ? ":1\r\n"u8 : ":0\r\n"u8);
        else Raw(value ? "#t\r\n"u8 : "#f\r\n"u8);
    }

    /// <summary>Text for a human: a bulk string, or a verbatim string of format "txt" in RESP3.</summary>
    public void Verbatim(string text)
    {
        if (Resp == 2)
        {
            Bulk(text);
            return;
        }
        Head((byte)'=', Encoding.UTF8.GetByteCount(text) + 4);
        Raw("txt:"u8);
        Raw(Encoding.UTF8.GetBytes(text));
        Raw("\r\n"u8);
    }

    /// <summary>Text of a format of three bytes: a bulk string, or a verbatim string in RESP3.</summary>
    public void Verbatim(ReadOnlySpan<byte> format, ReadOnlySpan<byte> text)
    {
        if (Resp == 2)
        {
            Bulk(text);
            return;
        }
        Head((byte)'=', text.Length + 4);
        Span<byte> prefix = stackalloc byte[4];
        prefix.Fill((byte)' ');
        format[..Math.Min(format.Length, 3)].CopyTo(prefix);
        prefix[3] = (byte)':';
        Raw(prefix);
        Raw(text);
        Raw("\r\n"u8);
    }

    /// <summary>A decimal integer of any length: a bulk string, or <c>(</c> in RESP3.</summary>
    public void BigNumber(ReadOnlySpan<byte> digits)
    {
        if (Resp == 2) Bulk(digits);
        else Line((byte)'(', digits);
    }

    /// <summary>Bytes that are already a reply.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Raw(ReadOnlySpan<byte> reply)
    {
        byte* p = _buffer.Reserve(reply.Length);
        reply.CopyTo(new Span<byte>(p, reply.Length));
        _buffer.Advance(reply.Length);
    }

    /// <summary>
    /// Starts an array whose count is only known behind its elements: <c>int mark = DeferArray(); ... EndArray(mark, n)</c>.
    /// </summary>
    public int DeferArray()
    {
        int mark = Length;
        _buffer.Reserve(16);
        _buffer.Advance(16);
        return mark;
    }

    /// <summary>Writes the header of the array begun at <paramref name="mark"/>.</summary>
    public void EndArray(int mark, int count) => EndDeferred(mark, (byte)'*', count);

    /// <summary>Writes the header of a map begun by <see cref="DeferArray"/>.</summary>
    public void EndMap(int mark, int pairs) => EndDeferred(mark, Resp == 2 ? (byte)'*' : (byte)'%', Resp == 2 ? pairs * 2 : pairs);

    /// <summary>Writes the header of a set begun by <see cref="DeferArray"/>.</summary>
    public void EndSet(int mark, int count) => EndDeferred(mark, Resp == 2 ? (byte)'*' : (byte)'~', count);

    /// <summary>Forgets everything behind <paramref name="length"/>.</summary>
    public void Truncate(int length) => _buffer.Truncate(Math.Min(length, _buffer.Length));

    /// <summary>From here on at most <paramref name="bytes"/> are kept (about: it is looked at when the buffer grows).</summary>
    public void Bound(int bytes)
    {
        _buffer.Overflowed = false;
        _buffer.Floor = Length;
        _buffer.Ceiling = (int)Math.Min((long)Length + bytes, System.Array.MaxLength);
    }

    /// <summary>Drops the first <paramref name="count"/> bytes.</summary>
    public void RemoveFirst(int count) => _buffer.RemoveFirst(count);

    /// <summary>Empties the writer, giving memory beyond <paramref name="keep"/> bytes back.</summary>
    public void Clear(int keep = int.MaxValue) => _buffer.Clear(keep);

    public void Dispose() => _buffer.Dispose();

    /// <summary>The text Redis gives a double; returns its length (at most 40 bytes).</summary>
    public static int FormatDouble(double value, Span<byte> into)
    {
        if (double.IsNaN(value)) return Copy("nan"u8, into);
        if (double.IsInfinity(value)) return value > 0 ? Copy("inf"u8, into) : Copy("-inf"u8, into);
        if (value == Math.Floor(value) && Math.Abs(value) < 1e17)
        {
            if (value == 0 && double.IsNegative(value)) return Copy("-0"u8, into);
            Utf8Formatter.TryFormat((long)value, into, out int whole);
            return whole;
        }
        value.TryFormat(into, out int length, "R", CultureInfo.InvariantCulture);
        for (int i = 0; i < length; i++)
            if (into[i] == 'E') into[i] = (byte)'e';
        return length;
    }

    private static int Copy(ReadOnlySpan<byte> text, Span<byte> into)
    {
        text.CopyTo(into);
        return text.Length;
    }

    private void Head(byte kind, int number)
    {
        byte* p = _buffer.Reserve(16);
        *p = kind;
        if ((uint)number < 10)
        {
            p[1] = (byte)(number + '0');
            *(short*)(p + 2) = 0x0A0D;
            _buffer.Advance(4);
            return;
        }
        Utf8Formatter.TryFormat(number, new Span<byte>(p + 1, 11), out int digits);
        *(short*)(p + digits + 1) = 0x0A0D;
        _buffer.Advance(digits + 3);
    }

    private void EndDeferred(int mark, byte kind, int number)
    {
        if (Overflowed) return; // the mark lies in what was lost
        byte* p = _buffer.Start + mark;
        *p = kind;
        Utf8Formatter.TryFormat(number, new Span<byte>(p + 1, 11), out int digits);
        *(short*)(p + digits + 1) = 0x0A0D;
        int head = digits + 3, rest = Length - mark - 16;
        Buffer.MemoryCopy(p + 16, p + head, rest, rest);
        _buffer.Truncate(mark + head + rest);
    }

    private void Line(byte kind, ReadOnlySpan<byte> text)
    {
        byte* p = _buffer.Reserve(text.Length + 3);
        *p = kind;
        for (int i = 0; i < text.Length; i++) p[i + 1] = text[i] is (byte)'\r' or (byte)'\n' ? (byte)' ' : text[i];
        *(short*)(p + text.Length + 1) = 0x0A0D;
        _buffer.Advance(text.Length + 3);
    }

    private void Line(byte kind, string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        byte* p = _buffer.Reserve(length + 3);
        *p = kind;
        Encoding.UTF8.GetBytes(text, new Span<byte>(p + 1, length));
        for (int i = 1; i <= length; i++)
            if (p[i] is (byte)'\r' or (byte)'\n') p[i] = (byte)' ';
        *(short*)(p + length + 1) = 0x0A0D;
        _buffer.Advance(length + 3);
    }
}
