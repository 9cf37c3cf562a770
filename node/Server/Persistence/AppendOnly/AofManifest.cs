// Which files make up the append-only file, in order. One text line each, in appenddirname/appendfilename.manifest:
//
//   file appendonly.aof.2.base.rdb seq 2 type b        the base: a snapshot (.rdb) or commands (.aof)
//   file appendonly.aof.4.incr.aof seq 4 type i        increments since, in order of seq
//   file appendonly.aof.5.incr.aof seq 5 type i
//   file appendonly.aof.1.base.rdb seq 1 type h        history: replaced, to be deleted
//
// The manifest is replaced as a whole (temporary file, fsync, rename, fsync of the directory), so that at every moment one
// complete list is on disk. Names with blanks or quotes are quoted as redis.conf values are.
using System.Globalization;
using System.Text;

namespace Shoal.Server.Persistence.AppendOnly;

/// <summary>Role of a file in the manifest, by its letter.</summary>
public enum AofFileType
{
    Base = 'b',
    Increment = 'i',
    History = 'h',
}

/// <summary>One line of the manifest.</summary>
public sealed record AofFile(string Name, long Sequence, AofFileType Type)
{
    /// <summary>True for a base that is a snapshot.</summary>
    public bool IsSnapshot => Name.EndsWith(".rdb", StringComparison.Ordinal);
}

/// <summary>An immutable manifest: each change gives a new one.</summary>
public sealed record AofManifest(AofFile? Base, IReadOnlyList<AofFile> Increments, IReadOnlyList<AofFile> History)
{
    private const int MaxLine = 1024;

    public static AofManifest Empty { get; } = new(null, [], []);

    /// <summary>Highest sequence among bases, the history's included.</summary>
    public long BaseSequence => Highest(AofFileType.Base);

    /// <summary>Highest sequence among increments.</summary>
    public long IncrementSequence => Increments.Count == 0 ? 0 : Increments[^1].Sequence;

    /// <summary>Base and increments, in the order they are loaded.</summary>
    public IEnumerable<AofFile> InLoadOrder => (Base is null ? [] : new[] { Base }).Concat(Increments);

    /// <summary>The manifest with one more increment at the end; <paramref name="prefix"/> is appendfilename.</summary>
    public AofManifest WithIncrement(string prefix, out AofFile added)
    {
        long sequence = IncrementSequence + 1;
        added = new AofFile($"{prefix}.{sequence}.incr.aof", sequence, AofFileType.Increment);
        return this with { Increments = [.. Increments, added] };
    }

    /// <summary>The manifest after a rewrite: <paramref name="newBase"/> replaces the base and all increments before
    /// <paramref name="firstKept"/>, which become history.</summary>
    public AofManifest Rewritten(AofFile newBase, AofFile firstKept)
    {
        var replaced = Increments.TakeWhile(f => f.Sequence < firstKept.Sequence).ToList();
        var history = (Base is null ? replaced : [Base, .. replaced]).Select(f => f with { Type = AofFileType.History });
        return new AofManifest(newBase, [.. Increments.Skip(replaced.Count)], [.. History, .. history]);
    }

    /// <summary>Name of the next base.</summary>
    public AofFile NextBase(string prefix, bool snapshot) =>
        new($"{prefix}.{BaseSequence + 1}.base.{(snapshot ? "rdb" : "aof")}", BaseSequence + 1, AofFileType.Base);

    /// <summary>The manifest's text.</summary>
    public string Format()
    {
        var text = new StringBuilder();
        foreach (var file in InLoadOrder.Concat(History))
            text.Append(CultureInfo.InvariantCulture, $"file {Quote(file.Name)} seq {file.Sequence} type {(char)file.Type}\n");
        return text.ToString();
    }

    /// <summary>Parses a manifest's text. False with a reason that names the line.</summary>
    public static bool TryParse(string text, out AofManifest manifest, out string error)
    {
        manifest = Empty;
        AofFile? first = null;
        List<AofFile> increments = [], history = [];
        if (text.Length == 0) return Fail(0, "Found an empty AOF manifest", out error);
        if (!text.EndsWith('\n')) return Fail(text.Count(c => c == '\n') + 1, "The last line is not complete", out error);
        int number = 0;
        foreach (var line in text[..^1].Split('\n'))
        {
            number++;
            if (line.StartsWith('#')) continue;
            if (line.Length >= MaxLine) return Fail(number, "The line is too long", out error);
            if (ParseLine(line) is not { } file) return Fail(number, "Invalid AOF manifest file format", out error);
            switch (file.Type)
            {
                case AofFileType.Base when first is not null:
                    return Fail(number, "Found duplicate base file information", out error);
                case AofFileType.Base:
                    first = file;
                    break;
                case AofFileType.Increment when increments.Count > 0 && increments[^1].Sequence >= file.Sequence:
                    return Fail(number, "Found a non-monotonic sequence number", out error);
                case AofFileType.Increment:
                    increments.Add(file);
                    break;
                default:
                    history.Add(file);
                    break;
            }
        }
        manifest = new AofManifest(first, increments, history);
        error = "";
        return true;
    }

    private static bool Fail(int line, string reason, out string error)
    {
        error = line == 0 ? reason : $"{reason} (line {line})";
        return false;
    }

    private static AofFile? ParseLine(string line)
    {
        if (SplitQuoted(line) is not { } words || words.Count < 6 || words.Count % 2 != 0) return null;
        string? name = null;
        long sequence = 0;
        char type = '\0';
        for (int i = 0; i < words.Count; i += 2)
        {
            // Newer versions add keys of their own (startoffset, ...): read over them.
            string value = words[i + 1];
            if (words[i].Equals("file", StringComparison.OrdinalIgnoreCase)) name = value;
            else if (words[i].Equals("type", StringComparison.OrdinalIgnoreCase)) type = value.Length == 1 ? value[0] : '?';
            else if (words[i].Equals("seq", StringComparison.OrdinalIgnoreCase)
                     && !long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out sequence)) return null;
        }
        bool sound = !string.IsNullOrEmpty(name) && !name.Contains('/') && sequence > 0 && type is 'b' or 'i' or 'h';
        return sound ? new AofFile(name!, sequence, (AofFileType)type) : null;
    }

    private static string Quote(string name)
    {
        if (!name.Any(c => c is ' ' or '"' or '\'' or '\\' || char.IsControl(c))) return name;
        return $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }

    private static List<string>? SplitQuoted(string line)
    {
        var words = new List<string>();
        for (int i = 0; i < line.Length;)
        {
            if (char.IsWhiteSpace(line[i]))
            {
                i++;
                continue;
            }
            var word = new StringBuilder();
            char quote = line[i] is '"' or '\'' ? line[i++] : '\0';
            for (; ; i++)
            {
                if (i >= line.Length)
                {
                    if (quote != '\0') return null;
                    break;
                }
                if (quote == '\0' ? char.IsWhiteSpace(line[i]) : line[i] == quote) break;
                if (quote == '"' && line[i] == '\\' && i + 1 < line.Length) i++;
                word.Append(line[i]);
            }
            if (quote != '\0') i++;
            words.Add(word.ToString());
        }
        return words;
    }

    private long Highest(AofFileType type)
    {
        long highest = Base?.Sequence ?? 0;
        foreach (var file in History)
            if (type == AofFileType.Base && file.Name.Contains(".base.", StringComparison.Ordinal)) highest = Math.Max(highest, file.Sequence);
        return highest;
    }
}
