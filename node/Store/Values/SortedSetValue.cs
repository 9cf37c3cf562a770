// Why: a sorted set is member -> score, ordered by (score, member). Small ones are one packed list (member, score, member,
// score, ...) in that order, in the entry itself; past the limits the members go to a member table (value = the score) and a
// RankTree orders them.
//
// Every range, by score, by name or by rank, is first turned into an interval of ranks, then walked from there: one way for
// a dozen commands, O(log n) to find both ends in a tree.
//
// The caller holds an entry found with FindForWrite for everything that changes it, and removes the key when the last
// member went.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Store.Values;

/// <summary>Value of a large sorted set's entry.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal unsafe struct RankedTable
{
    public MemberTable Members;
    public RankTreeHeader Tree;

    public static RankedTable* In(in EntryRef e) => (RankedTable*)e.ValuePointer;
}

/// <summary>What setting a score did.</summary>
public enum ScoreChange : byte { Unchanged, Updated, Added }

/// <summary>Operations on entries of type SortedSet.</summary>
public static unsafe class SortedSetValue
{
    /// <summary>A new sorted set of one member. The key must be absent.</summary>
    public static EntryRef Create(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> member, double score)
    {
        var limits = keys.Limits;
        if (member.Length > limits.SortedSetValue || limits.SortedSetEntries < 1)
        {
            var big = CreateTree(keys, key, slot);
            AddToTree(keys.Arena, RankedTable.In(big), member, score);
            return big;
        }
        Span<byte> scratch = stackalloc byte[ScoreText.MaxLength];
        var m = new Piece(member);
        var s = ScorePiece(score, scratch);
        var e = EntryPack.Create(keys, key, slot, ValueType.SortedSet, m.Size + s.Size);
        byte* list = e.ValuePointer;
        PackedEdit.Append(list, m);
        PackedEdit.Append(list, s);
        return e;
    }

    /// <summary>
    /// A new sorted set from a validated, non-empty packed list of member, score pairs. The key must be absent. False, with
    /// nothing created, when a score is not a number or the pairs are out of order.
    /// </summary>
    public static bool TryFromPacked(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> bytes, out EntryRef e)
    {
        e = default;
        fixed (byte* list = bytes)
        {
            int count = PackedList.Count(list);
            if (!SortedPack.IsOrdered(list, count, out int longest)) return false;
            if (count / 2 <= keys.Limits.SortedSetEntries && longest <= keys.Limits.SortedSetValue)
            {
                e = keys.Create(key, slot, ValueType.SortedSet, Encoding.PackedList, bytes.Length);
                bytes.CopyTo(e.Value);
                return true;
            }
            e = CreateTree(keys, key, slot);
            CopyToTree(keys.Arena, list, RankedTable.In(e));
            return true;
        }
    }

    public static long Count(in EntryRef e) =>
        e.Encoding == Encoding.PackedList ? PackedList.Count(e.ValuePointer) / 2 : RankedTable.In(e)->Members.Count;

    public static bool TryGetScore(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> member, out double score)
    {
        score = 0;
        if (e.Encoding == Encoding.PackedList)
        {
            int at = SortedPack.Find(e.ValuePointer, member);
            if (at < 0) return false;
            score = SortedPack.ScoreOf(e.ValuePointer, at);
            return true;
        }
        byte* entry = MemberTable.Find(keys.Arena, &RankedTable.In(e)->Members, member);
        if (entry == null) return false;
        score = ScoreOf(entry);
        return true;
    }

    /// <summary>Sets a member's score; NaN is not allowed.</summary>
    public static ScoreChange Set(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> member, double score)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            int at = SortedPack.Find(e.ValuePointer, member);
            if (at >= 0)
            {
                if (SortedPack.ScoreOf(e.ValuePointer, at) == score) return ScoreChange.Unchanged;
                EntryPack.Remove(keys, ref e, at, 2);
                InsertPacked(keys, ref e, member, score);
                return ScoreChange.Updated;
            }
            if (member.Length <= keys.Limits.SortedSetValue && PackedList.Count(e.ValuePointer) / 2 < keys.Limits.SortedSetEntries)
            {
                InsertPacked(keys, ref e, member, score);
                return ScoreChange.Added;
            }
            ToTree(keys, ref e);
        }
        return SetInTree(keys.Arena, RankedTable.In(e), member, score);
    }

    /// <summary>Removes a member; false when it is not there.</summary>
    public static bool Remove(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> member)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            int at = SortedPack.Find(e.ValuePointer, member);
            if (at < 0) return false;
            EntryPack.Remove(keys, ref e, at, 2);
            return true;
        }
        var value = RankedTable.In(e);
        byte* entry = MemberTable.Find(keys.Arena, &value->Members, member);
        if (entry == null) return false;
        RemoveFromTree(keys.Arena, value, entry);
        return true;
    }

    /// <summary>Removes <paramref name="count"/> members from rank <paramref name="first"/> on; both must be in range.</summary>
    public static void RemoveRanks(Keyspace keys, ref EntryRef e, long first, long count)
    {
        if (count <= 0) return;
        if (e.Encoding == Encoding.PackedList)
        {
            EntryPack.Remove(keys, ref e, PackedList.Seek(e.ValuePointer, (int)first * 2), (int)count * 2);
            return;
        }
        var value = RankedTable.In(e);
        for (; count > 0; count--)
        {
            RankTree.Read(keys.Arena, RankTree.At(keys.Arena, value->Tree, first), out _, out long member);
            RemoveFromTree(keys.Arena, value, keys.Arena.At(member));
        }
    }

    /// <summary>Rank of a member, 0 = lowest; -1 when it is not there.</summary>
    public static long Rank(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> member, out double score)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            score = 0;
            int at = SortedPack.Find(e.ValuePointer, member);
            if (at < 0) return -1;
            score = SortedPack.ScoreOf(e.ValuePointer, at);
            return SortedPack.RankAt(e.ValuePointer, at);
        }
        if (!TryGetScore(keys, e, member, out score)) return -1;
        return RankTree.RankOf(keys.Arena, RankedTable.In(e)->Tree, new ExactBound(score, member));
    }

    /// <summary>The interval of ranks [first, end) whose scores lie in the range.</summary>
    public static void Ranks(Keyspace keys, in EntryRef e, in ScoreRange range, out long first, out long end)
    {
        first = end = 0;
        if (range.IsEmpty) return;
        if (e.Encoding == Encoding.PackedList)
        {
            SortedPack.Ranks(e.ValuePointer, range, out first, out end);
            return;
        }
        var tree = &RankedTable.In(e)->Tree;
        first = RankTree.RankOf(keys.Arena, *tree, new ScoreStart(range));
        end = Math.Max(first, RankTree.RankOf(keys.Arena, *tree, new ScoreStop(range)));
    }

    /// <summary>The interval of ranks [first, end) whose members lie in the range; all scores being equal.</summary>
    public static void Ranks(Keyspace keys, in EntryRef e, in LexRange range, out long first, out long end)
    {
        first = end = 0;
        if (range.IsEmpty) return;
        if (e.Encoding == Encoding.PackedList)
        {
            SortedPack.Ranks(e.ValuePointer, range, out first, out end);
            return;
        }
        var tree = &RankedTable.In(e)->Tree;
        first = RankTree.RankOf(keys.Arena, *tree, new LexStart(range));
        end = Math.Max(first, RankTree.RankOf(keys.Arena, *tree, new LexStop(range)));
    }

    /// <summary>All members from the lowest on.</summary>
    public static SortedSetCursor Enumerate(Keyspace keys, scoped in EntryRef e) => new(keys.Arena, e, 0, false);

    /// <summary>Members from a rank on, upwards or downwards.</summary>
    public static SortedSetCursor EnumerateFrom(Keyspace keys, scoped in EntryRef e, long rank, bool down) => new(keys.Arena, e, rank, down);

    /// <summary>Score in a member entry of a large sorted set.</summary>
    public static double ScoreOf(byte* member) => Unsafe.ReadUnaligned<double>(Entry.ValuePointer(member));

    /// <summary>A random member.</summary>
    public static void Random(Keyspace keys, in EntryRef e, ref SmallRandom random, out Element member, out double score)
    {
        if (e.Encoding == Encoding.PackedList)
        {
            byte* list = e.ValuePointer;
            int at = PackedList.Seek(list, (int)random.Below((uint)PackedList.Count(list) / 2) * 2);
            member = PackedList.Read(list, at);
            score = SortedPack.ScoreOf(list, at);
            return;
        }
        byte* entry = MemberTable.Random(keys.Arena, &RankedTable.In(e)->Members, ref random);
        member = new Element(Entry.Key(entry));
        score = ScoreOf(entry);
    }

    private static Piece ScorePiece(double score, Span<byte> scratch) =>
        ScoreText.IsInteger(score, out long whole) ? new Piece(whole) : new Piece(ScoreText.Write(score, scratch));

    private static void InsertPacked(Keyspace keys, ref EntryRef e, ReadOnlySpan<byte> member, double score)
    {
        Span<byte> scratch = stackalloc byte[ScoreText.MaxLength];
        EntryPack.InsertPair(keys, ref e, SortedPack.PlaceOf(e.ValuePointer, member, score), new Piece(member), ScorePiece(score, scratch));
    }

    internal static void AddToTree(Arena arena, RankedTable* value, ReadOnlySpan<byte> member, double score)
    {
        byte* entry = MemberTable.Add(arena, &value->Members, member, sizeof(double));
        Unsafe.WriteUnaligned(Entry.ValuePointer(entry), score);
        RankTree.Insert(arena, ref value->Tree, score, entry - arena.Base);
    }

    private static ScoreChange SetInTree(Arena arena, RankedTable* value, ReadOnlySpan<byte> member, double score)
    {
        byte* entry = MemberTable.Find(arena, &value->Members, member);
        if (entry == null)
        {
            AddToTree(arena, value, member, score);
            return ScoreChange.Added;
        }
        double old = ScoreOf(entry);
        if (old == score) return ScoreChange.Unchanged;
        RankTree.Rescore(arena, ref value->Tree, old, score, entry - arena.Base);
        Unsafe.WriteUnaligned(Entry.ValuePointer(entry), score);
        return ScoreChange.Updated;
    }

    private static void RemoveFromTree(Arena arena, RankedTable* value, byte* entry)
    {
        RankTree.Remove(arena, ref value->Tree, ScoreOf(entry), entry - arena.Base);
        MemberTable.Remove(arena, &value->Members, Entry.Key(entry));
    }

    private static EntryRef CreateTree(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var e = keys.Create(key, slot, ValueType.SortedSet, Encoding.Tree, sizeof(RankedTable));
        *RankedTable.In(e) = default;
        return e;
    }

    private static void ToTree(Keyspace keys, ref EntryRef e)
    {
        RankedTable value = default;
        CopyToTree(keys.Arena, e.ValuePointer, &value);
        keys.SetEncoding(ref e, Encoding.Tree, sizeof(RankedTable));
        *RankedTable.In(e) = value;
    }

    private static void CopyToTree(Arena arena, byte* list, RankedTable* value)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        for (int at = PackedList.First(list); at >= 0; at = SortedPack.NextPair(list, at))
            SetInTree(arena, value, PackedList.Read(list, at).Text(scratch), SortedPack.ScoreOf(list, at));
    }
}
