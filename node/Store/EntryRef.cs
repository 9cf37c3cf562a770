// A found key of a keyspace, as handed to commands and savers.
using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace Shoal.Store;

/// <summary>A found entry; valid until the keyspace next changes. Default value = not found.</summary>
public unsafe struct EntryRef
{
    internal byte* Pointer;
    internal byte* Reference;
    internal uint Bucket;
    internal int SlotNumber;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal EntryRef(TablePosition at, int slot)
    {
        Pointer = at.Entry;
        Reference = at.Slot;
        Bucket = at.Bucket;
        SlotNumber = slot;
    }

    public readonly bool Exists => Pointer != null;

    public readonly ValueType Type => Entry.TypeOf(Pointer);

    public readonly Encoding Encoding => Entry.EncodingOf(Pointer);

    public readonly ReadOnlySpan<byte> Key => Entry.Key(Pointer);

    public readonly Span<byte> Value => Entry.Value(Pointer);

    public readonly byte* ValuePointer => Entry.ValuePointer(Pointer);

    public readonly int ValueLength => Entry.ValueLength(Pointer);

    /// <summary>Expiry in unix ms, or -1.</summary>
    public readonly long ExpireAtMs => Entry.ExpireAt(Pointer);

    /// <summary>What the protocol that wrote a string keeps beside it (memcached's flags and version); 0 = nothing.</summary>
    public readonly ulong ClientWord => Entry.ClientWord(Pointer);

    /// <summary>Slot as given to the lookup (always 0 outside cluster mode).</summary>
    public readonly int Slot => SlotNumber;

    /// <summary>24-bit access clock as stored; read it through <see cref="AccessClock"/>.</summary>
    public readonly uint Clock => Entry.Clock(Pointer);

    /// <summary>Bytes of this entry's own cell, without what it refers to.</summary>
    public readonly long CellBytes => Arena.RoundUp((int)Math.Min(Entry.Size(Pointer), int.MaxValue));

    /// <summary>
    /// The text of a string value. An integer is written into <paramref name="scratch"/> (at least 20 bytes); other
    /// encodings are returned in place.
    /// </summary>
    public readonly ReadOnlySpan<byte> Text(Span<byte> scratch)
    {
        if (Encoding != Encoding.Int) return Value;
        Utf8Formatter.TryFormat(*(long*)ValuePointer, scratch, out int written);
        return scratch[..written];
    }

    internal readonly TablePosition Position => new() { Entry = Pointer, Slot = Reference, Bucket = Bucket };
}
