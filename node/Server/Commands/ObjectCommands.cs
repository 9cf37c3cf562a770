// How values are stored: OBJECT and MEMORY USAGE.
using Shoal.Protocol.Resp;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers for looking at entries; registered by <see cref="KeyCommands"/>.</summary>
internal static class ObjectCommands
{
    private const int SharedIntegers = 10000;

    private static readonly string[] ObjectHelp =
    [
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Print this help.",
    ];

    private static readonly string[] MemoryHelp =
    [
        "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Every element is counted;",
        "    SAMPLES is accepted and has no effect.",
        "HELP",
        "    Print this help.",
    ];

    public static void Register(CommandTable t)
    {
        t.Add("object", -2, None, Keys.None, "keyspace", UnknownSubcommand)
            .With("encoding", 3, ReadOnly, Keys.One(2), EncodingOf)
            .With("freq", 3, ReadOnly, Keys.One(2), Freq)
            .With("idletime", 3, ReadOnly, Keys.One(2), IdleTime)
            .With("refcount", 3, ReadOnly, Keys.One(2), RefCount)
            .With("help", 2, Loading | Stale, Keys.None, (ref CommandContext c) => Help(ref c, ObjectHelp));
        t.Add("memory", -2, None, Keys.None, "", UnknownSubcommand)
            .With("usage", -3, ReadOnly, Keys.One(2), Usage)
            .With("help", 2, Loading | Stale, Keys.None, (ref CommandContext c) => Help(ref c, MemoryHelp));
    }

    private static void UnknownSubcommand(ref CommandContext c) =>
        c.Reply.Error(ErrorReplies.UnknownSubcommand(System.Text.Encoding.UTF8.GetString(c[1]), c.Command.Name));

    private static void Help(ref CommandContext c, string[] lines)
    {
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    private static bool TryPeek(ref CommandContext c, out EntryRef entry)
    {
        entry = c.Keys.Peek(c[2], c.Slot);
        if (entry.Exists) return true;
        c.Reply.Null();
        return false;
    }

    private static void EncodingOf(ref CommandContext c)
    {
        if (!TryPeek(ref c, out EntryRef entry)) return;
        c.Reply.Bulk(NameOf(entry.Encoding));
    }

    /// <summary>Redis's name of an encoding.</summary>
    internal static ReadOnlySpan<byte> NameOf(Encoding encoding) => encoding switch
    {
        Encoding.Int => "int"u8,
        Encoding.Embedded => "embstr"u8,
        Encoding.Raw => "raw"u8,
        Encoding.PackedList => "listpack"u8,
        Encoding.IntSet => "intset"u8,
        Encoding.Table => "hashtable"u8,
        Encoding.Tree => "skiplist"u8,
        Encoding.LinkedPacks => "quicklist"u8,
        Encoding.Stream => "stream"u8,
        _ => "unknown"u8,
    };

    private static void Freq(ref CommandContext c)
    {
        if (!TryPeek(ref c, out EntryRef entry)) return;
        if (c.Databases.Clock.CountsFrequency) c.Reply.Integer(c.Databases.Clock.Frequency(entry));
        else c.Reply.Error(ErrorReplies.FrequencyNotTracked);
    }

    private static void IdleTime(ref CommandContext c)
    {
        if (!TryPeek(ref c, out EntryRef entry)) return;
        if (!c.Databases.Clock.CountsFrequency) c.Reply.Integer(c.Databases.Clock.IdleSeconds(entry));
        else c.Reply.Error(ErrorReplies.IdleTimeNotTracked);
    }

    private static void RefCount(ref CommandContext c)
    {
        if (TryPeek(ref c, out EntryRef entry)) c.Reply.Integer(IsShared(ref c, entry) ? int.MaxValue : 1);
    }

    /// <summary>Redis shares small integers unless eviction needs a clock for each key, and shows that as this count.</summary>
    private static bool IsShared(ref CommandContext c, in EntryRef entry)
    {
        if (entry.Encoding != Encoding.Int) return false;
        bool needsClocks = c.Databases.Memory.MaxMemory > 0
            && c.Databases.Eviction.Policy is EvictionPolicy.AllKeysLru or EvictionPolicy.AllKeysLfu or EvictionPolicy.VolatileLru or EvictionPolicy.VolatileLfu;
        return !needsClocks && System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(entry.Value) is >= 0 and < SharedIntegers;
    }

    private static void Usage(ref CommandContext c)
    {
        for (int i = 3; i < c.ArgCount; i += 2)
        {
            if (c[i].Is("SAMPLES"u8) && i + 1 < c.ArgCount)
            {
                if (!c.TryInteger(i + 1, out long samples)) return;
                if (samples >= 0) continue;
            }
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (TryPeek(ref c, out EntryRef entry)) c.Reply.Integer(c.Keys.Bytes(entry));
    }
}
