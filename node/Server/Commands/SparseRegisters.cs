// The sparse form of a HyperLogLog (its format is drawn in HyperLogLog.cs): raising one register splits the run it lies in,
// then joins neighbours of equal value. The steps and their limits are those of Redis, since the bytes must come out the same.
namespace Shoal.Server.Commands;

/// <summary>What raising a register of a sparse HyperLogLog did.</summary>
internal enum Raised : byte
{
    /// <summary>The register was as high already.</summary>
    Unchanged,

    Changed,

    /// <summary>It does not fit the sparse form: convert, then raise the dense register.</summary>
    NeedsDense,

    /// <summary>The runs make no sense.</summary>
    Corrupt,
}

internal static class SparseRegisters
{
    private const int LargestValue = 32, LongestValueRun = 4, LongestShortZeros = 64, ScannedRuns = 5;

    /// <summary>Longest sparse string there can be: one byte per register. A caller's buffer needs four bytes more.</summary>
    public const int LongestText = HyperLogLog.HeaderSize + HyperLogLog.Registers;

    /// <summary>Reads the run at <paramref name="at"/> and steps behind it; false when it is cut off.</summary>
    public static bool TryRun(ReadOnlySpan<byte> text, ref int at, out int run, out byte value)
    {
        byte code = text[at];
        value = 0;
        run = (code & 0x3F) + 1;
        if (IsValue(code))
        {
            run = RunOf(code);
            value = (byte)ValueOf(code);
        }
        else if (IsLongZeros(code))
        {
            if (at + 1 >= text.Length) return false;
            run = ((code & 0x3F) << 8 | text[at + 1]) + 1;
            at++;
        }
        at++;
        return true;
    }

    /// <summary>Raises register <paramref name="index"/> of the sparse string in the first <paramref name="length"/> bytes of <paramref name="buffer"/>.</summary>
    /// <param name="buffer">The string with room behind it.</param>
    /// <param name="length">Its length, updated.</param>
    /// <param name="index">Register.</param>
    /// <param name="value">Value asked for.</param>
    /// <param name="maxBytes">hll-sparse-max-bytes: a split beyond this length asks for the dense form.</param>
    public static Raised Raise(Span<byte> buffer, ref int length, int index, byte value, long maxBytes)
    {
        if (value > LargestValue) return Raised.NeedsDense;
        int at = HyperLogLog.HeaderSize, previous = -1, first = 0, run = 0, next = at;
        byte old = 0;
        while (at < length)
        {
            next = at;
            if (!TryRun(buffer[..length], ref next, out run, out old)) return Raised.Corrupt;
            if (index < first + run) break;
            previous = at;
            at = next;
            first += run;
        }
        if (run == 0 || at >= length) return Raised.Corrupt;
        bool isValue = IsValue(buffer[at]);
        if (isValue && old >= value) return Raised.Unchanged;
        if (run == 1 && next == at + 1) buffer[at] = Value(value, 1);
        else
        {
            Span<byte> runs = stackalloc byte[5];
            int n = 0, before = index - first, behind = first + run - 1 - index;
            Rest(runs, ref n, before, isValue, old);
            runs[n++] = Value(value, 1);
            Rest(runs, ref n, behind, isValue, old);
            int more = n - (next - at);
            if (more > 0 && length + more > maxBytes) return Raised.NeedsDense;
            buffer[next..length].CopyTo(buffer[(next + more)..]);
            runs[..n].CopyTo(buffer[at..]);
            length += more;
        }
        Join(buffer, ref length, previous >= 0 ? previous : HyperLogLog.HeaderSize);
        HyperLogLog.Invalidate(buffer);
        return Raised.Changed;
    }

    /// <summary>The runs as PFDEBUG DECODE shows them.</summary>
    public static string Describe(ReadOnlySpan<byte> text)
    {
        var words = new List<string>();
        for (int at = HyperLogLog.HeaderSize; at < text.Length;)
        {
            byte code = text[at];
            if (!TryRun(text, ref at, out int run, out byte value)) break;
            words.Add(IsValue(code) ? $"v:{value},{run}" : IsLongZeros(code) ? $"Z:{run}" : $"z:{run}");
        }
        return string.Join(' ', words);
    }

    /// <summary>What stays of a split run on one side.</summary>
    private static void Rest(Span<byte> runs, ref int n, int count, bool isValue, byte value)
    {
        if (count == 0) return;
        if (isValue) runs[n++] = Value(value, count);
        else
        {
            if (count > LongestShortZeros) runs[n++] = (byte)(0x40 | (count - 1) >> 8);
            runs[n++] = (byte)(count - 1);
        }
    }

    /// <summary>Joins equal neighbours among the next few runs.</summary>
    private static void Join(Span<byte> buffer, ref int length, int at)
    {
        for (int left = ScannedRuns; at < length && left > 0; left--)
        {
            byte code = buffer[at];
            if (!IsValue(code))
            {
                at += IsLongZeros(code) ? 2 : 1;
                continue;
            }
            if (at + 1 < length && IsValue(buffer[at + 1]) && ValueOf(code) == ValueOf(buffer[at + 1])
                && RunOf(code) + RunOf(buffer[at + 1]) <= LongestValueRun)
            {
                buffer[at + 1] = Value(ValueOf(code), RunOf(code) + RunOf(buffer[at + 1]));
                buffer[(at + 1)..length].CopyTo(buffer[at..]);
                length--;
                continue;
            }
            at++;
        }
    }

    private static bool IsValue(byte code) => (code & 0x80) != 0;

    private static bool IsLongZeros(byte code) => (code & 0xC0) == 0x40;

    private static int ValueOf(byte code) => (code >> 2 & 0x1F) + 1;

    private static int RunOf(byte code) => (code & 3) + 1;

    private static byte Value(int value, int run) => (byte)(0x80 | (value - 1) << 2 | (run - 1));
}
