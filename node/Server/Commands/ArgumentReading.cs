// Reading of arguments that all families share: option words and integers, without allocation.
using System.Runtime.CompilerServices;
using System.Text;
using Shoal.Store.Values;

namespace Shoal.Server.Commands;

/// <summary>Options and numbers among arguments.</summary>
public static class ArgumentReading
{
    /// <summary>True when the argument is that word, in any case. <paramref name="word"/> is ASCII.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Is(this ReadOnlySpan<byte> argument, ReadOnlySpan<byte> word) =>
        argument.Length == word.Length && Ascii.EqualsIgnoreCase(argument, word);

    /// <summary>Reads a 64-bit integer, or writes <paramref name="error"/> and returns false.</summary>
    public static bool TryInteger(this ref CommandContext c, int index, out long value,
        string error = Protocol.Resp.ErrorReplies.NotInteger)
    {
        if (IntegerText.TryParse(c[index], out value)) return true;
        c.Reply.Error(error);
        return false;
    }
}
