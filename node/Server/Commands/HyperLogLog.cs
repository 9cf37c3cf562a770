// HyperLogLog as Redis stores it, byte for byte, so that strings move freely between servers: 16384 registers of 6 bits that
// keep, for each of 2^14 streams of hashes, the longest run of zeros seen. Knows no keys and no replies.
//
//   +------+---+-----+----------+---------------------------+
//   | HYLL | E | 000 | cached   | registers                 |    E = 0 dense, 1 sparse; the cached cardinality is little
//   +------+---+-----+----------+---------------------------+    endian, its top bit says it is stale
//      4     1    3       8
//
// Dense: register i lies at bit 6*i, least significant bit first. Sparse: runs of registers,
//   00xxxxxx            ZERO: x+1 registers of 0
//   01xxxxxx yyyyyyyy   XZERO: xy+1 registers of 0 (14 bits)
//   1vvvvvxx            VAL: x+1 registers of value v+1 (value up to 32, run up to 4)
//
// Estimator: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017 (tau and sigma).
using System.Buffers.Binary;

namespace Shoal.Server.Commands;

internal static class HyperLogLog
{
    public const int Registers = 1 << Precision;
    public const int HeaderSize = 16;
    public const int DenseSize = HeaderSize + (Registers * 6 + 7) / 8;
    private const int Precision = 14, Hashes = 64 - Precision;
    private const byte Dense = 0, Sparse = 1;

    /// <summary>Header and shape of a string fit: what stands in front of "WRONGTYPE" otherwise.</summary>
    public static bool IsOne(ReadOnlySpan<byte> text) =>
        text.Length >= HeaderSize && text.StartsWith("HYLL"u8) && text[4] <= Sparse && (text[4] != Dense || text.Length == DenseSize);

    public static bool IsDense(ReadOnlySpan<byte> text) => text[4] == Dense;

    /// <summary>An empty one: sparse, its registers all 0.</summary>
    public static ReadOnlySpan<byte> Empty => [(byte)'H', (byte)'Y', (byte)'L', (byte)'L', Sparse, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0xFF];

    /// <summary>The register an element belongs to and the value it asks for.</summary>
    public static (int Register, byte Value) Place(ReadOnlySpan<byte> element)
    {
        ulong hash = Hash(element);
        int register = (int)(hash & (Registers - 1));
        ulong rest = (hash >> Precision) | (1UL << Hashes);
        return (register, (byte)(System.Numerics.BitOperations.TrailingZeroCount(rest) + 1));
    }

    /// <summary>The cached cardinality, or -1 when it is stale.</summary>
    public static long Cached(ReadOnlySpan<byte> text)
    {
        long cached = BinaryPrimitives.ReadInt64LittleEndian(text[8..]);
        return cached < 0 ? -1 : cached;
    }

    public static void Cache(Span<byte> text, long cardinality) => BinaryPrimitives.WriteInt64LittleEndian(text[8..], cardinality);

    public static void Invalidate(Span<byte> text) => text[15] |= 0x80;

    /// <summary>Register <paramref name="i"/> of a dense one.</summary>
    public static byte Get(ReadOnlySpan<byte> dense, int i)
    {
        var bytes = dense[HeaderSize..];
        int at = i * 6 / 8, bit = i * 6 & 7;
        int pair = bytes[at] | (at + 1 < bytes.Length ? bytes[at + 1] << 8 : 0);
        return (byte)((pair >> bit) & 63);
    }

    /// <summary>Raises register <paramref name="i"/> of a dense one; false when it was as high already.</summary>
    public static bool Raise(Span<byte> dense, int i, byte value)
    {
        if (Get(dense, i) >= value) return false;
        var bytes = dense[HeaderSize..];
        int at = i * 6 / 8, bit = i * 6 & 7;
        bytes[at] = (byte)((bytes[at] & ~(63 << bit)) | (value << bit));
        if (at + 1 < bytes.Length) bytes[at + 1] = (byte)((bytes[at + 1] & ~(63 >> (8 - bit))) | (value >> (8 - bit)));
        return true;
    }

    /// <summary>Raises <paramref name="into"/> (one byte per register) to what <paramref name="text"/> holds; false when it is corrupt.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, Span<byte> into)
    {
        if (IsDense(text))
        {
            for (int i = 0; i < Registers; i++) into[i] = Math.Max(into[i], Get(text, i));
            return true;
        }
        int register = 0;
        for (int at = HeaderSize; at < text.Length;)
        {
            if (!SparseRegisters.TryRun(text, ref at, out int run, out byte value) || register + run > Registers) return false;
            if (value > 0)
                foreach (ref byte r in into.Slice(register, run)) r = Math.Max(r, value);
            register += run;
        }
        return register == Registers;
    }

    /// <summary>Writes a dense one from one byte per register; the rest of its header, the cache too, stays as it is.</summary>
    public static void WriteDense(ReadOnlySpan<byte> registers, Span<byte> dense)
    {
        Empty[..4].CopyTo(dense);
        dense[4] = Dense;
        dense[HeaderSize..DenseSize].Clear();
        for (int i = 0; i < Registers; i++)
            if (registers[i] > 0) Raise(dense[..DenseSize], i, registers[i]);
    }

    /// <summary>How many different elements these registers have probably seen.</summary>
    public static long Estimate(ReadOnlySpan<byte> registers)
    {
        Span<int> histogram = stackalloc int[64];
        histogram.Clear();
        foreach (byte r in registers) histogram[r & 63]++;
        const double m = Registers;
        double z = m * Tau((m - histogram[Hashes + 1]) / m);
        for (int j = Hashes; j >= 1; j--)
        {
            z += histogram[j];
            z *= 0.5;
        }
        z += m * Sigma(histogram[0] / m);
        const double alphaInfinity = 0.721347520444481703680;
        return (long)Math.Round(alphaInfinity * m * m / z, MidpointRounding.AwayFromZero);
    }

    private static double Sigma(double x)
    {
        if (x == 1) return double.PositiveInfinity;
        double before, y = 1, z = x;
        do
        {
            x *= x;
            before = z;
            z += x * y;
            y += y;
        }
        while (before != z);
        return z;
    }

    private static double Tau(double x)
    {
        if (x is 0 or 1) return 0;
        double before, y = 1, z = 1 - x;
        do
        {
            x = Math.Sqrt(x);
            before = z;
            y *= 0.5;
            z -= Math.Pow(1 - x, 2) * y;
        }
        while (before != z);
        return z / 3;
    }

    /// <summary>MurmurHash2, 64 bit (Austin Appleby, public domain), with the seed of the format.</summary>
    private static ulong Hash(ReadOnlySpan<byte> text)
    {
        const ulong m = 0xC6A4A7935BD1E995;
        ulong h = 0xADC83B19 ^ ((ulong)text.Length * m);
        while (text.Length >= 8)
        {
            ulong k = BinaryPrimitives.ReadUInt64LittleEndian(text) * m;
            h = (h ^ ((k ^ (k >> 47)) * m)) * m;
            text = text[8..];
        }
        if (text.Length > 0)
        {
            for (int i = text.Length - 1; i >= 0; i--) h ^= (ulong)text[i] << (8 * i);
            h *= m;
        }
        h = (h ^ (h >> 47)) * m;
        return h ^ (h >> 47);
    }
}
