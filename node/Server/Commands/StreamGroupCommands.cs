// XGROUP and XACK: groups and consumers come and go, pending entries are acknowledged.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers; registered by <see cref="StreamCommands"/>.</summary>
internal static class StreamGroupCommands
{
    private static readonly string[] HelpLines =
    [
        "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        "HELP",
        "    Print this help.",
    ];

    public static void Register(CommandTable t)
    {
        t.Add("xack", -4, Write | Fast, Keys.One(1), "stream", XAck);
        t.Add("xgroup", -2, None, Keys.None, "stream", (ref CommandContext c) => c.WrongArity())
            .With("create", -5, Write | DenyOom, Keys.One(2), Create)
            .With("setid", -5, Write, Keys.One(2), SetId)
            .With("destroy", 4, Write, Keys.One(2), Destroy)
            .With("createconsumer", 5, Write | DenyOom, Keys.One(2), CreateConsumer)
            .With("delconsumer", 5, Write, Keys.One(2), DeleteConsumer)
            .With("help", 2, Loading | Stale, Keys.None, Help);
    }

    /// <summary>"NOGROUP No such consumer group ..." of commands that have found the key.</summary>
    internal static void NoSuchGroup(ref CommandContext c) =>
        c.Reply.Error([.. "NOGROUP No such consumer group '"u8, .. c[3], .. "' for key name '"u8, .. c[2], .. "'"u8]);

    /// <summary>The error of a sub-command whose options make no sense.</summary>
    internal static void WrongOptions(ref CommandContext c) =>
        c.Reply.Error($"ERR unknown subcommand or wrong number of arguments for '{System.Text.Encoding.Latin1.GetString(c[1])}'. "
            + $"Try {c.Command.Container!.Name.ToUpperInvariant()} HELP.");

    private static void Help(ref CommandContext c)
    {
        c.Reply.Array(HelpLines.Length);
        foreach (string line in HelpLines) c.Reply.Simple(line);
    }

    private static void Create(ref CommandContext c)
    {
        if (!TryOptions(ref c, create: true, out bool makes, out long read)) return;
        if (!c.TryFindForWrite(2, ValueType.Stream, out var e)) return;
        if (!e.Exists && !makes)
        {
            NeedsKey(ref c);
            return;
        }
        StreamId id;
        if (c[4].SequenceEqual("$"u8)) id = e.Exists ? StreamValue.Header(e).LastId : StreamId.Zero;
        else if (!c.TryStrictId(4, out id)) return;
        if (e.Exists && StreamGroups.Find(c.Keys, e, c[3]).Exists)
        {
            c.Reply.Error("BUSYGROUP Consumer Group name already exists");
            return;
        }
        if (!e.Exists) e = StreamValue.Create(c.Keys, c[2], c.Slot);
        StreamGroups.Add(c.Keys, e, c[3], id, read);
        c.Changed(c[2]);
        c.Notify(KeyEventClass.Stream, "xgroup-create"u8, c[2]);
        c.Reply.Ok();
    }

    private static void SetId(ref CommandContext c)
    {
        if (!TryOptions(ref c, create: false, out _, out long read) || !TryGroup(ref c, out var e, out var group)) return;
        var id = StreamValue.Header(e).LastId;
        if (!c[4].SequenceEqual("$"u8) && !c.TryId(4, 0, out id)) return;
        group.LastId = id;
        group.EntriesRead = read;
        c.Changed(c[2]);
        c.Notify(KeyEventClass.Stream, "xgroup-setid"u8, c[2]);
        c.Reply.Ok();
    }

    private static void Destroy(ref CommandContext c)
    {
        if (!c.TryFindForWrite(2, ValueType.Stream, out var e)) return;
        if (!e.Exists)
        {
            NeedsKey(ref c);
            return;
        }
        var group = StreamGroups.Find(c.Keys, e, c[3]);
        if (!group.Exists)
        {
            c.Reply.Zero();
            return;
        }
        StreamGroups.Remove(c.Keys, e, group);
        c.Changed(c[2]);
        c.Notify(KeyEventClass.Stream, "xgroup-destroy"u8, c[2]);
        c.Reply.One();
    }

    private static void CreateConsumer(ref CommandContext c)
    {
        if (!TryGroup(ref c, out _, out var group)) return;
        if (group.Consumer(c[4]).Exists)
        {
            c.Reply.Zero();
            return;
        }
        group.AddConsumer(c[4], c.NowMs);
        c.Changed(c[2]);
        c.Notify(KeyEventClass.Stream, "xgroup-createconsumer"u8, c[2]);
        c.Reply.One();
    }

    private static void DeleteConsumer(ref CommandContext c)
    {
        if (!TryGroup(ref c, out _, out var group)) return;
        var consumer = group.Consumer(c[4]);
        long pending = consumer.Exists ? consumer.PendingCount : 0;
        if (consumer.Exists)
        {
            group.RemoveConsumer(consumer);
            c.Changed(c[2]);
            c.Notify(KeyEventClass.Stream, "xgroup-delconsumer"u8, c[2]);
        }
        c.Reply.Integer(pending);
    }

    private static void XAck(ref CommandContext c)
    {
        if (!c.TryFindForWrite(1, ValueType.Stream, out var e)) return;
        var group = e.Exists ? StreamGroups.Find(c.Keys, e, c[2]) : default;
        if (!group.Exists)
        {
            c.Reply.Zero();
            return;
        }
        for (int i = 3; i < c.ArgCount; i++)
            if (!c.TryStrictId(i, out _)) return;
        int acknowledged = 0;
        for (int i = 3; i < c.ArgCount; i++)
        {
            StreamId.TryParse(c[i], 0, out var id);
            if (group.Acknowledge(id)) acknowledged++;
        }
        // Redis says nothing to those who watch the key here: the entries themselves are as they were.
        c.Changed(acknowledged);
        c.Reply.Integer(acknowledged);
    }

    private static bool TryOptions(ref CommandContext c, bool create, out bool makes, out long read)
    {
        makes = false;
        read = StreamGroup.UnknownRead;
        for (int i = 5; i < c.ArgCount; i++)
        {
            if (create && c[i].Is("MKSTREAM"u8)) makes = true;
            else if (i + 1 < c.ArgCount && c[i].Is("ENTRIESREAD"u8))
            {
                if (!c.TryInteger(++i, out read)) return false;
                if (read >= StreamGroup.UnknownRead) continue;
                c.Reply.Error("ERR value for ENTRIESREAD must be positive or -1");
                return false;
            }
            else
            {
                WrongOptions(ref c);
                return false;
            }
        }
        return true;
    }

    private static bool TryGroup(ref CommandContext c, out EntryRef e, out StreamGroup group)
    {
        group = default;
        if (!c.TryFindForWrite(2, ValueType.Stream, out e)) return false;
        if (!e.Exists)
        {
            NeedsKey(ref c);
            return false;
        }
        group = StreamGroups.Find(c.Keys, e, c[3]);
        if (group.Exists) return true;
        NoSuchGroup(ref c);
        return false;
    }

    private static void NeedsKey(ref CommandContext c) =>
        c.Reply.Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
            + "option to create an empty stream automatically.");
}
