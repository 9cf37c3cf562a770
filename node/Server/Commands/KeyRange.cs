// Which arguments of a request are keys. Positions cover nearly every command; the rest count their keys in an argument
// ("numkeys") or bring a function.
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Commands;

/// <summary>Finds the next key after argument <paramref name="after"/> (0 to start); 0 when there is none.</summary>
public delegate int KeyFinder(in Request request, int after);

/// <summary>
/// Key positions: from <see cref="First"/> to <see cref="Last"/> (negative counts from the end) every <see cref="Step"/>;
/// with <see cref="CountAt"/> &gt; 0 that argument says how many follow; <see cref="Find"/> overrules all.
/// </summary>
public readonly record struct KeyRange(int First, int Last, int Step, int CountAt = 0, KeyFinder? Find = null)
{
    /// <summary>True when the command has no keys.</summary>
    public bool IsEmpty => First == 0 && CountAt == 0 && Find is null;

    /// <summary>Index of the first key argument at or behind the start, or 0 when the request has none.</summary>
    public int FirstKey(in Request request)
    {
        if (Find is not null) return Find(request, 0);
        if (CountAt > 0 && First == 0) return Counted(request) > 0 ? CountAt + 1 : 0;
        return First < request.Count ? First : 0;
    }

    /// <summary>Index of the key argument behind <paramref name="key"/>, or 0 when there is none.</summary>
    public int NextKey(in Request request, int key)
    {
        if (Find is not null) return Find(request, key);
        if (CountAt > 0)
        {
            // With a destination in First (ZUNIONSTORE) the counted keys follow it.
            if (First > 0 && key == First && First != CountAt + 1) return Counted(request) > 0 ? CountAt + 1 : 0;
            int next = key + 1;
            return next <= CountAt + Counted(request) ? next : 0;
        }
        int last = Last >= 0 ? Last : request.Count + Last;
        int candidate = key + Step;
        return candidate <= last && candidate < request.Count ? candidate : 0;
    }

    private int Counted(in Request request)
    {
        if (CountAt >= request.Count) return 0;
        var text = request[CountAt];
        if (!Utf8Parser.TryParse(text, out int count, out int used) || used != text.Length || count < 0) return 0;
        return Math.Min(count, request.Count - CountAt - 1);
    }
}

/// <summary>The usual key positions, as rows of command tables spell them.</summary>
public static class Keys
{
    public static readonly KeyRange None = default;

    /// <summary>One key at argument <paramref name="at"/>.</summary>
    public static KeyRange One(int at) => new(at, at, 1);

    /// <summary>Two keys at arguments 1 and 2 (RENAME, LMOVE...).</summary>
    public static readonly KeyRange Two = new(1, 2, 1);

    /// <summary>Every argument from <paramref name="first"/> on (DEL, MGET...).</summary>
    public static KeyRange All(int first = 1, int step = 1) => new(first, -1, step);

    /// <summary>From <paramref name="first"/> to <paramref name="last"/> (negative: from the end), every <paramref name="step"/>.</summary>
    public static KeyRange Range(int first, int last, int step = 1) => new(first, last, step);

    /// <summary>Argument <paramref name="countAt"/> says how many keys follow it (SINTERCARD, ZUNION...).</summary>
    public static KeyRange Counted(int countAt) => new(0, 0, 1, countAt);

    /// <summary>A destination at <paramref name="destination"/>, then a count at <paramref name="countAt"/> (ZUNIONSTORE...).</summary>
    public static KeyRange DestinationAndCounted(int destination, int countAt) => new(destination, destination, 1, countAt);

    /// <summary>A function finds them.</summary>
    public static KeyRange Found(KeyFinder find) => new(0, 0, 0, 0, find);
}
