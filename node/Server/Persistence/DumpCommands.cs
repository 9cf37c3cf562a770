// DUMP, RESTORE, RESTORE-ASKING: single values in the snapshot's form.
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Persistence;

/// <summary>Commands that carry values between nodes.</summary>
public static class DumpCommands
{
    /// <summary>Where a replacement is built before it takes the place of the old value: a bad payload must not cost the old one.</summary>
    private static ReadOnlySpan<byte> Workbench => "\0restore"u8;

    public static void Register(CommandTable table)
    {
        table.Add("dump", 2, ReadOnly, Keys.One(1), "keyspace", Dump);
        table.Add("restore", -4, Write | DenyOom, Keys.One(1), "keyspace dangerous", Restore);
        table.Add("restore-asking", -4, Write | DenyOom | Asking, Keys.One(1), "keyspace dangerous", Restore);
    }

    private static void Dump(ref CommandContext c)
    {
        var e = c.Keys.Find(c[1], c.Slot);
        if (e.Exists) c.Reply.Bulk(c.Node.Part<DumpPayload>().Of(e));
        else c.Reply.Null();
    }

    private static void Restore(ref CommandContext c)
    {
        if (!Options.TryRead(ref c, out var options)) return;
        var key = c[1];
        bool exists = c.Keys.FindForWrite(key, c.Slot).Exists;
        if (exists && !options.Replace)
        {
            c.Reply.Error(ErrorReplies.BusyKey);
            return;
        }
        if (!IntegerText.TryParse(c[2], out long ttl))
        {
            c.Reply.Error(ErrorReplies.NotInteger);
            return;
        }
        if (ttl < 0)
        {
            c.Reply.Error("ERR Invalid TTL value, must be >= 0");
            return;
        }
        if (!c.Node.Part<DumpPayload>().IsSound(c[3]))
        {
            c.Reply.Error(ErrorReplies.BadDump);
            return;
        }
        long expireAt = ttl == 0 ? -1 : options.Absolute ? ttl : ttl > long.MaxValue - c.NowMs ? long.MaxValue : c.NowMs + ttl;
        // Already over: it is built all the same, since a damaged payload is an error first.
        bool over = expireAt >= 0 && expireAt <= c.NowMs && !c.IsReplay;
        var build = exists ? Workbench : key;
        // The workbench is nobody's key: its creation is not told.
        var created = c.Keys.Events.HoldCreated(exists || over);
        bool isBad = c.Node.Part<DumpPayload>().Restore(c.Keys, build, c.Slot, c[3], over ? -1 : expireAt) is not null;
        c.Keys.Events.Created = created;
        if (isBad)
        {
            c.Reply.Error(ErrorReplies.BadFormat);
            return;
        }
        if (over) Discard(ref c, build, exists);
        else
        {
            if (exists) TakePlace(c.Keys, key, c.Slot);
            Finish(ref c, options, expireAt);
        }
    }

    private static void TakePlace(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        keys.Remove(key, slot);
        keys.Transfer(keys.FindForWrite(Workbench, slot), keys, key, slot);
    }

    /// <summary>The value's time is over: nobody sees it, and replicas drop what they had under that name.</summary>
    private static void Discard(ref CommandContext c, ReadOnlySpan<byte> build, bool replaced)
    {
        c.Keys.Remove(build, c.Slot);
        if (replaced)
        {
            c.Keys.Remove(c[1], c.Slot);
            c.Removed(c[1]);
            c.Propagate("DEL"u8, c[1]);
        }
        c.Reply.Ok();
    }

    private static void Finish(ref CommandContext c, in Options options, long expireAt)
    {
        var key = c[1];
        var e = c.Keys.Peek(key, c.Slot);
        var clock = c.Databases.Clock;
        if (e.Exists && options.Frequency >= 0 && clock.CountsFrequency) clock.SetFrequency(e, (int)options.Frequency);
        else if (e.Exists && options.IdleSeconds >= 0 && !clock.CountsFrequency) clock.SetIdle(e, options.IdleSeconds);
        c.Keys.Events.RaiseChanged(c.Keys, key, c.Slot);
        c.Changed();
        c.Notify(KeyEventClass.Generic, "restore"u8, key);
        if (expireAt < 0 || options.Absolute) c.PropagateVerbatim();
        else
        {
            var form = c.Propagate(c.ArgCount + 1).Arg(c[0]).Arg(key).Arg(expireAt);
            for (int i = 3; i < c.ArgCount; i++) form.Arg(c[i]);
            form.Arg("ABSTTL"u8).End();
        }
        c.Reply.Ok();
    }

    private readonly record struct Options(bool Replace, bool Absolute, long IdleSeconds, long Frequency)
    {
        /// <summary>Reads what follows the payload; writes the error and answers false when it is wrong.</summary>
        public static bool TryRead(ref CommandContext c, out Options options)
        {
            options = new Options(false, false, -1, -1);
            for (int i = 4; i < c.ArgCount; i++)
            {
                var word = c[i];
                bool more = i + 1 < c.ArgCount;
                if (Ascii.EqualsIgnoreCase(word, "replace"u8)) options = options with { Replace = true };
                else if (Ascii.EqualsIgnoreCase(word, "absttl"u8)) options = options with { Absolute = true };
                else if (more && Ascii.EqualsIgnoreCase(word, "idletime"u8) && options.Frequency < 0)
                {
                    if (!Number(ref c, ++i, long.MaxValue, "ERR Invalid IDLETIME value, must be >= 0", out long idle)) return false;
                    options = options with { IdleSeconds = idle };
                }
                else if (more && Ascii.EqualsIgnoreCase(word, "freq"u8) && options.IdleSeconds < 0)
                {
                    if (!Number(ref c, ++i, 255, "ERR Invalid FREQ value, must be >= 0 and <= 255", out long frequency)) return false;
                    options = options with { Frequency = frequency };
                }
                else
                {
                    c.Reply.Error(ErrorReplies.Syntax);
                    return false;
                }
            }
            return true;
        }

        private static bool Number(ref CommandContext c, int at, long max, string refusal, out long value)
        {
            if (!IntegerText.TryParse(c[at], out value)) c.Reply.Error(ErrorReplies.NotInteger);
            else if (value < 0 || value > max) c.Reply.Error(refusal);
            else return true;
            return false;
        }
    }
}
