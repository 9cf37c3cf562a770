// A connection without a socket: bytes are handed to the handler and replies stay in memory. Warm-up, allocation tests and
// benchmarks drive the engine through it.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Network;

/// <summary>An in-memory connection.</summary>
internal sealed class MemoryConnection() : Connection(long.MaxValue, "127.0.0.1:0", "127.0.0.1:0")
{
    public override ReplyWriter Replies { get; } = new(64 * 1024);

    public override long PendingOutput => 0;

    public override void Send(ReadOnlySpan<byte> bytes) => Replies.Raw(bytes);

    public override void SendSoon(ReadOnlySpan<byte> bytes) => Replies.Raw(bytes);

    public override int TrySend(ReadOnlySpan<byte> bytes)
    {
        Replies.Raw(bytes);
        return bytes.Length;
    }

    protected override void PauseChanged()
    {
    }

    protected override void CloseSocket() => Replies.Dispose();
}
