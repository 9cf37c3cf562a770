// The flags of one meta command, read before anything runs: a bad flag changes nothing.
using System.Buffers;
using System.Buffers.Text;

namespace Shoal.Server.Memcached;

/// <summary>Flags of a meta command: letters, some with a token behind them.</summary>
internal ref struct MetaFlags
{
    private ReadOnlySpan<byte> _line;

    public bool Base64Key, Quiet, Invalidates, KeepsEmpty;
    public ulong? Cas;
    public long? Expiry, Vivify, RecacheBelow;
    public ulong Delta, Initial, ClientFlags;
    public byte Mode;

    /// <summary>The flags in their order, for those that are echoed.</summary>
    public readonly LineReader InOrder => new(_line);

    /// <summary>Reads the rest of a line; false with what is wrong.</summary>
    public static bool TryRead(ReadOnlySpan<byte> rest, out MetaFlags flags, out string error)
    {
        flags = new MetaFlags { _line = rest, Delta = 1 };
        error = "CLIENT_ERROR bad token in command line format";
        uint seen = 0;
        var words = new LineReader(rest);
        while (!words.AtEnd)
        {
            var word = words.Next();
            var token = word[1..];
            if (!char.IsAsciiLetter((char)word[0])) { error = "CLIENT_ERROR invalid flag"; return false; }
            uint bit = 1u << (word[0] & 31);
            if (char.IsAsciiLetterLower((char)word[0]) && (seen & bit) != 0) { error = "CLIENT_ERROR duplicate flag"; return false; }
            if (char.IsAsciiLetterLower((char)word[0])) seen |= bit;
            if (!flags.Take(word[0], token, ref error)) return false;
        }
        return true;
    }

    private bool Take(byte letter, ReadOnlySpan<byte> token, ref string error)
    {
        long number;
        switch (letter)
        {
            case (byte)'b': Base64Key = true; return true;
            case (byte)'q': Quiet = true; return true;
            case (byte)'x': KeepsEmpty = true; return true;
            case (byte)'I': Invalidates = true; return true;
            case (byte)'C':
                bool isUnique = TryUnsigned(token, out ulong unique);
                Cas = unique;
                return isUnique;
            case (byte)'D': return TryUnsigned(token, out Delta);
            case (byte)'J': return TryUnsigned(token, out Initial);
            case (byte)'F': return TryUnsigned(token, out ClientFlags) && ClientFlags <= uint.MaxValue;
            case (byte)'M':
                Mode = token.Length > 0 ? token[0] : (byte)0;
                return Mode != 0;
            case (byte)'T' or (byte)'N' or (byte)'R':
                if (!LineReader.TryNumber(token, out number)) return false;
                if (letter == 'T') Expiry = number;
                else if (letter == 'N') Vivify = number;
                else RecacheBelow = number;
                return true;
            case (byte)'E':
                error = "CLIENT_ERROR explicit cas values (E) are not supported";
                return false;
            case (byte)'O': return token.Length is > 0 and <= 32;
            case (byte)'c' or (byte)'f' or (byte)'h' or (byte)'k' or (byte)'l' or (byte)'s' or (byte)'t' or (byte)'v' or (byte)'S':
                return true;
            default:
                error = "CLIENT_ERROR invalid flag";
                return false;
        }
    }

    /// <summary>Decodes a base64 key into <paramref name="into"/>; false when it is none or too long.</summary>
    public static bool TryDecodeKey(ReadOnlySpan<byte> text, Span<byte> into, out int length) =>
        Base64.DecodeFromUtf8(text, into, out _, out length) == OperationStatus.Done && length > 0;

    private static bool TryUnsigned(ReadOnlySpan<byte> token, out ulong number) =>
        Utf8Parser.TryParse(token, out number, out int used) && used == token.Length && used > 0;
}
