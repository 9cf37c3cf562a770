// One complete request: its arguments as slices over the bytes it was read from. Nothing is copied, so a request is
// only valid until its reader reads the next one or the buffer under it moves.
namespace Shoal.Protocol.Resp;

/// <summary>Where one argument lies, relative to the request's first byte.</summary>
public struct ArgSlice
{
    public int Offset;
    public int Length;
}

/// <summary>A parsed request. Argument 0 is the command name.</summary>
public readonly unsafe ref struct Request
{
    private readonly byte* _start;
    private readonly ArgSlice* _args;
    private readonly int _frameLength;

    /// <summary>A request of <paramref name="count"/> arguments over <paramref name="start"/>.</summary>
    public Request(byte* start, ArgSlice* args, int count, int frameLength)
    {
        _start = start;
        _args = args;
        Count = count;
        _frameLength = frameLength;
    }

    /// <summary>Number of arguments, the command name included.</summary>
    public int Count { get; }

    /// <summary>Argument <paramref name="i"/>; <c>0 &lt;= i &lt; Count</c> is the caller's duty.</summary>
    public ReadOnlySpan<byte> this[int i] => new(_start + _args[i].Offset, _args[i].Length);

    /// <summary>The request as one RESP array of bulk strings, ready for the journal (inline requests too).</summary>
    public ReadOnlySpan<byte> Frame => new(_start, _frameLength);

    /// <summary>The same request without its first <paramref name="count"/> arguments; its <see cref="Frame"/> is empty.</summary>
    public Request Skip(int count) => new(_start, _args + count, Count - count, 0);
}
