// HSCAN, SSCAN and ZSCAN: options, cursor and reply are the same. Packed values are answered whole with cursor 0; tables go
// bucket by bucket. The reply names the cursor before the elements, so a table is stepped through twice: counting, then
// writing.
using System.Buffers.Text;
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

internal static unsafe class CollectionScan
{
    public static void Run(ref CommandContext c, ValueType type)
    {
        if (!Utf8Parser.TryParse(c[2], out ulong cursor, out int used) || used != c[2].Length)
        {
            c.Reply.Error(ErrorReplies.InvalidCursor);
            return;
        }
        var e = c.Keys.Find(c[1], c.Slot);
        if (!e.Exists)
        {
            WriteHead(c.Reply, 0);
            c.Reply.EmptyArray();
            return;
        }
        if (!c.IsTypeOrAbsent(e, type)) return;
        long count = 10;
        var writer = new Writer { Reply = c.Reply, Type = type };
        for (int i = 3; i < c.ArgCount; i += 2)
        {
            bool hasValue = i + 1 < c.ArgCount;
            if (hasValue && c[i].Is("COUNT"u8))
            {
                if (!c.TryInteger(i + 1, out count)) return;
                if (count >= 1) continue;
            }
            else if (hasValue && c[i].Is("MATCH"u8))
            {
                writer.Pattern = c[i + 1];
                writer.Filtered = !writer.Pattern.SequenceEqual("*"u8);
                continue;
            }
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (e.Encoding is Encoding.Table or Encoding.Tree) ScanTable(ref c, e, cursor, count, ref writer);
        else WriteAll(ref c, e, ref writer);
    }

    private static void ScanTable(ref CommandContext c, in EntryRef e, ulong cursor, long count, ref Writer writer)
    {
        var counter = default(Counter);
        ulong next = cursor;
        long steps = 0, limit = Math.Min(count, long.MaxValue / 10) * 10;
        do
        {
            next = MemberScan.Step(c.Keys, e, next, ref counter);
            steps++;
        } while (next != 0 && counter.Seen < count && steps < limit);
        WriteHead(c.Reply, next);
        int mark = c.Reply.DeferArray();
        for (; steps > 0; steps--) cursor = MemberScan.Step(c.Keys, e, cursor, ref writer);
        c.Reply.EndArray(mark, writer.Written);
    }

    private static void WriteAll(ref CommandContext c, in EntryRef e, ref Writer writer)
    {
        WriteHead(c.Reply, 0);
        int mark = c.Reply.DeferArray();
        switch (writer.Type)
        {
            case ValueType.Hash:
                foreach (var here in HashValue.Enumerate(c.Keys, e))
                    if (writer.Take(here.Field)) writer.Second(here.Value);
                break;
            case ValueType.Set:
                foreach (var member in SetValue.Enumerate(c.Keys, e)) writer.Take(member);
                break;
            default:
                foreach (var here in SortedSetValue.Enumerate(c.Keys, e))
                    if (writer.Take(here.Member)) writer.Second(here.Score);
                break;
        }
        c.Reply.EndArray(mark, writer.Written);
    }

    private static void WriteHead(ReplyWriter reply, ulong cursor)
    {
        reply.Array(2);
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(cursor, digits, out int length);
        reply.Bulk(digits[..length]);
    }

    private struct Counter : IEntryVisitor
    {
        public long Seen;

        public void Visit(byte* entry) => Seen++;
    }

    /// <summary>Writes the elements that fit the pattern.</summary>
    private ref struct Writer : IEntryVisitor
    {
        public ReplyWriter Reply;
        public ReadOnlySpan<byte> Pattern;
        public bool Filtered;
        public ValueType Type;
        public int Written;

        public void Visit(byte* entry)
        {
            if (!Take(new Element(Entry.Key(entry)))) return;
            if (Type == ValueType.Hash) Second(new Element(Entry.Value(entry)));
            else if (Type == ValueType.SortedSet) Second(SortedSetValue.ScoreOf(entry));
        }

        public bool Take(scoped Element element)
        {
            if (Filtered && !GlobPattern.Matches(Pattern, element.Text(stackalloc byte[IntegerText.MaxLength]))) return false;
            Reply.Element(element);
            Written++;
            return true;
        }

        public void Second(scoped Element value)
        {
            Reply.Element(value);
            Written++;
        }

        // Scores are text here even in RESP3.
        public void Second(double score)
        {
            Reply.Bulk(ScoreText.Write(score, stackalloc byte[ScoreText.MaxLength]));
            Written++;
        }
    }
}
