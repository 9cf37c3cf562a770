// Walks over the keyspace: SCAN and KEYS. The reply names the cursor before the keys, but the cursor is known only at
// the end; so a first pass over the same buckets counts, and a second one, with everything in cache, writes.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Rows and handlers of walks over all keys.</summary>
public static class ScanCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("scan", -2, ReadOnly, Keys.None, "keyspace", Scan);
        t.Add("keys", 2, ReadOnly, Keys.None, "keyspace dangerous", MatchingKeys);
    }

    private static void Scan(ref CommandContext c)
    {
        if (!System.Buffers.Text.Utf8Parser.TryParse(c[1], out ulong cursor, out int used) || used != c[1].Length)
        {
            c.Reply.Error(ErrorReplies.InvalidCursor);
            return;
        }
        long count = 10;
        var keys = new KeyWriter { Keys = c.Keys, Reply = c.Reply };
        for (int i = 2; i < c.ArgCount; i += 2)
        {
            if (i + 1 < c.ArgCount && c[i].Is("COUNT"u8))
            {
                if (!c.TryInteger(i + 1, out count)) return;
                if (count >= 1) continue;
            }
            else if (i + 1 < c.ArgCount && c[i].Is("MATCH"u8))
            {
                keys.Pattern = c[i + 1];
                keys.Filtered = !keys.Pattern.SequenceEqual("*"u8);
                continue;
            }
            else if (i + 1 < c.ArgCount && c[i].Is("TYPE"u8))
            {
                keys.Type = c[i + 1];
                keys.Typed = true;
                continue;
            }
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }

        var counter = default(Counter);
        ulong next = cursor;
        long steps = 0, limit = count > long.MaxValue / 10 ? long.MaxValue : count * 10;
        do
        {
            next = c.Keys.Walk.ScanStep(next, ref counter);
            steps++;
        } while (next != 0 && counter.Seen < count && steps < limit);

        c.Reply.Array(2);
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(next, digits, out int length);
        c.Reply.Bulk(digits[..length]);
        int mark = c.Reply.DeferArray();
        for (; steps > 0; steps--) cursor = c.Keys.Walk.ScanStep(cursor, ref keys);
        c.Reply.EndArray(mark, keys.Written);
        keys.DropDue();
    }

    private static void MatchingKeys(ref CommandContext c)
    {
        var keys = new KeyWriter { Keys = c.Keys, Reply = c.Reply, Pattern = c[1] };
        keys.Filtered = !keys.Pattern.SequenceEqual("*"u8);
        int mark = c.Reply.DeferArray();
        ulong cursor = 0;
        do cursor = c.Keys.Walk.ScanStep(cursor, ref keys);
        while (cursor != 0);
        c.Reply.EndArray(mark, keys.Written);
        keys.DropDue();
    }

    private struct Counter : IEntryVisitor
    {
        public long Seen;

        public unsafe void Visit(byte* entry) => Seen++;
    }

    /// <summary>Writes the keys that fit the filters and are still alive.</summary>
    private ref struct KeyWriter : IEntryVisitor
    {
        public Keyspace Keys;
        public ReplyWriter Reply;
        public ReadOnlySpan<byte> Pattern;
        public ReadOnlySpan<byte> Type;
        public bool Filtered, Typed;
        public int Written;
        private List<byte[]>? _due;

        public unsafe void Visit(byte* entry)
        {
            ReadOnlySpan<byte> key = Entry.Key(entry);
            if (Filtered && !GlobPattern.Matches(Pattern, key)) return;
            if (Keys.Walk.IsDue(entry))
            {
                (_due ??= []).Add(key.ToArray());
                return;
            }
            if (Typed && !Type.Is(KeyCommands.NameOf(Entry.TypeOf(entry)))) return;
            Reply.Bulk(key);
            Written++;
        }

        /// <summary>Keys met whose time has come go now that the walk is over: a lookup removes them.</summary>
        public readonly void DropDue()
        {
            if (_due is null) return;
            foreach (byte[] key in _due) Keys.Peek(key, Keys.Owner.ClusterMode ? HashSlot.Of(key) : 0);
        }
    }
}
