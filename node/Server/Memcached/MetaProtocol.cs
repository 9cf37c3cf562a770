// The meta commands of memcached (protocol.txt, "meta commands"): mg, ms, md, ma, mn, me. A flag asks for something to be
// done or to be told, and what is told comes back in the order it was asked for.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Store;
using Text = System.Text.Encoding;

namespace Shoal.Server.Memcached;

/// <summary>Runs meta commands. Engine thread.</summary>
internal sealed unsafe class MetaProtocol(NodeServices node, ItemOperations items, MemcachedStatistics statistics)
{
    private readonly byte[] _decoded = new byte[TextProtocol.MaxKey * 2];

    /// <summary>An ms line: how many bytes of data follow; -1 when the line is bad, -2 when it is no ms.</summary>
    public static long DataLength(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("ms "u8)) return -2;
        var words = new LineReader(line);
        words.Next();
        words.Next();
        return words.TryNext(out long length) && length is >= 0 and <= int.MaxValue - 2 ? length : -1;
    }

    public static bool IsMeta(ReadOnlySpan<byte> line) =>
        line.Length >= 2 && line[0] == 'm' && (line.Length == 2 || line[2] == ' ') && line[1] is (byte)'g' or (byte)'s' or (byte)'d' or (byte)'a' or (byte)'n' or (byte)'e';

    /// <summary>Runs a line (of ms with its data); false when the client must wait.</summary>
    public bool Run(ref CommandContext c, ReadOnlySpan<byte> line, byte* data, int length)
    {
        var words = new LineReader(line);
        byte command = words.Next()[1];
        if (command == 'n')
        {
            c.Reply.Line("MN"u8);
            return true;
        }
        var given = words.Next();
        if (command == 's') words.Next();
        if (given.IsEmpty)
        {
            c.Reply.Line("ERROR"u8);
            return true;
        }
        string error = Replies.BadLine;
        if (given.Length > TextProtocol.MaxKey || !MetaFlags.TryRead(words.Rest, out var flags, out error))
        {
            c.Reply.Line(error);
            return true;
        }
        var key = given;
        if (flags.Base64Key)
        {
            if (!MetaFlags.TryDecodeKey(given, _decoded, out int decoded))
            {
                c.Reply.Line("CLIENT_ERROR error decoding key"u8);
                return true;
            }
            key = _decoded.AsSpan(0, decoded);
        }
        items.Order = default;
        items.Order.Data = data;
        items.Order.DataLength = length;
        items.Order.Cas = flags.Cas;
        items.Order.Invalidates = flags.Invalidates;
        items.Order.Flags = (uint)flags.ClientFlags;
        items.Order.KeepsEmpty = flags.KeepsEmpty;
        items.Order.Delta = flags.Delta;
        items.Order.Initial = flags.Initial;
        if (flags.Vivify is { } ttl) items.Order.Vivify = ExpiryTime.ToUnixMs(ttl, c.NowMs);
        return command switch
        {
            (byte)'g' => Get(ref c, key, given, ref flags),
            (byte)'s' => Set(ref c, key, given, ref flags),
            (byte)'d' => Delete(ref c, key, given, ref flags),
            (byte)'a' => Arithmetic(ref c, key, given, ref flags),
            _ => Debug(ref c, key, given),
        };
    }

    private bool Get(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> given, ref MetaFlags flags)
    {
        items.Order.ExpireAtMs = flags.Expiry is { } ttl ? ExpiryTime.ToUnixMs(ttl, c.NowMs) : ItemOperations.Keep;
        bool changes = flags.Expiry is not null || flags.Vivify is not null;
        var outcome = changes ? items.Touch(ref c, key) : items.Get(ref c, key);
        statistics.Gets++;
        if (outcome == Outcome.NotFound)
        {
            statistics.Misses++;
            if (!flags.Quiet) c.Reply.Line("EN"u8);
            return true;
        }
        if (outcome != Outcome.Done) return End(ref c, outcome, given, ref flags);
        var item = items.Item;
        var word = ItemOperations.WordOf(item);
        long left = ExpiryTime.SecondsLeft(item.ExpireAtMs, c.NowMs);
        // One client alone is told to recache: after a vivify, when stale, or when little time is left.
        bool wanted = items.Vivified || word.Stale || (flags.RecacheBelow is { } below && left >= 0 && left < below);
        bool wins = wanted && !word.Won;
        if (wins) items.Mark(ref c, word.AsWon());
        Value(ref c, item, given, ref flags, left);
        // memcached's own order.
        if (!wins && word.Won) Tail(c.Reply, " Z"u8);
        if (word.Stale) Tail(c.Reply, " X"u8);
        if (wins) Tail(c.Reply, " W"u8);
        return true;
    }

    /// <summary>HD or VA with what the flags ask for.</summary>
    private void Value(ref CommandContext c, in EntryRef item, ReadOnlySpan<byte> given, ref MetaFlags flags, long left)
    {
        var w = c.Reply;
        Span<byte> scratch = stackalloc byte[20];
        var text = item.Text(scratch);
        bool withValue = Asks(flags, (byte)'v');
        if (withValue)
        {
            w.Raw("VA "u8);
            w.Number(text.Length);
        }
        else w.Raw("HD"u8);
        Tell(ref c, item, given, ref flags, left);
        _tail = w.Length;
        w.Raw("\r\n"u8);
        if (withValue) w.Line(text);
    }

    private int _tail;
    private readonly NativeBuffer _behind = new();

    /// <summary>Puts a mark behind the flags of the line just written.</summary>
    private void Tail(ReplyWriter w, ReadOnlySpan<byte> mark)
    {
        _behind.Clear(1 << 20);
        _behind.Append(w.Written[_tail..]);
        w.Truncate(_tail);
        w.Raw(mark);
        _tail = w.Length;
        w.Raw(_behind.Written);
    }

    private void Tell(ref CommandContext c, in EntryRef item, ReadOnlySpan<byte> given, ref MetaFlags flags, long left)
    {
        var w = c.Reply;
        var words = flags.InOrder;
        Span<byte> scratch = stackalloc byte[20];
        while (!words.AtEnd)
        {
            var word = words.Next();
            switch (word[0])
            {
                case (byte)'O':
                    w.Raw(" "u8);
                    w.Raw(word);
                    break;
                case (byte)'k':
                    w.Raw(" k"u8);
                    w.Raw(given);
                    if (flags.Base64Key) w.Raw(" b"u8);
                    break;
                case (byte)'c' when item.Exists:
                    w.Raw(" c"u8);
                    w.Number(items.UniqueOf(item));
                    break;
                case (byte)'f' when item.Exists:
                    w.Raw(" f"u8);
                    w.Number(ItemOperations.WordOf(item).Flags);
                    break;
                case (byte)'h' when item.Exists:
                    w.Raw(items.Before.Fetched ? " h1"u8 : " h0"u8);
                    break;
                case (byte)'l' when item.Exists:
                    w.Raw(" l"u8);
                    w.Number(node.Databases.Clock.IdleSeconds(item));
                    break;
                case (byte)'s' when item.Exists:
                    w.Raw(" s"u8);
                    w.Number(item.Text(scratch).Length);
                    break;
                case (byte)'t' when item.Exists:
                    w.Raw(" t"u8);
                    w.Number(left);
                    break;
            }
        }
    }

    private bool Set(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> given, ref MetaFlags flags)
    {
        StoreMode? mode = (flags.Mode | 0x20) switch
        {
            0x20 or 's' => StoreMode.Set,
            'e' => StoreMode.Add,
            'r' => StoreMode.Replace,
            'a' => StoreMode.Append,
            'p' => StoreMode.Prepend,
            _ => null,
        };
        if (mode is null)
        {
            c.Reply.Line("CLIENT_ERROR invalid mode for ms"u8);
            return true;
        }
        items.Order.Mode = mode.Value;
        items.Order.ExpireAtMs = ExpiryTime.ToUnixMs(flags.Expiry ?? 0, c.NowMs);
        statistics.Sets++;
        return End(ref c, items.Store(ref c, key), given, ref flags);
    }

    private bool Delete(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> given, ref MetaFlags flags)
    {
        items.Order.ExpireAtMs = flags.Expiry is { } ttl ? ExpiryTime.ToUnixMs(ttl, c.NowMs) : ItemOperations.Keep;
        return End(ref c, items.Delete(ref c, key), given, ref flags);
    }

    private bool Arithmetic(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> given, ref MetaFlags flags)
    {
        switch ((char)(flags.Mode | 0x20))
        {
            case ' ' or 'i' or '+':
                break;
            case 'd' or '-':
                items.Order.Down = true;
                break;
            default:
                c.Reply.Line("CLIENT_ERROR invalid mode for ma"u8);
                return true;
        }
        items.Order.ExpireAtMs = flags.Expiry is { } ttl ? ExpiryTime.ToUnixMs(ttl, c.NowMs) : ItemOperations.Keep;
        var outcome = items.Count(ref c, key);
        if (outcome != Outcome.Done) return End(ref c, outcome, given, ref flags);
        int mark = c.Reply.Length;
        Value(ref c, items.Item, given, ref flags, ExpiryTime.SecondsLeft(items.Item.ExpireAtMs, c.NowMs));
        if (flags.Quiet) c.Reply.Truncate(mark);
        return true;
    }

    private bool Debug(ref CommandContext c, ReadOnlySpan<byte> key, ReadOnlySpan<byte> given)
    {
        var outcome = items.Get(ref c, key);
        if (outcome == Outcome.Later) return false;
        if (outcome == Outcome.Refused) c.Reply.Refused(items.Refusal);
        else if (outcome == Outcome.NotFound) c.Reply.Line("EN"u8);
        else
        {
            var item = items.Item;
            c.Reply.Line($"ME {Text.Latin1.GetString(given)} exp={ExpiryTime.SecondsLeft(item.ExpireAtMs, c.NowMs)} la={node.Databases.Clock.IdleSeconds(item)}" +
                $" cas={items.UniqueOf(item)} fetch={(items.Before.Fetched ? "yes" : "no")} cls=1 size={c.Keys.Bytes(item)}");
        }
        return true;
    }

    private bool End(ref CommandContext c, Outcome outcome, ReadOnlySpan<byte> given, ref MetaFlags flags)
    {
        var w = c.Reply;
        int mark = w.Length;
        bool silent = flags.Quiet;
        switch (outcome)
        {
            case Outcome.Later:
                return false;
            case Outcome.Refused:
                w.Refused(items.Refusal);
                return true;
            case Outcome.NotNumeric:
                w.Line(Replies.NotNumeric);
                return true;
            case Outcome.TooLarge:
                w.Line(Replies.TooLarge);
                return true;
            case Outcome.Done:
                w.Raw("HD"u8);
                break;
            case Outcome.NotStored:
                w.Raw("NS"u8);
                silent = false;
                break;
            case Outcome.Exists:
                w.Raw("EX"u8);
                silent = false;
                break;
            default:
                w.Raw("NF"u8);
                silent &= flags.Quiet && items.Order.Mode == StoreMode.Set && items.Order.Data == null;
                break;
        }
        var item = outcome == Outcome.Done ? items.Item : default;
        Tell(ref c, item, given, ref flags, item.Exists ? ExpiryTime.SecondsLeft(item.ExpireAtMs, c.NowMs) : 0);
        w.Raw("\r\n"u8);
        if (silent) w.Truncate(mark);
        return true;
    }

    private static bool Asks(in MetaFlags flags, byte letter)
    {
        var words = flags.InOrder;
        while (!words.AtEnd)
            if (words.Next()[0] == letter) return true;
        return false;
    }
}
