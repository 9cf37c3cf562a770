// The text commands of memcached (protocol.txt, "standard protocol"): get, set and their relatives.
using System.Buffers.Text;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Memcached;

/// <summary>Runs text commands. Engine thread.</summary>
internal sealed unsafe class TextProtocol(NodeServices node, ItemOperations items, MemcachedStatistics statistics)
{
    /// <summary>Longest key in bytes.</summary>
    public const int MaxKey = 250;

    /// <summary>A storage command's line: how many bytes of data follow; -1 when the line is bad, -2 when it is no storage command.</summary>
    public static long DataLength(ReadOnlySpan<byte> line)
    {
        var words = new LineReader(line);
        if (ModeOf(words.Next()) is null) return -2;
        var key = words.Next();
        bool sound = words.TryNext(out long _) & words.TryNext(out long _) & words.TryNext(out long length);
        return sound && key.Length > 0 && length is >= 0 and <= int.MaxValue - 2 ? length : -1;
    }

    /// <summary>Runs a storage command with its data; false when the client must wait.</summary>
    public bool Store(ref CommandContext c, ReadOnlySpan<byte> line, byte* data, int length)
    {
        var words = new LineReader(line);
        var name = words.Next();
        bool compares = name.SequenceEqual("cas"u8);
        items.Order = default;
        items.Order.Mode = ModeOf(name)!.Value;
        items.Order.Data = data;
        items.Order.DataLength = length;
        var key = words.Next();
        bool sound = words.TryNext(out ulong flags) && flags <= uint.MaxValue && key.Length <= MaxKey;
        _ = words.TryNext(out long exptime);
        words.Next();
        if (compares)
        {
            sound &= words.TryNext(out ulong unique);
            items.Order.Cas = unique;
        }
        sound &= words.TryEnd(out bool noReply);
        if (!sound)
        {
            c.Reply.Line(Replies.BadLine);
            return true;
        }
        items.Order.Flags = (uint)flags;
        items.Order.ExpireAtMs = ExpiryTime.ToUnixMs(exptime, c.NowMs);
        statistics.Sets++;
        int mark = c.Reply.Length;
        switch (items.Store(ref c, key))
        {
            case Outcome.Later:
                return false;
            case Outcome.Done:
                c.Reply.Line("STORED"u8);
                break;
            case Outcome.Exists:
                c.Reply.Line("EXISTS"u8);
                break;
            case Outcome.NotFound:
                c.Reply.Line("NOT_FOUND"u8);
                break;
            case Outcome.TooLarge:
                c.Reply.Line(Replies.TooLarge);
                return true;
            case Outcome.Refused:
                c.Reply.Refused(items.Refusal);
                return true;
            default:
                c.Reply.Line("NOT_STORED"u8);
                break;
        }
        if (noReply) c.Reply.Truncate(mark);
        return true;
    }

    /// <summary>Runs any other text command; false when the client must wait. Unknown names answer ERROR.</summary>
    public bool Run(ref CommandContext c, ReadOnlySpan<byte> line)
    {
        var words = new LineReader(line);
        var name = words.Next();
        if (name.SequenceEqual("get"u8)) return Get(ref c, ref words, unique: false, touch: false);
        if (name.SequenceEqual("gets"u8)) return Get(ref c, ref words, unique: true, touch: false);
        if (name.SequenceEqual("gat"u8)) return Get(ref c, ref words, unique: false, touch: true);
        if (name.SequenceEqual("gats"u8)) return Get(ref c, ref words, unique: true, touch: true);
        if (name.SequenceEqual("delete"u8)) return Delete(ref c, ref words);
        if (name.SequenceEqual("incr"u8)) return Count(ref c, ref words, down: false);
        if (name.SequenceEqual("decr"u8)) return Count(ref c, ref words, down: true);
        if (name.SequenceEqual("touch"u8)) return Touch(ref c, ref words);
        if (name.SequenceEqual("flush_all"u8)) return Flush(ref c, ref words);
        if (name.SequenceEqual("version"u8)) c.Reply.Line("VERSION " + MemcachedStatistics.Version);
        else if (name.SequenceEqual("verbosity"u8)) Verbosity(ref c, ref words);
        else if (name.SequenceEqual("stats"u8)) statistics.Report(ref c, words.Next());
        else if (name.SequenceEqual("quit"u8)) c.Session.Connection!.CloseAfterReplies();
        else c.Reply.Line("ERROR"u8);
        return true;
    }

    private bool Get(ref CommandContext c, ref LineReader words, bool unique, bool touch)
    {
        items.Order = default;
        if (touch)
        {
            if (!words.TryNext(out long exptime))
            {
                c.Reply.Line("CLIENT_ERROR invalid exptime argument"u8);
                return true;
            }
            items.Order.ExpireAtMs = ExpiryTime.ToUnixMs(exptime, c.NowMs);
        }
        int mark = c.Reply.Length;
        if (words.AtEnd) c.Reply.Line("ERROR"u8);
        if (words.AtEnd) return true;
        while (!words.AtEnd)
        {
            var key = words.Next();
            if (key.Length > MaxKey)
            {
                c.Reply.Truncate(mark);
                c.Reply.Line(Replies.BadLine);
                return true;
            }
            var outcome = touch ? items.Touch(ref c, key) : items.Get(ref c, key);
            if (outcome is Outcome.Later or Outcome.Refused)
            {
                c.Reply.Truncate(mark);
                if (outcome == Outcome.Later) return false;
                c.Reply.Refused(items.Refusal);
                return true;
            }
            statistics.Gets++;
            if (outcome == Outcome.Done) Value(ref c, key, unique);
            else statistics.Misses++;
        }
        c.Reply.Line("END"u8);
        return true;
    }

    private void Value(ref CommandContext c, ReadOnlySpan<byte> key, bool unique)
    {
        var item = items.Item;
        Span<byte> scratch = stackalloc byte[20];
        var text = item.Text(scratch);
        var w = c.Reply;
        w.Raw("VALUE "u8);
        w.Raw(key);
        w.Raw(" "u8);
        w.Number(ItemOperations.WordOf(item).Flags);
        w.Raw(" "u8);
        w.Number(text.Length);
        if (unique)
        {
            w.Raw(" "u8);
            w.Number(items.UniqueOf(item));
        }
        w.Raw("\r\n"u8);
        w.Line(text);
    }

    private bool Delete(ref CommandContext c, ref LineReader words)
    {
        var key = words.Next();
        if (words.Rest.StartsWith("0"u8)) words.Next(); // the time of old clients: only "now" was ever allowed
        if (!IsKey(key) || !words.TryEnd(out bool noReply)) return Bad(ref c);
        items.Order = default;
        return End(ref c, items.Delete(ref c, key), "DELETED"u8, noReply);
    }

    private bool Touch(ref CommandContext c, ref LineReader words)
    {
        var key = words.Next();
        if (!IsKey(key) || words.AtEnd) return Bad(ref c, words.AtEnd);
        if (!words.TryNext(out long exptime))
        {
            c.Reply.Line("CLIENT_ERROR invalid exptime argument"u8);
            return true;
        }
        if (!words.TryEnd(out bool noReply)) return Bad(ref c);
        items.Order = default;
        items.Order.ExpireAtMs = ExpiryTime.ToUnixMs(exptime, c.NowMs);
        return End(ref c, items.Touch(ref c, key), "TOUCHED"u8, noReply);
    }

    private bool Count(ref CommandContext c, ref LineReader words, bool down)
    {
        var key = words.Next();
        if (!IsKey(key) || words.AtEnd) return Bad(ref c, words.AtEnd);
        items.Order = default;
        items.Order.Down = down;
        items.Order.ExpireAtMs = ItemOperations.Keep;
        if (!words.TryNext(out items.Order.Delta))
        {
            c.Reply.Line("CLIENT_ERROR invalid numeric delta argument"u8);
            return true;
        }
        if (!words.TryEnd(out bool noReply)) return Bad(ref c);
        var outcome = items.Count(ref c, key);
        Span<byte> scratch = stackalloc byte[20];
        return End(ref c, outcome, outcome == Outcome.Done ? items.Item.Text(scratch) : default, noReply);
    }

    private bool Flush(ref CommandContext c, ref LineReader words)
    {
        long delay = 0;
        if (!words.AtEnd && !words.Rest.SequenceEqual("noreply"u8) && !words.TryNext(out delay)) return Bad(ref c);
        if (!words.TryEnd(out bool noReply)) return Bad(ref c);
        if (delay <= 0) return End(ref c, items.Flush(ref c), "OK"u8, noReply);
        var session = c.Session;
        node.Engine.After(TimeSpan.FromSeconds(Math.Min(delay, int.MaxValue)), () =>
        {
            var later = node.Dispatcher.Begin(session, statistics.Unread);
            items.Flush(ref later);
        });
        if (!noReply) c.Reply.Line("OK"u8);
        return true;
    }

    private static void Verbosity(ref CommandContext c, ref LineReader words)
    {
        if (words.AtEnd) c.Reply.Line("ERROR"u8);
        else if (!words.Rest.EndsWith("noreply"u8)) c.Reply.Line("OK"u8);
    }

    private bool End(ref CommandContext c, Outcome outcome, scoped ReadOnlySpan<byte> done, bool noReply)
    {
        switch (outcome)
        {
            case Outcome.Later:
                return false;
            case Outcome.Refused:
                c.Reply.Refused(items.Refusal);
                return true;
            case Outcome.NotNumeric:
                c.Reply.Line(Replies.NotNumeric);
                return true;
        }
        if (!noReply) c.Reply.Line(outcome == Outcome.Done ? done : "NOT_FOUND"u8);
        return true;
    }

    private static bool Bad(ref CommandContext c, bool missing = false)
    {
        c.Reply.Line(missing ? "ERROR" : Replies.BadLine);
        return true;
    }

    private static bool IsKey(ReadOnlySpan<byte> key) => key.Length is > 0 and <= MaxKey;

    private static StoreMode? ModeOf(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("set"u8) || name.SequenceEqual("cas"u8) => StoreMode.Set,
        _ when name.SequenceEqual("add"u8) => StoreMode.Add,
        _ when name.SequenceEqual("replace"u8) => StoreMode.Replace,
        _ when name.SequenceEqual("append"u8) => StoreMode.Append,
        _ when name.SequenceEqual("prepend"u8) => StoreMode.Prepend,
        _ => null,
    };
}
