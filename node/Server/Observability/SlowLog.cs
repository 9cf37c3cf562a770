// The last commands that took long, newest first.
using Shoal.Server.Commands;

namespace Shoal.Server.Observability;

/// <summary>One slow call.</summary>
public sealed record SlowCall(long Id, long UnixSeconds, long Microseconds, byte[][] Args, string Client, string Name);

/// <summary>SLOWLOG. Engine thread.</summary>
public sealed class SlowLog
{
    private const int MaxArgs = 32, MaxArgBytes = 128;

    private readonly LinkedList<SlowCall> _calls = new();
    private long _nextId;

    /// <summary>slowlog-log-slower-than: microseconds; negative logs nothing, 0 everything.</summary>
    public long ThresholdMicroseconds { get; set; } = 10_000;

    /// <summary>slowlog-max-len.</summary>
    public int Limit { get; set; } = 128;

    public IEnumerable<SlowCall> Newest => _calls;

    public int Count => _calls.Count;

    public void Clear() => _calls.Clear();

    internal void Offer(ref CommandContext c, long microseconds)
    {
        if (ThresholdMicroseconds < 0 || microseconds < ThresholdMicroseconds || c.Command.Has(CommandFlags.SkipSlowLog)) return;
        int count = Math.Min(c.ArgCount, MaxArgs);
        byte[][] args = new byte[count][];
        for (int i = 0; i < count; i++) args[i] = Clip(SecretArguments.Hides(ref c, i) ? SecretArguments.Redacted : c[i]);
        if (c.ArgCount > MaxArgs) args[^1] = System.Text.Encoding.ASCII.GetBytes($"... ({c.ArgCount - MaxArgs + 1} more arguments)");
        _calls.AddFirst(new SlowCall(_nextId++, c.NowMs / 1000, microseconds, args, c.Session.Address, c.Session.Name));
        while (_calls.Count > Limit) _calls.RemoveLast();
    }

    private static byte[] Clip(ReadOnlySpan<byte> arg) =>
        arg.Length <= MaxArgBytes
            ? arg.ToArray()
            : [.. arg[..MaxArgBytes], .. System.Text.Encoding.ASCII.GetBytes($"... ({arg.Length - MaxArgBytes} more bytes)")];
}
