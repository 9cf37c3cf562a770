// The conditions of ZADD: which members it may add, which scores it may change.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Commands;

internal struct ZAddOptions
{
    public bool OnlyNew, OnlyExisting, OnlyGreater, OnlyLess, CountChanged, Increment;

    public readonly bool IsConditional => OnlyNew | OnlyExisting | OnlyGreater | OnlyLess;

    /// <summary>Reads the options from argument 2 on; <paramref name="first"/> is the first score.</summary>
    public bool TryRead(ref CommandContext c, out int first)
    {
        for (first = 2; first < c.ArgCount; first++)
        {
            var word = c[first];
            if (word.Is("NX"u8)) OnlyNew = true;
            else if (word.Is("XX"u8)) OnlyExisting = true;
            else if (word.Is("GT"u8)) OnlyGreater = true;
            else if (word.Is("LT"u8)) OnlyLess = true;
            else if (word.Is("CH"u8)) CountChanged = true;
            else if (word.Is("INCR"u8)) Increment = true;
            else break;
        }
        int rest = c.ArgCount - first;
        string? error =
            rest == 0 || rest % 2 != 0 ? ErrorReplies.Syntax
            : OnlyNew && OnlyExisting ? "ERR XX and NX options at the same time are not compatible"
            : (OnlyGreater && OnlyLess) || (OnlyNew && (OnlyGreater || OnlyLess)) ? "ERR GT, LT, and/or NX options at the same time are not compatible"
            : Increment && rest > 2 ? "ERR INCR option supports a single increment-element pair"
            : null;
        if (error is null) return true;
        c.Reply.Error(error);
        return false;
    }

    public readonly bool Permits(bool exists, double old, double score)
    {
        if (!exists) return !OnlyExisting;
        if (OnlyNew) return false;
        return (!OnlyGreater || score > old) && (!OnlyLess || score < old);
    }
}
