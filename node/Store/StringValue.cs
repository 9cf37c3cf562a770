// Strings: the one type whose value lies in the entry itself, so that setting one is a matter of the keyspace alone.
using Shoal.Store.Values;

namespace Shoal.Store;

/// <summary>Strings of a keyspace.</summary>
public static unsafe class StringValue
{
    /// <summary>Longest text OBJECT ENCODING calls embstr, in bytes.</summary>
    private const int EmbeddedLimit = 44;

    /// <summary>
    /// Sets a string, replacing a value of any type. Integers up to 20 digits are stored in binary.
    /// </summary>
    /// <param name="keys">Keyspace.</param>
    /// <param name="key">Key.</param>
    /// <param name="slot">Slot of the key.</param>
    /// <param name="value">Text of the value.</param>
    /// <param name="expireAtMs">Unix ms; -1 none; -2 keep what it has.</param>
    public static EntryRef SetString(this Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs = -1) =>
        keys.SetString(key, slot, keys.Arena.Hash.Of(key), value, expireAtMs);

    /// <inheritdoc cref="SetString(Keyspace, ReadOnlySpan{byte}, int, ReadOnlySpan{byte}, long)"/>
    public static EntryRef SetString(this Keyspace keys, ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value, long expireAtMs = -1)
    {
        if (value.Length <= 20 && IntegerText.TryParse(value, out long number))
            return Replace(keys, key, slot, hash, new ReadOnlySpan<byte>(&number, 8), expireAtMs, Encoding.Int);
        return Replace(keys, key, slot, hash, value, expireAtMs, value.Length <= EmbeddedLimit ? Encoding.Embedded : Encoding.Raw);
    }

    /// <summary>Sets a string together with its client word (0 = none), replacing a value of any type.</summary>
    public static EntryRef SetString(this Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs, ulong clientWord)
    {
        EntryRef entry = keys.SetString(key, slot, value, expireAtMs);
        keys.SetClientWord(ref entry, clientWord);
        return entry;
    }

    /// <summary>Gives a string another client word (0 = none); the entry may move. After FindForWrite or a set.</summary>
    public static void SetClientWord(this Keyspace keys, ref EntryRef entry, ulong word)
    {
        byte* e = entry.Pointer;
        ulong had = Entry.ClientWord(e);
        if (had != 0 && word != 0) Entry.SetClientWord(e, word);
        else if (had != word) keys.Moved(ref entry, Entry.Reshape(keys.Arena, e, Entry.ValueLength(e), Entry.ExpireAt(e), word, keepValue: true));
    }

    /// <summary>As SetString, but a number stays text: what INCRBYFLOAT stores reports embstr even when it is whole.</summary>
    public static EntryRef SetText(this Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs) =>
        Replace(keys, key, slot, keys.Arena.Hash.Of(key), value, expireAtMs,
            value.Length <= EmbeddedLimit ? Encoding.Embedded : Encoding.Raw);

    /// <summary>Sets an integer string.</summary>
    public static EntryRef SetInteger(this Keyspace keys, ReadOnlySpan<byte> key, int slot, long value, long expireAtMs = -2) =>
        Replace(keys, key, slot, keys.Arena.Hash.Of(key), new ReadOnlySpan<byte>(&value, 8), expireAtMs, Encoding.Int);

    private static EntryRef Replace(Keyspace keys, ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value, long expireAtMs, Encoding encoding)
    {
        SlotTable* table = keys.Charge(slot);
        TablePosition at = Table.Find(keys.Arena, &table->Table, key, hash);
        if (!at.Exists || Entry.HasExpiry(at.Entry) && keys.Vanished(table, new EntryRef(at, slot)))
            return Fresh(keys, table, key, slot, hash, value, expireAtMs, encoding);

        keys.BeforeChange(table, at.Bucket);
        var entry = new EntryRef(at, slot & (keys.TableCount - 1));
        byte* e = at.Entry;
        if (Entry.TypeOf(e) != ValueType.String) keys.Owner.LifetimeOf(entry.Type)?.Free(keys.Arena, entry);
        bool had = Entry.HasExpiry(e);
        if (expireAtMs == -2) expireAtMs = Entry.ExpireAt(e);
        if (value.Length != Entry.ValueLength(e) || had != expireAtMs >= 0 || Entry.ClientWord(e) != 0)
        {
            keys.Moved(ref entry, Entry.Reshape(keys.Arena, e, value.Length, expireAtMs, 0, keepValue: false));
            e = entry.Pointer;
        }
        else if (had)
        {
            *(long*)(e + Entry.HeaderBytes) = expireAtMs;
        }
        Entry.SetKind(e, ValueType.String, encoding);
        value.CopyTo(new Span<byte>(Entry.ValuePointer(e), value.Length));
        keys.Touch(e);
        if (had || expireAtMs >= 0) keys.NoteExpiry(table, at.Bucket, had, expireAtMs);
        keys.Events.RaiseChanged(keys, key, slot);
        return entry;
    }

    private static EntryRef Fresh(Keyspace keys, SlotTable* table, ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value,
        long expireAtMs, Encoding encoding)
    {
        long offset = Entry.Create(keys.Arena, key, value.Length, Math.Max(expireAtMs, -1), ValueType.String, encoding);
        value.CopyTo(new Span<byte>(Entry.ValuePointer(keys.Arena.At(offset)), value.Length));
        EntryRef entry = keys.Insert(table, slot & (keys.TableCount - 1), hash, offset);
        keys.Events.Created?.Invoke(keys, key, slot);
        keys.Events.RaiseChanged(keys, key, slot);
        return entry;
    }
}
