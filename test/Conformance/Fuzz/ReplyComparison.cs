// When two servers have answered the same: elements in any order where Redis promises none, clocks a moment apart, cursors
// of walks whatever each likes.
using System.Globalization;
using Shoal.Protocol.Client;

namespace Shoal.Conformance.Fuzz;

internal static class ReplyComparison
{
    /// <summary>Milliseconds two servers' answers about the same expiry may differ by.</summary>
    private const long ClockSlack = 5000;

    private static readonly HashSet<string> Unordered = ["SMEMBERS", "SINTER", "SUNION", "SDIFF", "KEYS", "HKEYS", "HVALS"];
    private static readonly HashSet<string> Clocks = ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"];
    private static readonly HashSet<string> Walks = ["SCAN", "SSCAN", "HSCAN", "ZSCAN"];

    /// <summary>True when both replies mean the same.</summary>
    public static bool Same(string[] request, Reply ours, Reply theirs)
    {
        string name = request[0].ToUpperInvariant();
        if (name is "ZRANK" or "ZREVRANK" && request.Length > 3) return true; // WITHSCORE is new in 7.2
        if (name is "BITCOUNT" or "BITPOS" && ours.IsError && !theirs.IsError) return true; // 7.2 looks at the arguments of a missing key too
        if (name == "LPOS" && request.Contains("-9223372036854775808")) return true; // refused since 7.2
        if (ours.IsError || theirs.IsError) return ours.Kind == theirs.Kind && (SameError(ours.Text, theirs.Text) || IsCut(request));
        if (Clocks.Contains(name) && ours.Kind == ReplyKind.Integer && theirs.Kind == ReplyKind.Integer && ours.Integer > 0 && theirs.Integer > 0)
            return Math.Abs(ours.Integer - theirs.Integer) <= ClockSlack;
        if (Walks.Contains(name) && ours.Items.Count == 2 && theirs.Items.Count == 2)
            return ours[0].Text != "0" || theirs[0].Text != "0" || SameParts(ours[1], theirs[1], name is "HSCAN" or "ZSCAN" ? 2 : 1);
        if (Unordered.Contains(name)) return ours.Kind == theirs.Kind && SameParts(ours, theirs, 1);
        if (name == "HGETALL") return ours.Kind == theirs.Kind && SameParts(ours, theirs, 2);
        return SameTree(ours, theirs);
    }

    private static bool SameError(string ours, string theirs) => string.Equals(ours, theirs, StringComparison.OrdinalIgnoreCase);

    // C prints an argument up to its first zero byte.
    private static bool IsCut(string[] request) => request.Any(w => w.Contains('\0', StringComparison.Ordinal));

    private static bool SameParts(Reply ours, Reply theirs, int size) =>
        ours.Items.Count == theirs.Items.Count && Parts(ours, size).SequenceEqual(Parts(theirs, size));

    private static IEnumerable<string> Parts(Reply reply, int size) =>
        reply.Items.Chunk(size).Select(part => string.Join('\n', part.Select(Canonical))).Order(StringComparer.Ordinal);

    // Versions print the same double in different ways.
    private static bool SameNumber(string ours, string theirs) =>
        double.TryParse(ours, CultureInfo.InvariantCulture, out double a) && double.TryParse(theirs, CultureInfo.InvariantCulture, out double b) && a.Equals(b);

    private static string Canonical(Reply item) =>
        double.TryParse(item.Text, CultureInfo.InvariantCulture, out double number) && (item.Text.Length > 15 || item.Text.AsSpan().IndexOfAny(".e") >= 0)
            ? number.ToString("R", CultureInfo.InvariantCulture) : item.ToString()!;

    private static bool SameTree(Reply ours, Reply theirs)
    {
        if (ours.Kind != theirs.Kind || ours.Items.Count != theirs.Items.Count) return false;
        if (ours.Items.Count == 0) return ours.Integer == theirs.Integer && (ours.Bytes.AsSpan().SequenceEqual(theirs.Bytes) || SameNumber(ours.Text, theirs.Text));
        for (int i = 0; i < ours.Items.Count; i++)
            if (!SameTree(ours[i], theirs[i])) return false;
        return true;
    }
}
