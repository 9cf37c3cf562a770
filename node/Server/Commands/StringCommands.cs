// Strings as whole values: GET, SET and their variants. Relative expiries reach the journal as absolute ones.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>The string family's rows and handlers; pieces of strings are in <see cref="StringRangeCommands"/>.</summary>
public static class StringCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("get", 2, ReadOnly | Fast, Keys.One(1), "string", Get);
        t.Add("set", -3, Write | DenyOom, Keys.One(1), "string", Set);
        t.Add("setnx", 3, Write | DenyOom | Fast, Keys.One(1), "string", SetNx);
        t.Add("setex", 4, Write | DenyOom, Keys.One(1), "string", SetEx);
        t.Add("psetex", 4, Write | DenyOom, Keys.One(1), "string", PSetEx);
        t.Add("getset", 3, Write | DenyOom | Fast, Keys.One(1), "string", GetSet);
        t.Add("getdel", 2, Write | Fast, Keys.One(1), "string", GetDel);
        t.Add("getex", -2, Write | Fast, Keys.One(1), "string", GetEx);
        t.Add("mget", -2, ReadOnly | Fast, Keys.All(), "string", MGet);
        t.Add("mset", -3, Write | DenyOom, Keys.All(1, 2), "string", MSet);
        t.Add("msetnx", -3, Write | DenyOom, Keys.All(1, 2), "string", MSetNx);
        StringRangeCommands.Register(t);
    }

    /// <summary>Writes a string's text as a bulk reply.</summary>
    internal static unsafe void Reply(ref CommandContext c, in EntryRef entry)
    {
        if (entry.Encoding == Encoding.Int) c.Reply.Bulk(*(long*)entry.ValuePointer);
        else c.Reply.Bulk(entry.Value);
    }

    /// <summary>False, with the error written, when the key holds something else than a string.</summary>
    internal static bool IsStringOrAbsent(ref CommandContext c, in EntryRef entry)
    {
        if (!entry.Exists || entry.Type == Store.ValueType.String) return true;
        c.Reply.Error(ErrorReplies.WrongType);
        return false;
    }

    private static void Get(ref CommandContext c)
    {
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!entry.Exists) c.Reply.Null();
        else if (entry.Type != Store.ValueType.String) c.Reply.Error(ErrorReplies.WrongType);
        else Reply(ref c, entry);
    }

    private static void Set(ref CommandContext c)
    {
        if (c.ArgCount == 3)
        {
            c.Keys.SetString(c[1], c.Slot, c[2]);
            c.Changed();
            c.Notify(KeyEventClass.String, "set"u8, c[1]);
            c.Reply.Ok();
            return;
        }
        SetOptions options = default;
        if (!options.TryRead(ref c, 3, forSet: true) || !options.TryExpiry(ref c, out long expireAt)) return;
        if (options.Get || options.OnlyIfAbsent || options.OnlyIfPresent)
        {
            EntryRef old = options.Get ? c.Keys.Find(c[1], c.Slot) : c.Keys.Peek(c[1], c.Slot);
            if (options.Get && !IsStringOrAbsent(ref c, old)) return;
            if (options.Get && old.Exists) Reply(ref c, old);
            bool refused = options.OnlyIfAbsent && old.Exists || options.OnlyIfPresent && !old.Exists;
            if (options.Get ? !old.Exists : refused) c.Reply.Null();
            if (refused) return;
        }
        c.Keys.SetString(c[1], c.Slot, c[2], options.KeepTtl ? -2 : expireAt);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[1]);
        if (expireAt >= 0) c.Notify(KeyEventClass.Generic, "expire"u8, c[1]);
        if (expireAt >= 0) PropagateSet(ref c, c[1], c[2], expireAt);
        else if (options.KeepTtl) c.Propagate("SET"u8, c[1], c[2], "KEEPTTL"u8);
        else c.Propagate("SET"u8, c[1], c[2]);
        if (!options.Get) c.Reply.Ok();
    }

    private static void SetNx(ref CommandContext c)
    {
        if (c.Keys.Peek(c[1], c.Slot).Exists)
        {
            c.Reply.Zero();
            return;
        }
        c.Keys.SetString(c[1], c.Slot, c[2]);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[1]);
        c.Reply.One();
    }

    private static void SetEx(ref CommandContext c) => SetWithExpiry(ref c, 1000);

    private static void PSetEx(ref CommandContext c) => SetWithExpiry(ref c, 1);

    private static void SetWithExpiry(ref CommandContext c, int unit)
    {
        if (!c.TryInteger(2, out long time)) return;
        if (!ExpiryCommands.TryAbsolute(time, unit, c.NowMs, out long at) || time <= 0)
        {
            c.Reply.Error(ErrorReplies.InvalidExpire(c.Command.FullName));
            return;
        }
        c.Keys.SetString(c[1], c.Slot, c[3], at);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[1]);
        c.Notify(KeyEventClass.Generic, "expire"u8, c[1]);
        PropagateSet(ref c, c[1], c[3], at);
        c.Reply.Ok();
    }

    private static void GetSet(ref CommandContext c)
    {
        EntryRef old = c.Keys.Find(c[1], c.Slot);
        if (!IsStringOrAbsent(ref c, old)) return;
        if (old.Exists) Reply(ref c, old);
        else c.Reply.Null();
        c.Keys.SetString(c[1], c.Slot, c[2]);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[1]);
        c.Propagate("SET"u8, c[1], c[2]);
    }

    private static void GetDel(ref CommandContext c)
    {
        EntryRef old = c.Keys.Find(c[1], c.Slot);
        if (!IsStringOrAbsent(ref c, old)) return;
        if (!old.Exists)
        {
            c.Reply.Null();
            return;
        }
        Reply(ref c, old);
        c.Keys.Remove(c[1], c.Slot);
        c.Removed(c[1]);
        c.Propagate("DEL"u8, c[1]);
    }

    private static void GetEx(ref CommandContext c)
    {
        SetOptions options = default;
        if (!options.TryRead(ref c, 2, forSet: false)) return;
        EntryRef entry = c.Keys.Find(c[1], c.Slot);
        if (!IsStringOrAbsent(ref c, entry)) return;
        if (!entry.Exists)
        {
            c.Reply.Null();
            return;
        }
        if (!options.TryExpiry(ref c, out long expireAt)) return;
        Reply(ref c, entry);
        if (options.IsAbsolute && expireAt <= c.NowMs && !c.IsReplay)
        {
            c.Keys.Remove(c[1], c.Slot);
            c.Removed(c[1]);
            c.Propagate("DEL"u8, c[1]);
        }
        else if (expireAt >= 0)
        {
            entry = c.Keys.FindForWrite(c[1], c.Slot);
            c.Keys.SetExpiry(ref entry, expireAt);
            c.Changed(c[1]);
            c.Notify(KeyEventClass.Generic, "expire"u8, c[1]);
            c.Propagate(3).Arg("PEXPIREAT"u8).Arg(c[1]).Arg(expireAt).End();
        }
        else if (options.Persist && entry.ExpireAtMs >= 0)
        {
            entry = c.Keys.FindForWrite(c[1], c.Slot);
            c.Keys.SetExpiry(ref entry, -1);
            c.Changed(c[1]);
            c.Notify(KeyEventClass.Generic, "persist"u8, c[1]);
            c.Propagate("PERSIST"u8, c[1]);
        }
    }

    private static void MGet(ref CommandContext c)
    {
        c.Reply.Array(c.ArgCount - 1);
        for (int i = 1; i < c.ArgCount; i++)
        {
            EntryRef entry = c.Keys.Find(c[i], c.Slot);
            if (entry.Exists && entry.Type == Store.ValueType.String) Reply(ref c, entry);
            else c.Reply.Null();
        }
    }

    private static void MSet(ref CommandContext c)
    {
        if (c.ArgCount % 2 == 0)
        {
            c.WrongArity();
            return;
        }
        SetPairs(ref c);
        c.Reply.Ok();
    }

    private static void MSetNx(ref CommandContext c)
    {
        if (c.ArgCount % 2 == 0)
        {
            c.WrongArity();
            return;
        }
        for (int i = 1; i < c.ArgCount; i += 2)
        {
            if (!c.Keys.Peek(c[i], c.Slot).Exists) continue;
            c.Reply.Zero();
            return;
        }
        SetPairs(ref c);
        c.Reply.One();
    }

    private static void SetPairs(ref CommandContext c)
    {
        for (int i = 1; i < c.ArgCount; i += 2)
        {
            c.Keys.SetString(c[i], c.Slot, c[i + 1]);
            c.Notify(KeyEventClass.String, "set"u8, c[i]);
        }
        c.Changed((c.ArgCount - 1) / 2);
    }

    private static void PropagateSet(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long at) =>
        c.Propagate(5).Arg("SET"u8).Arg(key).Arg(value).Arg("PXAT"u8).Arg(at).End();
}
