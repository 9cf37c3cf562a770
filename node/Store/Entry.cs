// One key with its value, or one member of a large collection, in a single arena cell:
//
//   offset size  what
//   0      1     low 4 bits ValueType, high 4 bits Encoding
//   1      1     flags: 1 = has expiry, 2 = has the extension word, 4 = has a client word
//   2      3     access clock: LRU seconds, or LFU (16 bits of minutes, 8 bits of counter)
//   5      1     key length; 255 = see the extension
//   6      2     value length; 65535 = see the extension
//   8      8     expiry, unix ms            (only with flag 1)
//   ..     8     client word, never 0       (only with flag 4)
//   ..     8     key length u32, value length u32 (only with flag 2)
//   ..           key bytes, then value bytes
//
// An entry has exactly one referrer, its index slot, so that it can be moved at will.
using System.Runtime.CompilerServices;

namespace Shoal.Store;

/// <summary>Reads and writes the fields of an entry in arena memory. Lengths in bytes, times in unix ms.</summary>
public static unsafe class Entry
{
    internal const int HeaderBytes = 8;
    internal const byte HasExpiryFlag = 1;
    internal const byte ExtendedFlag = 2;
    internal const byte ClientWordFlag = 4;
    private const int LongKey = 255;
    private const int LongValue = 65535;

    public static ValueType TypeOf(byte* e) => (ValueType)(e[0] & 15);

    public static Encoding EncodingOf(byte* e) => (Encoding)(e[0] >> 4);

    public static void SetKind(byte* e, ValueType type, Encoding encoding) => e[0] = (byte)((int)type | (int)encoding << 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasExpiry(byte* e) => (e[1] & HasExpiryFlag) != 0;

    /// <summary>Expiry in unix ms, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ExpireAt(byte* e) => HasExpiry(e) ? *(long*)(e + HeaderBytes) : -1;

    /// <summary>What the protocol that wrote a string keeps beside it (memcached's flags and version); 0 = nothing.</summary>
    public static ulong ClientWord(byte* e) => (e[1] & ClientWordFlag) != 0 ? *(ulong*)(e + HeaderBytes + ((e[1] & HasExpiryFlag) << 3)) : 0;

    /// <summary>Changes the client word of an entry that has one.</summary>
    internal static void SetClientWord(byte* e, ulong word) => *(ulong*)(e + HeaderBytes + ((e[1] & HasExpiryFlag) << 3)) = word;

    /// <summary>24-bit access clock; its meaning depends on the eviction policy.</summary>
    public static uint Clock(byte* e) => *(uint*)(e + 1) >> 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetClock(byte* e, uint clock)
    {
        *(ushort*)(e + 2) = (ushort)clock;
        e[4] = (byte)(clock >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int KeyLength(byte* e) => e[5] != LongKey ? e[5] : *(int*)Extension(e);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ValueLength(byte* e)
    {
        int length = *(ushort*)(e + 6);
        return length != LongValue ? length : *(int*)(Extension(e) + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* KeyPointer(byte* e) => e + KeyOffset(e[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* ValuePointer(byte* e) => KeyPointer(e) + KeyLength(e);

    public static ReadOnlySpan<byte> Key(byte* e) => new(KeyPointer(e), KeyLength(e));

    public static Span<byte> Value(byte* e) => new(ValuePointer(e), ValueLength(e));

    /// <summary>Bytes of the cell's contents; the cell is <see cref="Arena.RoundUp"/> of it.</summary>
    public static long Size(byte* e) => KeyOffset(e[1]) + (long)KeyLength(e) + ValueLength(e);

    /// <summary>Bytes an entry of this shape takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SizeFor(int keyLength, int valueLength, bool hasExpiry, bool hasClientWord) =>
        HeaderBytes + (hasExpiry ? 8 : 0) + (hasClientWord ? 8 : 0) + (NeedsExtension(keyLength, valueLength) ? 8 : 0) + (long)keyLength + valueLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool KeyEquals(byte* e, ReadOnlySpan<byte> key) =>
        e[5] == (key.Length < LongKey ? key.Length : LongKey) && key.SequenceEqual(Key(e));

    /// <summary>Writes flags, lengths, expiry and client word for a shape; leaves kind, key and value bytes to the caller.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteShape(byte* e, int keyLength, int valueLength, long expireAtMs, ulong clientWord)
    {
        bool extended = NeedsExtension(keyLength, valueLength);
        e[1] = FlagsOf(expireAtMs, extended, clientWord);
        if (expireAtMs >= 0) *(long*)(e + HeaderBytes) = expireAtMs;
        if (clientWord != 0) SetClientWord(e, clientWord);
        e[5] = (byte)Math.Min(keyLength, LongKey);
        *(ushort*)(e + 6) = (ushort)Math.Min(valueLength, LongValue);
        if (!extended) return;
        byte* extension = Extension(e);
        *(int*)extension = keyLength;
        *(int*)(extension + 4) = valueLength;
    }

    /// <summary>A new entry with its key; value bytes are left undefined.</summary>
    internal static long Create(
        Arena arena, ReadOnlySpan<byte> key, int valueLength, long expireAtMs, ValueType type, Encoding encoding, ulong clientWord = 0)
    {
        long offset = arena.Allocate(SizeFor(key.Length, valueLength, expireAtMs >= 0, clientWord != 0));
        byte* e = arena.At(offset);
        *(ulong*)e = 0;
        WriteShape(e, key.Length, valueLength, expireAtMs, clientWord);
        SetKind(e, type, encoding);
        key.CopyTo(new Span<byte>(KeyPointer(e), key.Length));
        return offset;
    }

    /// <summary>
    /// Changes value length and presence of an expiry and a client word, keeping key, clock, kind and the first bytes of the
    /// value. Stays in its cell when the cell size fits; else moves, and the old cell is freed. Returns the offset.
    /// </summary>
    internal static long Reshape(Arena arena, byte* e, int valueLength, long expireAtMs, ulong clientWord, bool keepValue)
    {
        int keyLength = KeyLength(e);
        long oldSize = Size(e), newSize = SizeFor(keyLength, valueLength, expireAtMs >= 0, clientWord != 0);
        int kept = keepValue ? Math.Min(ValueLength(e), valueLength) : 0;
        byte* oldKey = KeyPointer(e);
        if (SameCell(oldSize, newSize) || arena.TryResize(e - arena.Base, oldSize, newSize))
        {
            bool extended = NeedsExtension(keyLength, valueLength);
            byte* newKey = e + KeyOffset(FlagsOf(expireAtMs, extended, clientWord));
            if (newKey != oldKey) Buffer.MemoryCopy(oldKey, newKey, long.MaxValue, (long)keyLength + kept);
            WriteShape(e, keyLength, valueLength, expireAtMs, clientWord);
            return e - arena.Base;
        }
        long offset = arena.Allocate(newSize);
        byte* moved = arena.At(offset);
        *(ulong*)moved = *(ulong*)e;
        WriteShape(moved, keyLength, valueLength, expireAtMs, clientWord);
        Buffer.MemoryCopy(oldKey, KeyPointer(moved), newSize, (long)keyLength + kept);
        arena.Free(e - arena.Base, oldSize);
        return offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool SameCell(long oldSize, long newSize) =>
        newSize <= int.MaxValue && oldSize <= int.MaxValue && Arena.RoundUp((int)oldSize) == Arena.RoundUp((int)newSize);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte FlagsOf(long expireAtMs, bool extended, ulong clientWord) =>
        (byte)((expireAtMs >= 0 ? HasExpiryFlag : 0) | (extended ? ExtendedFlag : 0) | (clientWord != 0 ? ClientWordFlag : 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool NeedsExtension(int keyLength, int valueLength) => keyLength >= LongKey || valueLength >= LongValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int KeyOffset(byte flags) => HeaderBytes + ((flags & HasExpiryFlag) << 3) + ((flags & ExtendedFlag) << 2) + ((flags & ClientWordFlag) << 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Extension(byte* e) => e + HeaderBytes + ((e[1] & HasExpiryFlag) << 3) + ((e[1] & ClientWordFlag) << 1);
}
