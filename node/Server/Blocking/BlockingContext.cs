// What a handler says when it finds nothing and may wait: c.Block(...). In MULTI, in a script and in a replay it may not
// (c.MayBlock), and answers what a timeout would.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Blocking;

/// <summary>How a request waits.</summary>
/// <param name="firstKey">First argument that is an awaited key ...</param>
/// <param name="lastKey">... and the last one; all between are keys.</param>
/// <param name="type">Only a key of this type wakes the session.</param>
/// <param name="timeoutMs">Milliseconds until <paramref name="onTimeout"/>; 0 = for ever.</param>
/// <param name="onTimeout">Writes the reply when the time is over.</param>
internal readonly ref struct BlockedRequest(int firstKey, int lastKey, ValueType type, long timeoutMs, Action<ReplyWriter> onTimeout)
{
    public int FirstKey { get; } = firstKey;

    public int LastKey { get; } = lastKey;

    public ValueType Type { get; } = type;

    public long TimeoutMs { get; } = timeoutMs;

    public Action<ReplyWriter> OnTimeout { get; } = onTimeout;

    /// <summary>Also woken when a key is removed or replaced by another type (XREADGROUP: its group is gone).</summary>
    public bool WakesWhenGone { get; init; }

    /// <summary>One RESP array to run instead of the request when woken (XREAD with "$" made an id); empty = the request.</summary>
    public ReadOnlySpan<byte> Frame { get; init; }
}

internal static class BlockingContext
{
    /// <summary>The reply of nearly every blocking command when its time is over.</summary>
    public static readonly Action<ReplyWriter> NullArray = static w => w.NullArray();

    /// <summary>The reply of a blocking move when its time is over.</summary>
    public static readonly Action<ReplyWriter> Null = static w => w.Null();

    /// <summary>
    /// Nothing to answer with yet: the session waits until one of its keys changes, then its request runs again. Where it
    /// may not wait, the timeout's reply is written now. Return from the handler after this.
    /// </summary>
    public static void Block(this ref CommandContext c, in BlockedRequest request)
    {
        if (c.MayBlock) c.Node.Blocked.Wait(ref c, request);
        else request.OnTimeout(c.Reply);
    }

    /// <inheritdoc cref="Block(ref CommandContext, in BlockedRequest)"/>
    public static void Block(this ref CommandContext c, int firstKey, int lastKey, ValueType type, long timeoutMs, Action<ReplyWriter> onTimeout) =>
        c.Block(new BlockedRequest(firstKey, lastKey, type, timeoutMs, onTimeout));

    /// <summary>Reads a timeout in seconds with fractions (BLPOP and its kin); false when an error was written.</summary>
    public static bool TrySeconds(this ref CommandContext c, int at, out long timeoutMs)
    {
        timeoutMs = 0;
        if (!ScoreText.TryParse(c[at], out double seconds))
        {
            c.Reply.Error(ErrorReplies.TimeoutNotFloat);
            return false;
        }
        double ms = Math.Ceiling(seconds * 1000);
        if (ms >= long.MaxValue - c.NowMs) c.Reply.Error(ErrorReplies.TimeoutOutOfRange);
        else if (ms < 0) c.Reply.Error(ErrorReplies.TimeoutNegative);
        else
        {
            timeoutMs = (long)ms;
            return true;
        }
        return false;
    }

    /// <summary>Reads a timeout in whole milliseconds (XREAD); false when an error was written.</summary>
    public static bool TryMilliseconds(this ref CommandContext c, int at, out long timeoutMs)
    {
        if (!IntegerText.TryParse(c[at], out timeoutMs)) c.Reply.Error("ERR timeout is not an integer or out of range");
        else if (timeoutMs < 0) c.Reply.Error(ErrorReplies.TimeoutNegative);
        else if (timeoutMs > long.MaxValue - c.NowMs) c.Reply.Error(ErrorReplies.TimeoutOutOfRange);
        else return true;
        return false;
    }
}
