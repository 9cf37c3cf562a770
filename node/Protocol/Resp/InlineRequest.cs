// The space-separated form people type into telnet: words, 'single' and "double" quoted strings with escapes.
namespace Shoal.Protocol.Resp;

/// <summary>Splits a line as Redis does (also the syntax of a redis.conf line) .</summary>
public static unsafe class InlineRequest
{
    /// <summary>Writes the words of <paramref name="line"/> as one RESP array into <paramref name="into"/>; returns their number, or -1 for unbalanced quotes.</summary>
    public static int Split(ReadOnlySpan<byte> line, NativeBuffer into)
    {
        var words = SplitWords(line);
        if (words is null) return -1;
        into.Clear();
        RequestWriter.Header(into, words.Count);
        foreach (byte[] word in words) RequestWriter.Bulk(into, word);
        return words.Count;
    }

    /// <summary>The words of <paramref name="line"/>, unquoted and unescaped; null for unbalanced quotes.</summary>
    public static List<byte[]>? SplitWords(ReadOnlySpan<byte> line)
    {
        var words = new List<byte[]>();
        var word = new List<byte>();
        int i = 0;
        while (true)
        {
            while (i < line.Length && IsSpace(line[i])) i++;
            if (i >= line.Length) return words;
            word.Clear();
            if (!ReadWord(line, ref i, word)) return null;
            words.Add([.. word]);
        }
    }

    private static bool ReadWord(ReadOnlySpan<byte> line, ref int i, List<byte> word)
    {
        byte quote = 0;
        for (; i < line.Length; i++)
        {
            byte b = line[i];
            if (quote == 0)
            {
                if (IsSpace(b)) return true;
                if (b is (byte)'"' or (byte)'\'') quote = b;
                else word.Add(b);
            }
            else if (b == quote)
            {
                // A closing quote must end the word.
                i++;
                return i >= line.Length || IsSpace(line[i]);
            }
            else if (b == '\\' && i + 1 < line.Length) Escape(line, ref i, quote, word);
            else word.Add(b);
        }
        return quote == 0;
    }

    private static void Escape(ReadOnlySpan<byte> line, ref int i, byte quote, List<byte> word)
    {
        byte next = line[i + 1];
        if (quote == '\'')
        {
            if (next == '\'') i++;
            word.Add(next == '\'' ? next : (byte)'\\');
            return;
        }
        if (next == 'x' && i + 3 < line.Length && IsHex(line[i + 2]) && IsHex(line[i + 3]))
        {
            word.Add((byte)(Hex(line[i + 2]) * 16 + Hex(line[i + 3])));
            i += 3;
            return;
        }
        i++;
        word.Add(next switch { (byte)'n' => (byte)'\n', (byte)'r' => (byte)'\r', (byte)'t' => (byte)'\t', (byte)'b' => (byte)'\b', (byte)'a' => 7, _ => next });
    }

    private static bool IsSpace(byte b) => b is 32 or (>= 9 and <= 13) or 0;

    private static bool IsHex(byte b) => char.IsAsciiHexDigit((char)b);

    private static int Hex(byte b) => b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10;
}
