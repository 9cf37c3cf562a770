// All data lives here, off the managed heap: one reservation of address space, addressed by offsets, so that it can be
// mapped again elsewhere and the garbage collector never sees it. Small blocks come from 64 KB slab pages of one cell
// size each; larger ones are runs of pages. The caller remembers a block's size and gives it back on Free, so that
// a block carries no header: that is most of the difference to a general allocator for small keys.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Store;

/// <summary>Off-heap memory addressed by byte offsets; offset 0 means "none". Not thread-safe: engine thread only.</summary>
public sealed unsafe class Arena : IDisposable
{
    private const ushort NoCell = 0xFFFF;
    private const int GuardBytes = 8;
    private const ulong GuardWord = 0x5AFE_C0DE_5AFE_C0DE;
    private const byte Poison = 0xDD;

    private readonly byte* _base;
    private readonly PageMeta* _pages;
    private readonly byte* _classOf;
    private readonly int* _sizeOf;
    private readonly uint* _partial;
    private readonly PageRuns _runs;
    private readonly long _reserved;
    private readonly bool _checked;
    private long _used;
    private bool _disposed;

    public Arena(ArenaOptions? options = null)
    {
        options ??= new ArenaOptions();
        long reserve = Math.Max(options.ReserveBytes, 1 << 24) & -SizeClasses.PageBytes;
        while ((_base = NativeMap.Reserve(reserve)) == null)
        {
            reserve = reserve / 2 & -SizeClasses.PageBytes;
            if (reserve < 1 << 24) throw new OutOfMemoryException("The system refuses to reserve memory for the store.");
        }
        _reserved = reserve;
        long pages = reserve / SizeClasses.PageBytes;
        _pages = (PageMeta*)NativeMap.Reserve(pages * sizeof(PageMeta));
        if (_pages == null)
        {
            NativeMap.Release(_base, reserve);
            throw new OutOfMemoryException("The system refuses to reserve memory for the store's page table.");
        }
        if (options.HugePages) NativeMap.HintHugePages(_base, reserve);
        _checked = options.Checked;
        _runs = new PageRuns(_base, _pages, pages);

        _classOf = (byte*)NativeMemory.AllocZeroed((nuint)(SizeClasses.ClassByGranules.Length + SizeClasses.Count * 8));
        SizeClasses.ClassByGranules.CopyTo(new Span<byte>(_classOf, SizeClasses.ClassByGranules.Length));
        _sizeOf = (int*)NativeMemory.Alloc((nuint)SizeClasses.Count * sizeof(int));
        SizeClasses.Sizes.CopyTo(new Span<int>(_sizeOf, SizeClasses.Count));
        _partial = (uint*)NativeMemory.AllocZeroed((nuint)SizeClasses.Count * sizeof(uint));
        Hash = KeyHash.Random();
    }

    ~Arena() => Release();

    /// <summary>Where offset 0 lies. Stable for the arena's life.</summary>
    public byte* Base
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _base;
    }

    /// <summary>The keyed hash of every table in this arena.</summary>
    public KeyHash Hash { get; }

    /// <summary>Bytes allocated, each block rounded to its cell or to 4 KB. Exact, not sampled.</summary>
    public long UsedBytes => _used;

    /// <summary>Bytes of pages held, free cells included: what the process cannot give back now.</summary>
    public long ResidentBytes => _runs.BytesInUse;

    /// <summary>Usable size of an allocation of <paramref name="bytes"/>: it may grow to this in place.</summary>
    public static int RoundUp(int bytes) =>
        bytes <= SizeClasses.Largest ? SizeClasses.RoundUp(bytes) : (int)Math.Min(RoundRun(bytes), int.MaxValue);

    /// <summary>The memory at an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(long offset) => _base + offset;

    /// <summary>Offset of a block of at least <paramref name="bytes"/> bytes, 8-aligned, contents undefined.</summary>
    /// <exception cref="OutOfMemoryException">The reservation is used up.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Allocate(long bytes)
    {
        if (_checked) return AllocateChecked(bytes);
        if ((ulong)bytes > SizeClasses.Largest) return AllocateRun(bytes, true);
        return AllocateCell(_classOf[(uint)(bytes + 7) >> 3]);
    }

    /// <summary>Frees a block; <paramref name="bytes"/> as given to <see cref="Allocate"/> (or of equal round-up).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(long offset, long bytes)
    {
        if (_checked) FreeChecked(offset, bytes);
        else if ((ulong)bytes > SizeClasses.Largest) FreeRun(offset, bytes, true);
        else FreeCell(offset);
    }

    /// <summary>
    /// Changes the size of a large block without moving it, if its pages suffice or more can be had right behind it. What makes
    /// appending to a long string cheap.
    /// </summary>
    internal bool TryResize(long offset, long oldBytes, long newBytes)
    {
        if (_checked || oldBytes <= SizeClasses.Largest || newBytes <= SizeClasses.Largest) return false;
        uint has = (uint)(oldBytes + SizeClasses.PageBytes - 1 >> 16), wants = (uint)(newBytes + SizeClasses.PageBytes - 1 >> 16);
        if (wants < has || wants > has && !_runs.TryExtend((uint)(offset >> 16), has, wants)) return false;
        _used += RoundRun(newBytes) - RoundRun(oldBytes);
        return true;
    }

    /// <summary>
    /// Storage in cache lines for hash buckets, aligned to 64; <paramref name="bytes"/> is 64 times a power of two. Beyond the
    /// largest cell it counts as used only as far as <see cref="Charge"/> says, since it is touched bit by bit.
    /// </summary>
    internal long AllocateLines(long bytes) =>
        bytes > SizeClasses.Largest ? AllocateRun(bytes, false) : AllocateCell(_classOf[(uint)bytes >> 3]);

    internal void FreeLines(long offset, long bytes)
    {
        if (bytes > SizeClasses.Largest) FreeRun(offset, bytes, false);
        else
        {
            // Lines are only partly written: a mark left from the cell's earlier life would look like a freed block.
            if (_checked) *(ulong*)(_base + offset + SizeClasses.RoundUp((int)bytes) - GuardBytes) = 0;
            FreeCell(offset);
        }
    }

    internal void Charge(long bytes) => _used += bytes;

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long AllocateCell(int sizeClass)
    {
        uint number = _partial[sizeClass];
        if (number == 0) number = OpenPage(sizeClass);
        PageMeta* page = _pages + number;
        int size = _sizeOf[sizeClass];
        long offset = (long)number << 16;
        uint cell = page->FreeHead;
        if (cell != NoCell)
        {
            offset += cell << 3;
            page->FreeHead = *(ushort*)(_base + offset);
        }
        else
        {
            uint bump = page->Bump;
            offset += bump << 3;
            page->Bump = (ushort)(bump + (uint)(size >> 3));
        }
        page->Used++;
        _used += size;
        if (page->FreeHead == NoCell && (page->Bump << 3) + size > SizeClasses.PageBytes) Unlink(number, page);
        return offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FreeCell(long offset)
    {
        uint number = (uint)(offset >> 16);
        PageMeta* page = _pages + number;
        int size = _sizeOf[page->Class];
        bool wasFull = page->FreeHead == NoCell && (page->Bump << 3) + size > SizeClasses.PageBytes;
        *(ushort*)(_base + offset) = page->FreeHead;
        page->FreeHead = (ushort)((uint)offset >> 3 & 0x1FFF);
        _used -= size;
        if (--page->Used == 0) ClosePage(number, page, wasFull);
        else if (wasFull) Link(number, page);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint OpenPage(int sizeClass)
    {
        if (sizeClass == 0) return OpenPage(1);
        uint number = _runs.Take(1, PageState.Slab);
        PageMeta* page = _pages + number;
        page->Class = (byte)sizeClass;
        page->FreeHead = NoCell;
        page->Bump = 0;
        // Marks of the page's earlier life with another cell size would look like freed cells.
        if (_checked) new Span<byte>(_base + ((long)number << 16), SizeClasses.PageBytes).Clear();
        Link(number, page);
        return number;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ClosePage(uint number, PageMeta* page, bool wasFull)
    {
        // The last open page of a class stays, so that one cell going back and forth does not open and close a page.
        if (wasFull) Link(number, page);
        if (page->Next == 0 && page->Previous == 0)
        {
            page->FreeHead = NoCell;
            page->Bump = 0;
            return;
        }
        Unlink(number, page);
        _runs.Return(number, 1);
    }

    private void Link(uint number, PageMeta* page)
    {
        uint next = _partial[page->Class];
        page->Next = next;
        page->Previous = 0;
        if (next != 0) _pages[next].Previous = number;
        _partial[page->Class] = number;
    }

    private void Unlink(uint number, PageMeta* page)
    {
        if (page->Previous != 0) _pages[page->Previous].Next = page->Next;
        else _partial[page->Class] = page->Next;
        if (page->Next != 0) _pages[page->Next].Previous = page->Previous;
        page->Next = page->Previous = 0;
    }

    private static long RoundRun(long bytes) => bytes + 4095 & -4096;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long AllocateRun(long bytes, bool charge)
    {
        if (bytes < 0 || bytes > _reserved) throw new OutOfMemoryException("The block is larger than the arena.");
        uint head = _runs.Take((uint)(bytes + SizeClasses.PageBytes - 1 >> 16), PageState.Run);
        if (charge) _used += RoundRun(bytes);
        return (long)head << 16;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeRun(long offset, long bytes, bool charge)
    {
        _runs.Return((uint)(offset >> 16), (uint)(bytes + SizeClasses.PageBytes - 1 >> 16));
        if (charge) _used -= RoundRun(bytes);
    }

    // Checked build: behind the usable size sits a guard word that names that size, and freed memory is poisoned. A
    // wrong size on Free, an overrun or a double free is found at Free; a write after free at the next Allocate.
    private long AllocateChecked(long bytes)
    {
        long usable = bytes > SizeClasses.Largest ? RoundRun(bytes) : SizeClasses.RoundUp((int)bytes);
        long total = usable + GuardBytes;
        long offset = total > SizeClasses.Largest
            ? AllocateRun(total, true) : AllocateCell(_classOf[(uint)(total + 7) >> 3]);
        byte* at = _base + offset;
        if (total <= SizeClasses.Largest && *(ulong*)(at + usable) == (GuardWord ^ ulong.MaxValue))
        {
            for (long i = 2; i < usable; i++)
                if (at[i] != Poison) throw new InvalidOperationException($"Write after free at {offset}+{i}.");
        }
        new Span<byte>(at, (int)Math.Min(usable, 1 << 20)).Fill(0xCD);
        *(ulong*)(at + usable) = GuardWord ^ (ulong)usable;
        return offset;
    }

    private void FreeChecked(long offset, long bytes)
    {
        long usable = bytes > SizeClasses.Largest ? RoundRun(bytes) : SizeClasses.RoundUp((int)bytes);
        byte* at = _base + offset;
        if (offset <= 0 || *(ulong*)(at + usable) != (GuardWord ^ (ulong)usable))
            throw new InvalidOperationException($"Bad free at {offset} of {bytes} bytes: wrong size, overrun or double free.");
        long total = usable + GuardBytes;
        if (total > SizeClasses.Largest)
        {
            FreeRun(offset, total, true);
            return;
        }
        new Span<byte>(at, (int)usable).Fill(Poison);
        *(ulong*)(at + usable) = GuardWord ^ ulong.MaxValue;
        FreeCell(offset);
    }

    private void Release()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMap.Release((byte*)_pages, _reserved / SizeClasses.PageBytes * sizeof(PageMeta));
        NativeMap.Release(_base, _reserved);
        NativeMemory.Free(_classOf);
        NativeMemory.Free(_sizeOf);
        NativeMemory.Free(_partial);
    }
}
