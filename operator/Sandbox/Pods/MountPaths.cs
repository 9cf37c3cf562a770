// Processes share one file system, so a container's mount path is nowhere. The rule that stands in for a mount: in
// command, arguments and environment values, a mount path is replaced by the directory that holds the volume, wherever it
// stands as a path of its own: at the start or after a character that cannot be part of a path (or after "://"), and
// followed by the end, a slash, or a character that cannot be part of a name. "/data", "/data/x", "dir=/data" and
// "file:///data/x" are replaced; "/database" and "/var/data" are not.

using System.Text;

namespace Shoal.Sandbox.Pods;

internal sealed class MountPaths
{
    private readonly (string From, string To)[] _mounts;

    public MountPaths(IEnumerable<(string MountPath, string Directory)> mounts) =>
        _mounts = [.. mounts.Select(m => (m.MountPath.TrimEnd('/'), m.Directory))
            .Where(m => m.Item1.Length > 0).OrderByDescending(m => m.Item1.Length)];

    public string Replace(string text)
    {
        if (_mounts.Length == 0 || !text.Contains('/', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var (from, to) = text[i] == '/' && StartsPath(text, i) ? MatchAt(text, i) : default;
            if (from is null)
            {
                result.Append(text[i++]);
                continue;
            }

            result.Append(to);
            i += from.Length;
        }

        return result.ToString();
    }

    private (string? From, string? To) MatchAt(string text, int at)
    {
        foreach (var (from, to) in _mounts)
        {
            if (string.CompareOrdinal(text, at, from, 0, from.Length) == 0
                && (at + from.Length == text.Length || !IsNamePart(text[at + from.Length])))
            {
                return (from, to);
            }
        }

        return default;
    }

    private static bool StartsPath(string text, int at) =>
        at == 0 || (!IsNamePart(text[at - 1]) && text[at - 1] != '/') || (at >= 3 && text.AsSpan(at - 3, 3) is "://");

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '~';
}
