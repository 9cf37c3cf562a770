// The options of SET and GETEX, read as Redis reads them: in any order, each at most one way of saying when to expire.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Commands;

internal struct SetOptions
{
    public bool OnlyIfAbsent, OnlyIfPresent, Get, KeepTtl, Persist, IsAbsolute;
    private int _timeAt;
    private int _unit;

    /// <summary>Reads the options from argument <paramref name="first"/> on; writes a syntax error and returns false on bad ones.</summary>
    public bool TryRead(ref CommandContext c, int first, bool forSet)
    {
        for (int i = first; i < c.ArgCount; i++)
        {
            ReadOnlySpan<byte> word = c[i];
            if (forSet && !OnlyIfPresent && word.Is("NX"u8)) OnlyIfAbsent = true;
            else if (forSet && !OnlyIfAbsent && word.Is("XX"u8)) OnlyIfPresent = true;
            else if (forSet && word.Is("GET"u8)) Get = true;
            else if (forSet && !Persist && _timeAt == 0 && word.Is("KEEPTTL"u8)) KeepTtl = true;
            else if (!forSet && _timeAt == 0 && word.Is("PERSIST"u8)) Persist = true;
            else if (!KeepTtl && !Persist && i + 1 < c.ArgCount && TryUnit(word)) _timeAt = ++i;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        return true;
    }

    /// <summary>The absolute expiry in unix ms, -1 when none was asked for; false with the error written on a bad one.</summary>
    public readonly bool TryExpiry(ref CommandContext c, out long expireAt)
    {
        expireAt = -1;
        if (_timeAt == 0) return true;
        if (!c.TryInteger(_timeAt, out long time)) return false;
        if (time > 0 && ExpiryCommands.TryAbsolute(time, _unit, IsAbsolute ? 0 : c.NowMs, out expireAt)) return true;
        c.Reply.Error(ErrorReplies.InvalidExpire(c.Command.FullName));
        return false;
    }

    /// <summary>The same word may be repeated, the last one counts; two different ones contradict each other.</summary>
    private bool TryUnit(ReadOnlySpan<byte> word)
    {
        int unit = word.Is("EX"u8) || word.Is("EXAT"u8) ? 1000 : word.Is("PX"u8) || word.Is("PXAT"u8) ? 1 : 0;
        bool absolute = word.Length == 4;
        if (unit == 0 || _timeAt > 0 && (unit != _unit || absolute != IsAbsolute)) return false;
        _unit = unit;
        IsAbsolute = absolute;
        return true;
    }
}
