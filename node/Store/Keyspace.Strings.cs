// Strings: the one type whose value lies in the entry itself, so that setting one is a matter of the keyspace alone.
using Shoal.Store.Values;

namespace Shoal.Store;

public sealed unsafe partial class Keyspace
{
    /// <summary>Longest text OBJECT ENCODING calls embstr, in bytes.</summary>
    private const int EmbeddedLimit = 44;

    /// <summary>
    /// Sets a string, replacing a value of any type. Integers up to 20 digits are stored in binary.
    /// </summary>
    /// <param name="key">Key.</param>
    /// <param name="slot">Slot of the key.</param>
    /// <param name="value">Text of the value.</param>
    /// <param name="expireAtMs">Unix ms; -1 none; -2 keep what it has.</param>
    public EntryRef SetString(ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs = -1) =>
        SetString(key, slot, _arena.Hash.Of(key), value, expireAtMs);

    /// <inheritdoc cref="SetString(ReadOnlySpan{byte}, int, ReadOnlySpan{byte}, long)"/>
    public EntryRef SetString(
        ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value, long expireAtMs = -1)
    {
        if (value.Length <= 20 && IntegerText.TryParse(value, out long number))
            return Replace(key, slot, hash, new ReadOnlySpan<byte>(&number, 8), expireAtMs, Encoding.Int);
        return Replace(key, slot, hash, value, expireAtMs, value.Length <= EmbeddedLimit ? Encoding.Embedded : Encoding.Raw);
    }

    /// <summary>Sets a string together with its client word (0 = none), replacing a value of any type.</summary>
    public EntryRef SetString(ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs, ulong clientWord)
    {
        EntryRef entry = SetString(key, slot, value, expireAtMs);
        SetClientWord(ref entry, clientWord);
        return entry;
    }

    /// <summary>Gives a string another client word (0 = none); the entry may move. After FindForWrite or a set.</summary>
    public void SetClientWord(ref EntryRef entry, ulong word)
    {
        byte* e = entry.Pointer;
        ulong had = Entry.ClientWord(e);
        if (had != 0 && word != 0) Entry.SetClientWord(e, word);
        else if (had != word) Moved(ref entry, Entry.Reshape(_arena, e, Entry.ValueLength(e), Entry.ExpireAt(e), word, keepValue: true));
    }

    /// <summary>As SetString, but a number stays text: what INCRBYFLOAT stores reports embstr even when it is whole.</summary>
    public EntryRef SetText(ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> value, long expireAtMs) =>
        Replace(key, slot, _arena.Hash.Of(key), value, expireAtMs,
            value.Length <= EmbeddedLimit ? Encoding.Embedded : Encoding.Raw);

    /// <summary>Sets an integer string.</summary>
    public EntryRef SetInteger(ReadOnlySpan<byte> key, int slot, long value, long expireAtMs = -2) =>
        Replace(key, slot, _arena.Hash.Of(key), new ReadOnlySpan<byte>(&value, 8), expireAtMs, Encoding.Int);

    private EntryRef Replace(
        ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value, long expireAtMs, Encoding encoding)
    {
        SlotTable* table = Charge(slot);
        TablePosition at = Table.Find(_arena, &table->Table, key, hash);
        if (!at.Exists || Entry.HasExpiry(at.Entry) && Vanished(table, new EntryRef(at, slot)))
            return Fresh(table, key, slot, hash, value, expireAtMs, encoding);

        BeforeChange(table, at.Bucket);
        var entry = new EntryRef(at, slot & _slotMask);
        byte* e = at.Entry;
        if (Entry.TypeOf(e) != ValueType.String) _owner.LifetimeOf(entry.Type)?.Free(_arena, entry);
        bool had = Entry.HasExpiry(e);
        if (expireAtMs == -2) expireAtMs = Entry.ExpireAt(e);
        if (value.Length != Entry.ValueLength(e) || had != expireAtMs >= 0 || Entry.ClientWord(e) != 0)
        {
            Moved(ref entry, Entry.Reshape(_arena, e, value.Length, expireAtMs, 0, keepValue: false));
            e = entry.Pointer;
        }
        else if (had)
        {
            *(long*)(e + Entry.HeaderBytes) = expireAtMs;
        }
        Entry.SetKind(e, ValueType.String, encoding);
        value.CopyTo(new Span<byte>(Entry.ValuePointer(e), value.Length));
        Touch(e);
        if (had || expireAtMs >= 0) NoteExpiry(table, at.Bucket, had, expireAtMs);
        Events.RaiseChanged(this, key, slot);
        return entry;
    }

    private EntryRef Fresh(SlotTable* table, ReadOnlySpan<byte> key, int slot, ulong hash, ReadOnlySpan<byte> value,
        long expireAtMs, Encoding encoding)
    {
        long offset = Entry.Create(_arena, key, value.Length, Math.Max(expireAtMs, -1), ValueType.String, encoding);
        value.CopyTo(new Span<byte>(Entry.ValuePointer(_arena.At(offset)), value.Length));
        EntryRef entry = Insert(table, slot & _slotMask, hash, offset);
        Events.Created?.Invoke(this, key, slot);
        Events.RaiseChanged(this, key, slot);
        return entry;
    }
}
