// Hands out runs of 64 KB pages from the reservation: first from freed runs (boundary tags, one list per power of two),
// else from the frontier. Neighbouring free runs join at once; larger ones go back to the system. Page 0 stays unused,
// so that offset 0 can mean "none".
using System.Numerics;

namespace Shoal.Store;

/// <summary>What the arena knows of one 64 KB page. For a slab page: its cells. For a run: its length at both ends.</summary>
internal struct PageMeta
{
    public uint Next;
    public uint Previous;
    public uint Length;
    public ushort Used;
    public byte Class;
    public PageState State;

    // A slab page needs no length: the same four bytes hold its free list head and its bump mark, in 8-byte granules.
    public ushort FreeHead { readonly get => (ushort)Length; set => Length = Length & 0xFFFF0000 | value; }

    public ushort Bump { readonly get => (ushort)(Length >> 16); set => Length = Length & 0xFFFF | (uint)value << 16; }
}

internal enum PageState : byte
{
    Untouched,
    Slab,
    Run,
    RunTail,
    Free,
    FreeTail,
}

internal sealed unsafe class PageRuns
{
    private const int Lists = 32;
    private const uint WarmLimit = 128;

    private readonly byte* _base;
    private readonly PageMeta* _pages;
    private readonly uint _capacity;
    private readonly uint[] _free = new uint[Lists];
    private uint _frontier = 1;
    private uint _warm;
    private uint _freePages;

    public PageRuns(byte* memory, PageMeta* pages, long capacity)
    {
        _base = memory;
        _pages = pages;
        _capacity = (uint)Math.Min(capacity, uint.MaxValue - 1);
    }

    /// <summary>Pages handed out, in bytes.</summary>
    public long BytesInUse => (long)(_frontier - 1 - _freePages) * SizeClasses.PageBytes;

    public uint Take(uint pages, PageState state)
    {
        uint head = TakeFree(pages);
        if (head == 0)
        {
            if (_capacity - _frontier < pages)
                throw new OutOfMemoryException("The arena's reservation is used up.");
            head = _frontier;
            _frontier += pages;
            _warm -= Math.Min(_warm, pages);
        }
        _pages[head] = new PageMeta { State = state, Length = pages };
        if (pages > 1) _pages[head + pages - 1] = new PageMeta { State = PageState.RunTail };
        return head;
    }

    /// <summary>Lengthens a run where it is, when what lies behind it is free.</summary>
    public bool TryExtend(uint head, uint pages, uint wanted)
    {
        uint after = head + pages, extra = wanted - pages;
        if (after == _frontier)
        {
            if (_capacity - _frontier < extra) return false;
            _frontier += extra;
        }
        else
        {
            uint length = _pages[after].Length;
            if (_pages[after].State != PageState.Free || length < extra) return false;
            Unlink(after);
            if (length > extra) Link(after + extra, length - extra);
            _freePages -= extra;
        }
        _pages[head].Length = wanted;
        _pages[head + wanted - 1] = new PageMeta { State = PageState.RunTail };
        return true;
    }

    public void Return(uint head, uint pages)
    {
        // A few free pages stay warm for the next slab page; everything beyond goes back to the system.
        if (pages > 4 || _warm + pages > WarmLimit)
            NativeMap.GiveBack(_base + ((long)head << 16), (long)pages << 16);
        else
            _warm += pages;
        _freePages += pages;

        if (head > 1 && _pages[head - 1].State is PageState.Free or PageState.FreeTail)
        {
            uint first = _pages[head - 1].State == PageState.Free ? head - 1 : head - _pages[head - 1].Length;
            Unlink(first);
            pages += head - first;
            head = first;
        }
        uint after = head + pages;
        if (after < _frontier && _pages[after].State == PageState.Free)
        {
            uint more = _pages[after].Length;
            Unlink(after);
            _pages[after].State = PageState.Untouched;
            pages += more;
        }
        if (head + pages == _frontier)
        {
            _frontier = head;
            _freePages -= pages;
            _pages[head].State = PageState.Untouched;
            return;
        }
        Link(head, pages);
    }

    private uint TakeFree(uint pages)
    {
        for (int list = BitOperations.Log2(pages); list < Lists; list++)
        {
            int tries = 16;
            for (uint run = _free[list]; run != 0 && tries-- > 0; run = _pages[run].Next)
            {
                uint length = _pages[run].Length;
                if (length < pages) continue;
                Unlink(run);
                if (length > pages) Link(run + pages, length - pages);
                _freePages -= pages;
                _warm -= Math.Min(_warm, pages);
                return run;
            }
        }
        return 0;
    }

    private void Link(uint head, uint pages)
    {
        int list = BitOperations.Log2(pages);
        uint next = _free[list];
        _pages[head] = new PageMeta { State = PageState.Free, Length = pages, Next = next };
        if (pages > 1) _pages[head + pages - 1] = new PageMeta { State = PageState.FreeTail, Length = pages };
        if (next != 0) _pages[next].Previous = head;
        _free[list] = head;
    }

    private void Unlink(uint head)
    {
        PageMeta* page = _pages + head;
        if (page->Previous != 0) _pages[page->Previous].Next = page->Next;
        else _free[BitOperations.Log2(page->Length)] = page->Next;
        if (page->Next != 0) _pages[page->Next].Previous = page->Previous;
    }
}
