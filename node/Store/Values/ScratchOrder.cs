// Why: the result of ZUNION and its kin is answered in order of (score, member): the gathered members are put under a tree for
// the time of one reply.

namespace Shoal.Store.Values;

/// <summary>Order by (score, member) over the scored members of a scratch table. Dispose before the table.</summary>
public sealed unsafe class ScratchOrder : IDisposable
{
    private readonly Arena _arena;
    private RankTreeHeader _tree;

    public ScratchOrder(Arena arena, ScratchTable table)
    {
        _arena = arena;
        var members = table.Members;
        while (members.MoveNext()) RankTree.Insert(arena, ref _tree, members.Score, members.Reference);
    }

    public ScratchOrderCursor Walk() => new(_arena, _tree);

    public void Dispose() => RankTree.Free(_arena, ref _tree);
}

/// <summary>Walks a scratch order from the lowest on.</summary>
public unsafe ref struct ScratchOrderCursor
{
    private readonly Arena _arena;
    private RankPosition _next;
    private double _score;
    private long _member;

    internal ScratchOrderCursor(Arena arena, scoped in RankTreeHeader tree)
    {
        _arena = arena;
        _next = RankTree.At(arena, tree, 0);
    }

    public readonly ReadOnlySpan<byte> Member => Entry.Key(_arena.At(_member));

    public readonly double Score => _score;

    public bool MoveNext()
    {
        if (_next.IsNone) return false;
        RankTree.Read(_arena, _next, out _score, out _member);
        _next = RankTree.Next(_arena, _next);
        return true;
    }
}
