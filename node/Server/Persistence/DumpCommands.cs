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
        if (!DumpPayload.IsSound(c[3]))
        {
            c.Reply.Error(ErrorReplies.BadDump);
            return;
        }
        long expireAt = ttl == 0 ? -1 : options.Absolute ? ttl : ttl > long.MaxValue - c.NowMs ? long.MaxValue : c.NowMs + ttl;
        var build = exists ? Workbench : key;
        // The workbench is nobody's key: its creation is not told.
        var created = c.Keys.Events.HoldCreated(exists);
        bool isBad = c.Node.Part<DumpPayload>().Restore(c.Keys, build, c.Slot, c[3], expireAt) is not null;
        c.Keys.Events.Created = created;
        if (isBad)
        {
            c.Reply.Error(ErrorReplies.BadFormat);
            return;
        }
        if (exists) TakePlace(c.Keys, key, c.Slot);
        Finish(ref c, options, expireAt);
    }

    private static void TakePlace(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        keys.Remove(key, slot);
        keys.Transfer(keys.FindForWrite(Workbench, slot), keys, key, slot);
    }

    private static void Finish(ref CommandContext c, in Options options, long expireAt)
    {
        var key = c[1];
        if (expireAt >= 0 && expireAt <= c.NowMs && !c.IsReplay)
        {
            // Already over: the key is gone before anybody saw it, and replicas must drop what they had.
            c.Keys.Remove(key, c.Slot);
            c.Removed(key);
            c.Propagate("DEL"u8, key);
            c.Reply.Ok();
            return;
        }
        var e = c.Keys.Peek(key, c.Slot);
        var clock = c.Databases.Clock;
        if (e.Exists && options.Frequency >= 0 && clock.CountsFrequency) clock.SetFrequency(e, (int)options.Frequency);
        else if (e.Exists && options.IdleSeconds >= 0 && !clock.CountsFrequency) clock.SetIdle(e, options.IdleSeconds);
        c.Keys.Events.RaiseChanged(c.Keys, key, c.Slot);
        c.Changed();
        c.Notify(KeyEventClass.Generic, "restore"u8, key);
        c.Propagate(options.Replace ? 6 : 5).Arg("RESTORE"u8).Arg(key).Arg(Math.Max(expireAt, 0)).Arg(c[3]).Arg("ABSTTL"u8)
            .ArgIf(options.Replace, "REPLACE"u8).End();
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

/// <summary>Optional arguments of effective forms.</summary>
file static class EffectiveForms
{
    public static EffectiveForm ArgIf(this EffectiveForm form, bool given, ReadOnlySpan<byte> argument) => given ? form.Arg(argument) : form;
}
