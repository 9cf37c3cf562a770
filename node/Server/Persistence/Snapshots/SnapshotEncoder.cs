// The primitives of the RDB format, written into a native buffer. Small integers and compressible strings take their
// short forms, as Redis writes them.
using System.Buffers.Binary;
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Writes lengths, strings and numbers. Not thread-safe.</summary>
public sealed unsafe class SnapshotEncoder
{
    private const int CompressAbove = 20;
    private readonly int[] _work = new int[Lzf.WorkEntries];

    public SnapshotEncoder(NativeBuffer into) => Into = into;

    /// <summary>Where the bytes go.</summary>
    public NativeBuffer Into { get; set; }

    /// <summary>rdbcompression: strings above 20 bytes are tried with LZF.</summary>
    public bool Compresses { get; set; } = true;

    public void Byte(byte value)
    {
        *Into.Reserve(1) = value;
        Into.Advance(1);
    }

    public void Raw(ReadOnlySpan<byte> bytes) => Into.Append(bytes);

    /// <summary>A length; what is negative as a long goes out as the 64 bits it is (stream IDs, -1 for "unknown").</summary>
    public void Length(long value)
    {
        byte* p = Into.Reserve(9);
        if ((ulong)value < 64)
        {
            p[0] = (byte)value;
            Into.Advance(1);
        }
        else if ((ulong)value < 16384)
        {
            p[0] = (byte)(0x40 | (value >> 8));
            p[1] = (byte)value;
            Into.Advance(2);
        }
        else if ((ulong)value <= uint.MaxValue)
        {
            p[0] = 0x80;
            BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(p + 1, 4), (uint)value);
            Into.Advance(5);
        }
        else
        {
            p[0] = 0x81;
            BinaryPrimitives.WriteInt64BigEndian(new Span<byte>(p + 1, 8), value);
            Into.Advance(9);
        }
    }

    /// <summary>A string in its shortest form: integer, LZF, or as it is.</summary>
    public void String(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= 11 && TryInteger(bytes, out long number) && ShortInteger(number)) return;
        if (Compresses && bytes.Length > CompressAbove && Compressed(bytes)) return;
        Length(bytes.Length);
        Into.Append(bytes);
    }

    /// <summary>A number as the string of its decimal digits.</summary>
    public void Integer(long number)
    {
        if (ShortInteger(number)) return;
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out int n);
        Length(n);
        Into.Append(digits[..n]);
    }

    public void Double(double value)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(new Span<byte>(Into.Reserve(8), 8), value);
        Into.Advance(8);
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(new Span<byte>(Into.Reserve(8), 8), value);
        Into.Advance(8);
    }

    /// <summary>An aux field.</summary>
    public void Aux(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Byte(SnapshotFormat.OpAux);
        String(name);
        String(value);
    }

    private bool ShortInteger(long number)
    {
        byte* p = Into.Reserve(5);
        switch (number)
        {
            case >= sbyte.MinValue and <= sbyte.MaxValue:
                p[0] = 0xC0;
                p[1] = (byte)number;
                Into.Advance(2);
                return true;
            case >= short.MinValue and <= short.MaxValue:
                p[0] = 0xC1;
                BinaryPrimitives.WriteInt16LittleEndian(new Span<byte>(p + 1, 2), (short)number);
                Into.Advance(3);
                return true;
            case >= int.MinValue and <= int.MaxValue:
                p[0] = 0xC2;
                BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(p + 1, 4), (int)number);
                Into.Advance(5);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Only the canonical text of an integer may become one: "007" and "-0" must come back as they were.</summary>
    private static bool TryInteger(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        if (text.Length == 0 || !Utf8Parser.TryParse(text, out number, out int used) || used != text.Length) return false;
        int first = text[0] == '-' ? 1 : 0;
        if (text[0] == '+') return false;
        return text[first] != '0' || text.Length == 1;
    }

    private bool Compressed(ReadOnlySpan<byte> bytes)
    {
        const int head = 1 + 9 + 9; // control byte and both lengths at their longest
        int start = Into.Length;
        byte* p = Into.Reserve(head + bytes.Length);
        int length = Lzf.Compress(bytes, new Span<byte>(p + head, bytes.Length - 4), _work);
        if (length == 0) return false;
        Byte(0xC3);
        Length(length);
        Length(bytes.Length);
        // Reserved in one piece, so writing the head did not move the buffer.
        Buffer.MemoryCopy(Into.Start + start + head, Into.Start + Into.Length, length, length);
        Into.Advance(length);
        return true;
    }
}
