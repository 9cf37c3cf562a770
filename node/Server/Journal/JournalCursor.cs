// A reader's place in the journal. It sends or writes straight from the shared blocks: N readers cost no copy.
namespace Shoal.Server.Journal;

/// <summary>A position in the journal that keeps everything behind it alive. Used by one thread at a time.</summary>
public sealed unsafe class JournalCursor : IDisposable
{
    private readonly WriteJournal _journal;
    private JournalBlock? _block;

    internal JournalCursor(WriteJournal journal, JournalBlock block, long offset)
    {
        _journal = journal;
        _block = block;
        Offset = offset;
        block.Share();
    }

    /// <summary>Journal offset of the next byte to read.</summary>
    public long Offset { get; private set; }

    /// <summary>The bytes that lie in one piece at <see cref="Offset"/>, at most up to offset <paramref name="limit"/>, which the
    /// caller has learnt from the engine thread. Empty at the limit. Valid until <see cref="Advance"/>.</summary>
    public ReadOnlySpan<byte> Peek(long limit)
    {
        if (_block is null || Offset >= limit) return default;
        if (Offset == _block.End)
        {
            var next = _block.Next ?? throw new InvalidOperationException("journal limit beyond its end");
            next.Share();
            _block.Release();
            _block = next;
        }
        long length = Math.Min(limit, _block.End) - Offset;
        return new ReadOnlySpan<byte>(_block.Bytes + (Offset - _block.Start), (int)length);
    }

    /// <summary>Moves on by <paramref name="bytes"/>, at most the length of the last <see cref="Peek"/>.</summary>
    public void Advance(int bytes) => Offset += bytes;

    /// <summary>Lets go of the blocks. Any thread.</summary>
    public void Dispose()
    {
        if (_block is null) return;
        _block.Release();
        _block = null;
        _journal.CursorClosed();
    }
}
