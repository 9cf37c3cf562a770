// One link of the journal's chain. A block is shared by everyone who still has to read it (the append-only file, the
// backlog window, each replica), so it is counted; it also holds one reference on its successor, which is why a reader
// that keeps one block keeps everything behind it.
using System.Runtime.InteropServices;

namespace Shoal.Server.Journal;

/// <summary>Native memory for the journal's bytes [Start, Start + Capacity). Every block but the last is full.</summary>
internal sealed unsafe class JournalBlock
{
    private int _references = 1;
    private JournalBlock? _next;

    public JournalBlock(long start, int capacity)
    {
        Start = start;
        Capacity = capacity;
        Bytes = (byte*)NativeMemory.Alloc((nuint)capacity);
    }

    /// <summary>Journal offset of the first byte.</summary>
    public long Start { get; }

    public int Capacity { get; }

    public byte* Bytes { get; private set; }

    public long End => Start + Capacity;

    /// <summary>The block behind this one; written once, by the engine thread, before the offset that lies in it is published.</summary>
    public JournalBlock? Next => Volatile.Read(ref _next);

    public void Link(JournalBlock next)
    {
        next.Share();
        Volatile.Write(ref _next, next);
    }

    public void Share() => Interlocked.Increment(ref _references);

    /// <summary>Gives one reference back; the last one frees the memory and lets go of the successor.</summary>
    public void Release()
    {
        var block = this;
        while (block is not null && Interlocked.Decrement(ref block._references) == 0)
        {
            NativeMemory.Free(block.Bytes);
            block.Bytes = null;
            block = block._next;
        }
    }
}
