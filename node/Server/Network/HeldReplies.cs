// Replies that may not leave before the journal is on disk (appendfsync always). A turn's replies already lie behind each
// other in one writer: that writer is put aside with the journal offset the turn reached, and sent as a whole when the
// disk has passed it. Many turns share one fsync, and replies of one connection keep their order.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

internal sealed unsafe class HeldReplies(EpollTransport transport)
{
    private readonly Queue<Batch> _batches = new();
    private readonly Stack<Batch> _spare = new();
    private Batch _current = new();

    private readonly record struct Segment(EpollConnection Connection, bool Aside, int Start, int Length);

    /// <summary>One turn: what commands replied, and what was sent from elsewhere (a parked reply) meanwhile.</summary>
    private sealed class Batch
    {
        public ReplyWriter Replies = new(64 * 1024);
        public readonly ReplyWriter Aside = new(256);
        public readonly List<Segment> Segments = [];
        public long Offset;
    }

    /// <summary>Bytes of the running turn's writer belong to <paramref name="connection"/>.</summary>
    public void Add(EpollConnection connection, int start, int length, bool aside)
    {
        connection.HeldBytes += length;
        _current.Segments.Add(new Segment(connection, aside, start, length));
    }

    /// <summary>Bytes that come from outside the running batch but must stay behind it.</summary>
    public void Append(EpollConnection connection, ReadOnlySpan<byte> bytes)
    {
        Add(connection, _current.Aside.Length, bytes.Length, aside: true);
        _current.Aside.Raw(bytes);
    }

    /// <summary>Puts the turn's replies aside until <paramref name="offset"/> is durable; sends them now if it is.</summary>
    public void EndTurn(long offset, long durableOffset)
    {
        if (_current.Segments.Count == 0) return;
        var batch = _current;
        _current = _spare.Count > 0 ? _spare.Pop() : new Batch();
        (_current.Replies, batch.Replies) = (batch.Replies, transport.SwapReplies(_current.Replies));
        batch.Offset = offset;
        _batches.Enqueue(batch);
        Release(transport.HoldReplies ? durableOffset : long.MaxValue);
    }

    /// <summary>Sends every batch whose offset is durable.</summary>
    public void Release(long durableOffset)
    {
        while (_batches.TryPeek(out var batch) && batch.Offset <= durableOffset)
        {
            _batches.Dequeue();
            foreach (var segment in batch.Segments)
            {
                var from = segment.Aside ? batch.Aside : batch.Replies;
                segment.Connection.HeldBytes -= segment.Length;
                // What was sent from elsewhere comes in many small pieces.
                if (segment.Aside) segment.Connection.Gather(new ReadOnlySpan<byte>(from.Start + segment.Start, segment.Length));
                else segment.Connection.Reply(from.Start + segment.Start, segment.Length);
            }
            batch.Segments.Clear();
            batch.Replies.Clear(1024 * 1024);
            batch.Aside.Clear(64 * 1024);
            if (_spare.Count < 4) _spare.Push(batch);
        }
    }
}
