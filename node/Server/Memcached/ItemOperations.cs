// What both protocols (text and meta) do to items, as rows of a command: they pass the same gates as RESP commands, and
// their effects reach the journal as SET, APPEND, DEL and PEXPIREAT, so that files and replicas hold nothing they do not know.
// Only flags need a form of their own: CLIENTWORD.
using System.Buffers.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Memcached;

/// <summary>How a store treats an item that is there or not.</summary>
internal enum StoreMode : byte
{
    Set,
    Add,
    Replace,
    Append,
    Prepend,
}

/// <summary>How an operation ended.</summary>
internal enum Outcome : byte
{
    Done,
    NotStored,
    Exists,
    NotFound,
    NotNumeric,
    TooLarge,

    /// <summary>A gate refused: <see cref="ItemOperations.Refusal"/>.</summary>
    Refused,

    /// <summary>A gate holds the client: nothing happened, the same request comes again.</summary>
    Later,
}

/// <summary>What an operation is to do; the fields each one reads are named at its method.</summary>
internal unsafe struct ItemOrder
{
    public StoreMode Mode;
    public byte* Data;
    public int DataLength;
    public uint Flags;

    /// <summary>Unix ms; -1 = never; <see cref="ItemOperations.Keep"/>; <see cref="ItemOperations.Past"/>.</summary>
    public long ExpireAtMs;

    /// <summary>Compare with the item's unique; null = do not.</summary>
    public ulong? Cas;

    /// <summary>A lower unique does not refuse: the item is stored, or kept, as stale.</summary>
    public bool Invalidates;

    /// <summary>Expiry of an item created by append, arithmetic or a read (N); null = do not create.</summary>
    public long? Vivify;

    public ulong Delta, Initial;
    public bool Down;

    /// <summary>Delete: keep the item, without value and flags.</summary>
    public bool KeepsEmpty;

    public readonly ReadOnlySpan<byte> Value => new(Data, DataLength);
}

/// <summary>Runs operations on items of database 0. Engine thread.</summary>
internal sealed unsafe class ItemOperations
{
    public const long Keep = -2, Past = -3;
    private readonly NodeServices _node;
    private readonly Gates _gates;
    private readonly Command _read, _touch, _store, _count, _delete, _flush;
    private readonly NativeBuffer _joined = new();
    private ulong _version;
    private Outcome _outcome;

    public ItemOperations(NodeServices node)
    {
        _node = node;
        _gates = node.Dispatcher.Gates;
        // Uniques handed out before a restart must not come again soon.
        _version = (ulong)node.Time.GetUtcNow().ToUnixTimeSeconds() << 4;
        _read = Row("get", ReadOnly | Fast, HandleRead, "get");
        _touch = Row("touch", CommandFlags.Write | Fast, HandleTouch, "getex");
        _store = Row("set", CommandFlags.Write | DenyOom, HandleStore, "set");
        _count = Row("incr", CommandFlags.Write | DenyOom | Fast, HandleCount, "incrby");
        _delete = Row("delete", CommandFlags.Write | Fast, HandleDelete, "del");
        _flush = Row("flush_all", CommandFlags.Write, HandleFlush, "flushall");
    }

    /// <summary>A row of no table; a user may run it who may run the RESP command <paramref name="like"/> (and read and write the key).</summary>
    private Command Row(string name, CommandFlags flags, CommandHandler handler, string like)
    {
        var model = _node.Commands.Find(like)!;
        bool keyed = !model.Keys.IsEmpty;
        return new Command("memcached|" + name, keyed ? 2 : 1, flags, keyed ? Keys.One(1) : Keys.None, model.Categories, handler) { Id = model.Id };
    }

    /// <summary>memcached-max-item-size in bytes.</summary>
    public long MaxItemBytes { get; set; } = 1 << 20;

    /// <summary>Of the last refusal: RESP's error text.</summary>
    public string Refusal { get; private set; } = "";

    /// <summary>Of the last operation: the item as it is now; may be absent. Valid until the next one.</summary>
    public EntryRef Item { get; private set; }

    /// <summary>Of the last read or vivify: the item's word before it was marked as fetched.</summary>
    public ItemWord Before { get; private set; }

    /// <summary>Of the last operation: it created the item by <see cref="ItemOrder.Vivify"/>.</summary>
    public bool Vivified { get; private set; }

    public ItemOrder Order;

    public Outcome Get(ref CommandContext c, ReadOnlySpan<byte> key) => Run(ref c, _read, key);

    /// <summary>Reads and gives a new expiry (<see cref="ItemOrder.ExpireAtMs"/>).</summary>
    public Outcome Touch(ref CommandContext c, ReadOnlySpan<byte> key) => Run(ref c, _touch, key);

    public Outcome Store(ref CommandContext c, ReadOnlySpan<byte> key) => Run(ref c, _store, key);

    public Outcome Count(ref CommandContext c, ReadOnlySpan<byte> key) => Run(ref c, _count, key);

    public Outcome Delete(ref CommandContext c, ReadOnlySpan<byte> key) => Run(ref c, _delete, key);

    public Outcome Flush(ref CommandContext c) => Run(ref c, _flush, default);

    /// <summary>The word of an item; 0 for one a RESP command wrote.</summary>
    public static ItemWord WordOf(in EntryRef e) => new(e.ClientWord);

    public ulong UniqueOf(in EntryRef e)
    {
        Span<byte> scratch = stackalloc byte[20];
        return WordOf(e).Unique(_node.Databases[0].Hash(e.Text(scratch)));
    }

    /// <summary>Marks the item of the last operation, in place.</summary>
    public void Mark(ref CommandContext c, ItemWord word)
    {
        var e = Item;
        if (e.Exists && e.ClientWord != 0) c.Keys.SetClientWord(ref e, word.Bits);
    }

    private Outcome Run(ref CommandContext c, Command row, ReadOnlySpan<byte> key)
    {
        // A RESP request of the shape "name key", so that gates and watchers see the key.
        fixed (byte* start = key)
        {
            var args = stackalloc ArgSlice[2];
            args[1] = new ArgSlice { Offset = 0, Length = key.Length };
            c.Request = new Request(start, args, key.IsEmpty ? 1 : 2, 0);
            c.Command = row;
            switch (_gates.CheckForeign(ref c, out string? refusal))
            {
                case Verdict.Later:
                    return Outcome.Later;
                case Verdict.Answered:
                    Refusal = refusal!;
                    row.Statistics.Rejected++;
                    return Outcome.Refused;
            }
            _outcome = Outcome.Done;
            Item = default;
            Vivified = false;
            _node.Dispatcher.Call(ref c);
            return _outcome;
        }
    }

    private void HandleRead(ref CommandContext c)
    {
        var e = c.Keys.Find(c[1], c.Slot);
        if (!IsItem(e)) _outcome = Outcome.NotFound;
        else Fetched(ref c, e);
    }

    private void HandleTouch(ref CommandContext c)
    {
        var e = c.Keys.FindForWrite(c[1], c.Slot);
        if (IsItem(e))
        {
            SetExpiry(ref c, ref e, Order.ExpireAtMs);
            Fetched(ref c, e);
        }
        else if (Order.Vivify is { } expireAt && !e.Exists) Vivify(ref c, default, expireAt);
        else _outcome = Outcome.NotFound;
    }

    private void HandleStore(ref CommandContext c)
    {
        var old = c.Keys.Peek(c[1], c.Slot);
        bool stale = false;
        if (Order.Cas is { } cas && Order.Mode != StoreMode.Add)
        {
            if (!IsItem(old)) { _outcome = Outcome.NotFound; return; }
            ulong unique = UniqueOf(old);
            stale = cas < unique && Order.Invalidates;
            if (cas != unique && !stale) { _outcome = Outcome.Exists; return; }
        }
        switch (Order.Mode)
        {
            case StoreMode.Add when old.Exists:
            case StoreMode.Replace when !old.Exists:
                _outcome = Outcome.NotStored;
                return;
            case StoreMode.Append or StoreMode.Prepend when !IsItem(old):
                if (Order.Vivify is { } expireAt && !old.Exists) Vivify(ref c, Order.Value, expireAt);
                else _outcome = Outcome.NotStored;
                return;
            case StoreMode.Append or StoreMode.Prepend:
                Join(ref c, old);
                return;
        }
        if (Order.ExpireAtMs == Past)
        {
            Drop(ref c);
            return;
        }
        var word = ItemWord.Stored(Order.Flags, ++_version);
        Put(ref c, Order.Value, Order.ExpireAtMs, stale ? word.AsStale() : word);
    }

    private void Join(ref CommandContext c, in EntryRef old)
    {
        Span<byte> scratch = stackalloc byte[20];
        var text = old.Text(scratch);
        if ((long)text.Length + Order.DataLength > MaxItemBytes) { _outcome = Outcome.TooLarge; return; }
        _joined.Clear(1 << 20);
        bool append = Order.Mode == StoreMode.Append;
        _joined.Append(append ? text : Order.Value);
        _joined.Append(append ? Order.Value : text);
        var word = WordOf(old).Changed(++_version);
        if (append)
        {
            Item = c.Keys.SetString(c[1], c.Slot, _joined.Written, Keep, word.Bits);
            c.Changed();
            c.Notify(KeyEventClass.String, "append"u8, c[1]);
            c.Propagate("APPEND"u8, c[1], Order.Value); // flags stay with the item on the other side as well
        }
        else Put(ref c, _joined.Written, Keep, word);
    }

    private void HandleCount(ref CommandContext c)
    {
        var e = c.Keys.Peek(c[1], c.Slot);
        Span<byte> text = stackalloc byte[20];
        int n;
        if (!IsItem(e))
        {
            if (Order.Vivify is not { } expireAt || e.Exists) { _outcome = Outcome.NotFound; return; }
            Utf8Formatter.TryFormat(Order.Initial, text, out n);
            Vivify(ref c, text[..n], expireAt);
            return;
        }
        if (Order.Cas is { } cas && cas != UniqueOf(e)) { _outcome = Outcome.Exists; return; }
        Span<byte> scratch = stackalloc byte[20];
        var digits = e.Text(scratch);
        if (digits.Length is 0 or > 20 || !Utf8Parser.TryParse(digits, out ulong value, out int used) || used != digits.Length)
        {
            _outcome = Outcome.NotNumeric;
            return;
        }
        value = Order.Down ? value - Math.Min(value, Order.Delta) : unchecked(value + Order.Delta);
        Utf8Formatter.TryFormat(value, text, out n);
        Put(ref c, text[..n], Keep, WordOf(e).Changed(++_version));
        if (Order.ExpireAtMs == Keep) return;
        var now = c.Keys.FindForWrite(c[1], c.Slot);
        SetExpiry(ref c, ref now, Order.ExpireAtMs);
        Item = now;
    }

    private void HandleDelete(ref CommandContext c)
    {
        var e = c.Keys.Peek(c[1], c.Slot);
        if (!e.Exists) { _outcome = Outcome.NotFound; return; }
        if (Order.Cas is { } cas && IsItem(e) && cas != UniqueOf(e) && !(Order.Invalidates && cas < UniqueOf(e))) { _outcome = Outcome.Exists; return; }
        if (!Order.KeepsEmpty && !Order.Invalidates) Drop(ref c);
        else if (!IsItem(e)) _outcome = Outcome.NotFound;
        else
        {
            Span<byte> scratch = stackalloc byte[20];
            _joined.Clear(1 << 20);
            if (!Order.KeepsEmpty) _joined.Append(e.Text(scratch));
            var word = Order.KeepsEmpty ? ItemWord.Stored(0, ++_version) : WordOf(e).Changed(++_version);
            Put(ref c, _joined.Written, Order.ExpireAtMs, Order.Invalidates ? word.AsStale() : word);
        }
    }

    private static void HandleFlush(ref CommandContext c)
    {
        c.Keys.Clear();
        c.Changed();
        c.Propagate(1).Arg("FLUSHDB"u8).End();
    }

    /// <summary>Writes the item and says so as SET; flags go beside it in one transaction.</summary>
    private void Put(ref CommandContext c, scoped ReadOnlySpan<byte> value, long expireAtMs, ItemWord word)
    {
        if (value.Length > MaxItemBytes) { _outcome = Outcome.TooLarge; return; }
        Item = c.Keys.SetString(c[1], c.Slot, value, expireAtMs, word.Bits);
        c.Changed();
        c.Notify(KeyEventClass.String, "set"u8, c[1]);
        bool both = word.Flags != 0;
        if (both) _node.Journal.OpenTransaction();
        if (expireAtMs >= 0) c.Propagate(5).Arg("SET"u8).Arg(c[1]).Arg(value).Arg("PXAT"u8).Arg(expireAtMs).End();
        else if (expireAtMs == Keep) c.Propagate("SET"u8, c[1], value, "KEEPTTL"u8);
        else c.Propagate("SET"u8, c[1], value);
        if (!both) return;
        c.Propagate(3).Arg("CLIENTWORD"u8).Arg(c[1]).Arg((long)word.Bits).End();
        _node.Journal.CloseTransaction();
    }

    private void Vivify(ref CommandContext c, scoped ReadOnlySpan<byte> value, long expireAtMs)
    {
        Vivified = true;
        Put(ref c, value, expireAtMs, ItemWord.Stored(Order.Flags, ++_version));
        Before = WordOf(Item);
    }

    private void Drop(ref CommandContext c)
    {
        if (!c.Keys.Remove(c[1], c.Slot)) return;
        c.Changed();
        c.Notify(KeyEventClass.Generic, "del"u8, c[1]);
        c.Propagate("DEL"u8, c[1]);
    }

    private static void SetExpiry(ref CommandContext c, ref EntryRef e, long at)
    {
        if (at == Past) at = c.NowMs - 1;
        if (at == Keep || at == e.ExpireAtMs) return;
        c.Keys.SetExpiry(ref e, at);
        c.Changed();
        c.Keys.Events.RaiseChanged(c.Keys, c[1], c.Slot);
        c.Notify(KeyEventClass.Generic, at >= 0 ? "expire"u8 : "persist"u8, c[1]);
        if (at >= 0) c.Propagate(3).Arg("PEXPIREAT"u8).Arg(c[1]).Arg(at).End();
        else c.Propagate("PERSIST"u8, c[1]);
    }

    private void Fetched(ref CommandContext c, EntryRef e)
    {
        Before = WordOf(e);
        if (e.ClientWord != 0 && !Before.Fetched) c.Keys.SetClientWord(ref e, Before.AsFetched().Bits);
        Item = e;
    }

    private static bool IsItem(in EntryRef e) => e.Exists && e.Type == Shoal.Store.ValueType.String;
}
