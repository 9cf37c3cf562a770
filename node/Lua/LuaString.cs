// Strings are bytes with a length and any content, never text of the runtime. They are not interned: equality compares references,
// then hashes, then bytes; the hash is computed once. The hash function is PUC Lua 5.1's (it walks long strings in steps) because
// the order in which `pairs` meets string keys follows from it, and scripts written against Redis can see that order.
using System.Text;

namespace Shoal.Lua;

/// <summary>An immutable byte string.</summary>
public sealed class LuaString : IEquatable<LuaString>
{
    /// <summary>Bytes an empty string costs beside its content: object header, fields and the array's header.</summary>
    internal const int Overhead = 56;

    public static readonly LuaString Empty = new([]);

    private readonly byte[] _bytes;
    private uint _hash;
    private bool _hashed;

    /// <summary>A string over a copy of these bytes. Strings made by running scripts go through <see cref="LuaState.NewString"/>,
    /// which counts them.</summary>
    public LuaString(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    private LuaString(byte[] owned) => _bytes = owned;

    public int Length => _bytes.Length;

    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The string over this very array, which nobody may write any more.</summary>
    internal static LuaString Own(byte[] bytes) => bytes.Length == 0 ? Empty : new LuaString(bytes);

    internal uint Hash => _hashed ? _hash : ComputeHash();

    public bool Equals(LuaString? other) =>
        ReferenceEquals(this, other) || (other is not null && other._bytes.Length == _bytes.Length && other.Hash == Hash && Bytes.SequenceEqual(other._bytes));

    public override bool Equals(object? obj) => Equals(obj as LuaString);

    public override int GetHashCode() => (int)Hash;

    public override string ToString() => Encoding.UTF8.GetString(_bytes);

    public static implicit operator LuaString(string text) => new(Encoding.UTF8.GetBytes(text));

    private uint ComputeHash()
    {
        uint h = (uint)_bytes.Length;
        int step = (_bytes.Length >> 5) + 1;
        for (int i = _bytes.Length; i >= step; i -= step) h ^= (h << 5) + (h >> 2) + _bytes[i - 1];
        _hash = h;
        _hashed = true;
        return h;
    }
}
