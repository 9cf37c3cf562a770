// When keys end: EXPIRE and its kin, TTL and its kin. All reach the journal as PEXPIREAT, or as DEL when the time is past.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers for expiries; registered by <see cref="KeyCommands"/>.</summary>
internal static class ExpiryCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("expire", -3, Write | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Expire(ref c, 1000, c.NowMs));
        t.Add("pexpire", -3, Write | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Expire(ref c, 1, c.NowMs));
        t.Add("expireat", -3, Write | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Expire(ref c, 1000, 0));
        t.Add("pexpireat", -3, Write | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Expire(ref c, 1, 0));
        t.Add("persist", 2, Write | Fast, Keys.One(1), "keyspace", Persist);
        t.Add("ttl", 2, ReadOnly | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Remaining(ref c, 1000, false));
        t.Add("pttl", 2, ReadOnly | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Remaining(ref c, 1, false));
        t.Add("expiretime", 2, ReadOnly | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Remaining(ref c, 1000, true));
        t.Add("pexpiretime", 2, ReadOnly | Fast, Keys.One(1), "keyspace", (ref CommandContext c) => Remaining(ref c, 1, true));
    }

    /// <summary>time * unit + from in ms; false when that leaves the 64-bit range.</summary>
    internal static bool TryAbsolute(long time, int unit, long from, out long at)
    {
        at = -1;
        if (unit == 1000 && (time > long.MaxValue / 1000 || time < long.MinValue / 1000)) return false;
        time *= unit;
        if (time > long.MaxValue - from) return false;
        at = time + from;
        return true;
    }

    private static void Expire(ref CommandContext c, int unit, long from)
    {
        if (!TryConditions(ref c, out Conditions conditions) || !c.TryInteger(2, out long time)) return;
        if (!TryAbsolute(time, unit, from, out long at))
        {
            c.Reply.Error(ErrorReplies.InvalidExpire(c.Command.FullName));
            return;
        }
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!entry.Exists || !Permits(conditions, entry.ExpireAtMs, at))
        {
            c.Reply.Zero();
            return;
        }
        if (at <= c.NowMs && !c.IsReplay)
        {
            c.Keys.Remove(c[1], c.Slot);
            c.Removed(c[1]);
            c.Propagate("DEL"u8, c[1]);
        }
        else
        {
            c.Keys.SetExpiry(ref entry, Math.Max(at, 0));
            c.Changed(c[1]);
            c.Notify(KeyEventClass.Generic, "expire"u8, c[1]);
            c.Propagate(3).Arg("PEXPIREAT"u8).Arg(c[1]).Arg(at).End();
        }
        c.Reply.One();
    }

    /// <summary>No expiry counts as infinitely far for GT and LT.</summary>
    private static bool Permits(Conditions conditions, long current, long wanted)
    {
        if (conditions.HasFlag(Conditions.Nx) && current >= 0) return false;
        if (conditions.HasFlag(Conditions.Xx) && current < 0) return false;
        if (conditions.HasFlag(Conditions.Gt) && (current < 0 || wanted <= current)) return false;
        return !conditions.HasFlag(Conditions.Lt) || current < 0 || wanted < current;
    }

    private static bool TryConditions(ref CommandContext c, out Conditions conditions)
    {
        conditions = default;
        for (int i = 3; i < c.ArgCount; i++)
        {
            ReadOnlySpan<byte> word = c[i];
            if (word.Is("NX"u8)) conditions |= Conditions.Nx;
            else if (word.Is("XX"u8)) conditions |= Conditions.Xx;
            else if (word.Is("GT"u8)) conditions |= Conditions.Gt;
            else if (word.Is("LT"u8)) conditions |= Conditions.Lt;
            else
            {
                c.Reply.Error($"ERR Unsupported option {System.Text.Encoding.UTF8.GetString(word)}");
                return false;
            }
        }
        if (conditions.HasFlag(Conditions.Nx) && conditions != Conditions.Nx)
        {
            c.Reply.Error(ErrorReplies.ExpireOptionsWithNx);
            return false;
        }
        if (conditions.HasFlag(Conditions.Gt | Conditions.Lt))
        {
            c.Reply.Error(ErrorReplies.ExpireGtAndLt);
            return false;
        }
        return true;
    }

    private static void Persist(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!entry.Exists || entry.ExpireAtMs < 0)
        {
            c.Reply.Zero();
            return;
        }
        c.Keys.SetExpiry(ref entry, -1);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.Generic, "persist"u8, c[1]);
        c.Reply.One();
    }

    private static void Remaining(ref CommandContext c, int unit, bool absolute)
    {
        EntryRef entry = c.Keys.FindUntouched(c[1], c.Slot);
        if (!entry.Exists)
        {
            c.Reply.Integer(-2);
            return;
        }
        long at = entry.ExpireAtMs;
        if (at < 0)
        {
            c.Reply.Integer(-1);
            return;
        }
        long ms = absolute ? at : Math.Max(at - c.NowMs, 0);
        c.Reply.Integer(unit == 1 ? ms : ms / 1000 + (ms % 1000 >= 500 ? 1 : 0));
    }

    [Flags]
    private enum Conditions
    {
        Nx = 1,
        Xx = 2,
        Gt = 4,
        Lt = 8,
    }
}
