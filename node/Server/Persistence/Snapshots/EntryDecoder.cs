// RDB values -> store values, for every encoding written by Redis 1 to 8 of the types we hold. What the writer of the file
// packed differently (ziplists, other limits) is rebuilt in our own encoding.
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>Reads one value and creates its entry. Reused for a whole file; engine thread.</summary>
public sealed unsafe class EntryDecoder(Keyspace anyKeyspace)
{
    private byte[] _first = new byte[64];
    private byte[] _numbers = new byte[32];
    private Keyspace _keys = anyKeyspace;

    /// <summary>Creates <paramref name="key"/> (absent before) from the value that follows. Returns an entry that does not exist when
    /// the collection was empty. Throws <see cref="SnapshotCorruptException"/>; a half-built entry is then left for the caller to remove.</summary>
    public EntryRef Read(SnapshotDecoder from, byte type, Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        _keys = keys;
        switch (type)
        {
            case SnapshotFormat.TypeString:
                return keys.SetString(key, slot, from.String(), -1);
            case SnapshotFormat.TypeList:
                return List(from, key, slot);
            case SnapshotFormat.TypeSet:
                return Set(from, key, slot);
            case SnapshotFormat.TypeHash:
                return Hash(from, key, slot);
            case SnapshotFormat.TypeSortedSet:
            case SnapshotFormat.TypeSortedSetText:
                return SortedSet(from, key, slot, type == SnapshotFormat.TypeSortedSetText);
            case SnapshotFormat.TypeIntSet:
                return IntegerSet(from, key, slot);
            case SnapshotFormat.TypeHashListpack:
                return PackedHash(from, key, slot);
            case SnapshotFormat.TypeSetListpack:
                var members = Packed(from, 1);
                return members.IsEmpty ? default : SetValue.FromPacked(keys, key, slot, members);
            case SnapshotFormat.TypeSortedSetListpack:
                return PackedSortedSet(from, key, slot);
            case SnapshotFormat.TypeQuicklist2:
            case SnapshotFormat.TypeQuicklist:
                return Quicklist(from, key, slot, type == SnapshotFormat.TypeQuicklist2);
            case SnapshotFormat.TypeListZiplist:
                return AppendZiplist(from, default, key, slot);
            case SnapshotFormat.TypeHashZiplist:
                return ZiplistHash(from, key, slot);
            case SnapshotFormat.TypeHashZipmap:
                return ZipmapHash(from, key, slot);
            case SnapshotFormat.TypeSortedSetZiplist:
                return ZiplistSortedSet(from, key, slot);
            case SnapshotFormat.TypeStream:
            case SnapshotFormat.TypeStream2:
            case SnapshotFormat.TypeStream3:
                return StreamDecoder.Read(from, type, keys, key, slot);
            default:
                throw from.Corrupt($"key '{Printable(key)}' has {Describe(type)}");
        }
    }

    /// <summary>A key as it may stand in a log line.</summary>
    public static string Printable(ReadOnlySpan<byte> key)
    {
        var text = new System.Text.StringBuilder();
        foreach (byte b in key.Length > 128 ? key[..128] : key)
        {
            if (b is >= 0x20 and < 0x7f) text.Append((char)b);
            else text.Append("\\x").Append(b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }

    private static string Describe(byte type) => type switch
    {
        SnapshotFormat.TypeModule or SnapshotFormat.TypeModule2 => "a module type, which this node does not load",
        >= SnapshotFormat.TypeHashExpiryPreGa and <= SnapshotFormat.TypeHashExpiry => "a hash with expiring fields, which this node does not support yet",
        _ => $"unknown type {type}",
    };

    private EntryRef List(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        EntryRef e = default;
        for (long n = from.Length(); n > 0; n--) AppendElement(ref e, key, slot, from.String());
        return e;
    }

    private void AppendElement(ref EntryRef e, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> element)
    {
        if (e.Exists) ListValue.PushTail(_keys, ref e, element);
        else e = ListValue.Create(_keys, key, slot, element);
    }

    private EntryRef Quicklist(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot, bool second)
    {
        EntryRef e = default;
        for (long nodes = from.Length(); nodes > 0; nodes--)
        {
            long container = second ? from.Length() : 0;
            if (second && container == SnapshotFormat.NodePlain) AppendElement(ref e, key, slot, from.String());
            else if (second && container == SnapshotFormat.NodePacked) AppendPack(from, ref e, key, slot);
            else if (!second) e = AppendZiplist(from, e, key, slot);
            else throw from.Corrupt($"unknown quicklist container {container}");
        }
        return e;
    }

    private void AppendPack(SnapshotDecoder from, ref EntryRef e, ReadOnlySpan<byte> key, int slot)
    {
        var bytes = Packed(from, 1);
        if (bytes.IsEmpty) return;
        if (e.Exists) ListValue.AppendPacked(_keys, ref e, bytes);
        else e = ListValue.FromPacked(_keys, key, slot, bytes);
    }

    private EntryRef AppendZiplist(SnapshotDecoder from, EntryRef e, ReadOnlySpan<byte> key, int slot)
    {
        var list = new Ziplist(from.String(), _numbers);
        while (list.MoveNext()) AppendElement(ref e, key, slot, list.Current);
        return list.Failed ? throw from.Corrupt("invalid ziplist") : e;
    }

    private EntryRef Set(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        long n = from.Length();
        if (n == 0) return default;
        var e = SetValue.Create(_keys, key, slot, from.String());
        while (--n > 0)
            if (!SetValue.Add(_keys, ref e, from.String())) throw from.Corrupt("duplicate set member");
        return e;
    }

    private EntryRef IntegerSet(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        var bytes = from.String();
        if (!IntSet.IsValid(bytes)) throw from.Corrupt("invalid intset");
        fixed (byte* set = bytes)
        {
            if (IntSet.Count(set) == 0) return default;
        }
        return SetValue.FromIntSet(_keys, key, slot, bytes);
    }

    private EntryRef Hash(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        EntryRef e = default;
        for (long n = from.Length(); n > 0; n--)
        {
            var field = Keep(from.String());
            AddField(from, ref e, key, slot, field, from.String());
        }
        return e;
    }

    private EntryRef PackedHash(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        var bytes = Packed(from, 2);
        return bytes.IsEmpty ? default : HashValue.FromPacked(_keys, key, slot, bytes);
    }

    private EntryRef ZiplistHash(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        EntryRef e = default;
        var list = new Ziplist(from.String(), _numbers);
        while (list.MoveNext())
        {
            var field = Keep(list.Current);
            if (!list.MoveNext()) throw from.Corrupt("hash ziplist with a field that has no value");
            AddField(from, ref e, key, slot, field, list.Current);
        }
        return list.Failed ? throw from.Corrupt("invalid ziplist") : e;
    }

    private EntryRef ZipmapHash(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        EntryRef e = default;
        var map = new Zipmap(from.String());
        while (map.MoveNext())
        {
            var field = map.Current;
            if (!map.MoveNext()) break;
            AddField(from, ref e, key, slot, field, map.Current);
        }
        return map.Failed ? throw from.Corrupt("invalid zipmap") : e;
    }

    private void AddField(
        SnapshotDecoder from, ref EntryRef e, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> field, ReadOnlySpan<byte> value)
    {
        if (!e.Exists) e = HashValue.Create(_keys, key, slot, field, value);
        else if (!HashValue.Set(_keys, ref e, field, value)) throw from.Corrupt("duplicate hash field");
    }

    private EntryRef SortedSet(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot, bool text)
    {
        EntryRef e = default;
        for (long n = from.Length(); n > 0; n--)
        {
            var member = Keep(from.String());
            AddMember(from, ref e, key, slot, member, text ? from.ScoreText() : from.Double());
        }
        return e;
    }

    private EntryRef PackedSortedSet(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        var bytes = Packed(from, 2);
        if (bytes.IsEmpty) return default;
        return SortedSetValue.TryFromPacked(_keys, key, slot, bytes, out var e) ? e : throw from.Corrupt("sorted set listpack with a score that is no number");
    }

    private EntryRef ZiplistSortedSet(SnapshotDecoder from, ReadOnlySpan<byte> key, int slot)
    {
        EntryRef e = default;
        var list = new Ziplist(from.String(), _numbers);
        while (list.MoveNext())
        {
            var member = Keep(list.Current);
            if (!list.MoveNext() || !ScoreText.TryParse(list.Current, out double score))
                throw from.Corrupt("sorted set ziplist with a member that has no score");
            AddMember(from, ref e, key, slot, member, score);
        }
        return list.Failed ? throw from.Corrupt("invalid ziplist") : e;
    }

    private void AddMember(SnapshotDecoder from, ref EntryRef e, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> member, double score)
    {
        if (double.IsNaN(score)) throw from.Corrupt("sorted set score is not a number");
        if (!e.Exists) e = SortedSetValue.Create(_keys, key, slot, member, score);
        else if (SortedSetValue.Set(_keys, ref e, member, score) != ScoreChange.Added) throw from.Corrupt("duplicate sorted set member");
    }

    /// <summary>A validated packed list whose elements come in groups of <paramref name="group"/>; empty when it has none.</summary>
    private static ReadOnlySpan<byte> Packed(SnapshotDecoder from, int group)
    {
        var bytes = from.String();
        if (!PackedListCheck.IsValid(bytes, out int count) || count % group != 0) throw from.Corrupt("invalid listpack");
        return count == 0 ? default : bytes;
    }

    private ReadOnlySpan<byte> Keep(ReadOnlySpan<byte> bytes)
    {
        if (_first.Length < bytes.Length) _first = new byte[bytes.Length * 2];
        bytes.CopyTo(_first);
        return _first.AsSpan(0, bytes.Length);
    }
}
