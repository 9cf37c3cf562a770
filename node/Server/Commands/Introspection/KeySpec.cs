// Where the keys of a command lie and what it does with them, as COMMAND INFO describes it and ACL key permissions ask.
// KeyRange (beside the handler) finds positions on the hot path; this adds the flags, for those who need them.
using System.Buffers.Text;
using System.Globalization;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Commands;

/// <summary>What a command does with a key. Names are Redis's key specification flags.</summary>
[Flags]
public enum KeyFlags : ushort
{
    None = 0,
    Ro = 1 << 0,
    Rw = 1 << 1,
    Ow = 1 << 2,
    Rm = 1 << 3,
    Access = 1 << 4,
    Update = 1 << 5,
    Insert = 1 << 6,
    Delete = 1 << 7,
    /// <summary>Only routed like a key (a shard channel).</summary>
    NotKey = 1 << 8,
    /// <summary>The specification does not find every key.</summary>
    Incomplete = 1 << 9,
    /// <summary>The arguments decide about the flags.</summary>
    VariableFlags = 1 << 10,
}

/// <summary>One key of a request.</summary>
public readonly record struct KeyReference(int Index, KeyFlags Flags);

/// <summary>
/// One key specification. It begins at argument <paramref name="Begin"/>, or behind <paramref name="Keyword"/> searched from there
/// (negative: backwards from the end); then <paramref name="Counts"/> tells whether <paramref name="Last"/>,
/// <paramref name="Step"/>, <paramref name="Limit"/> are a range, or the place of the count, the first key and the step.
/// </summary>
public sealed record KeySpec(KeyFlags Flags, int Begin, string Keyword, bool Counts, int Last, int Step, int Limit)
{
    private static readonly Dictionary<string, KeyFlags> FlagNames = new()
    {
        ["ro"] = KeyFlags.Ro, ["rw"] = KeyFlags.Rw, ["ow"] = KeyFlags.Ow, ["rm"] = KeyFlags.Rm, ["access"] = KeyFlags.Access,
        ["update"] = KeyFlags.Update, ["insert"] = KeyFlags.Insert, ["delete"] = KeyFlags.Delete, ["not_key"] = KeyFlags.NotKey,
        ["incomplete"] = KeyFlags.Incomplete, ["variable_flags"] = KeyFlags.VariableFlags,
    };

    /// <summary>Arguments alone do not say where the keys are.</summary>
    public bool IsUnknown => Begin == 0;

    /// <summary>Position alone does not say which arguments it finds.</summary>
    public bool IsMovable => IsUnknown || Counts || Keyword.Length > 0;

    /// <summary>The flags of a key as COMMAND INFO and GETKEYSANDFLAGS print them.</summary>
    public static IEnumerable<string> NamesOf(KeyFlags flags) =>
        FlagNames.Where(f => (flags & f.Value) != 0).Select(f => f.Value <= KeyFlags.Rm ? f.Key.ToUpperInvariant() : f.Key);

    /// <summary>
    /// Reads the notation of commands.tsv: <c>flags@begin</c>, <c>flags@begin:last,step,limit</c>,
    /// <c>flags@begin#count,first,step</c>, <c>flags@KEYWORD/from...</c>, <c>flags@?</c>.
    /// </summary>
    public static KeySpec Parse(string text)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal), end = text.IndexOfAny([':', '#'], at);
        var flags = text[..at].Split('.').Aggregate(KeyFlags.None, (sum, name) => sum | FlagNames[name]);
        string begin = end < 0 ? text[(at + 1)..] : text[(at + 1)..end], keyword = "";
        if (begin == "?") return new KeySpec(flags, 0, "", false, 0, 1, 0);
        if (begin.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash) (keyword, begin) = (begin[..slash], begin[(slash + 1)..]);
        int[] find = end < 0 ? [0, 1, 0] : [.. text[(end + 1)..].Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        bool counts = end >= 0 && text[end] == '#';
        int start = int.Parse(begin, CultureInfo.InvariantCulture);
        return counts
            ? new KeySpec(flags, start, keyword, true, find[0], find[2], find[1])
            : new KeySpec(flags, start, keyword, false, find[0], find[1], find[2]);
    }

    /// <summary>Adds the keys it finds in <paramref name="request"/>; false when the request does not fit it.</summary>
    public bool Collect(in Request request, List<KeyReference> into)
    {
        int first = Keyword.Length == 0 ? Begin : Behind(request);
        if (first == 0) return !IsUnknown;
        int last;
        if (Counts)
        {
            if (first + Last >= request.Count || !TryNumber(request[first + Last], out int count) || count < 0) return false;
            if (count == 0) return true;
            first += Limit;
            if (count > request.Count) return false;
            last = first + (count - 1) * Step;
        }
        else if (Last >= 0) last = first + Last;
        else last = Limit == 0 ? request.Count + Last : first + (request.Count - first) / Limit + Last;
        if (first >= request.Count || last >= request.Count || last < first) return false;
        for (int i = first; i <= last; i += Step) into.Add(new KeyReference(i, Flags));
        return true;
    }

    private int Behind(in Request request)
    {
        int count = request.Count, step = Begin > 0 ? 1 : -1;
        for (int i = Begin > 0 ? Begin : count + Begin; i >= 1 && i < count; i += step)
            if (Sessions.SessionCommands.Is(request[i], Keyword)) return i + 1;
        return 0;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out int number) =>
        Utf8Parser.TryParse(text, out number, out int used) && used == text.Length;
}
