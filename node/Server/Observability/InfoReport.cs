// INFO: sections in Redis's order, lines contributed by whoever knows them. Several parts may add to one section.
using System.Globalization;
using System.Text;

namespace Shoal.Server.Observability;

/// <summary>Collects INFO lines. Engine thread.</summary>
public sealed class InfoReport
{
    /// <summary>Sections in the order INFO prints them; those marked false only on request or with "all".</summary>
    private static readonly (string Name, bool ByDefault)[] Order =
    [
        ("Server", true), ("Clients", true), ("Memory", true), ("Persistence", true), ("Stats", true), ("Replication", true),
        ("CPU", true), ("Modules", true), ("Commandstats", false), ("Errorstats", true), ("Latencystats", false),
        ("Cluster", true), ("Keyspace", true), ("Shoal", true),
    ];

    private readonly Dictionary<string, List<Action<InfoLines>>> _sections = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds lines to <paramref name="section"/> (a name of Redis's: "Replication", "Persistence", "Cluster"...).</summary>
    public void Add(string section, Action<InfoLines> lines)
    {
        if (!_sections.TryGetValue(section, out var list)) _sections[section] = list = [];
        list.Add(lines);
    }

    /// <summary>The text of the sections asked for; none, "default", "all", "everything" as Redis reads them.</summary>
    public string Write(IReadOnlyCollection<string> wanted)
    {
        var lines = new InfoLines();
        foreach (var (name, byDefault) in Order)
        {
            if (!IsWanted(name, byDefault, wanted) || !_sections.TryGetValue(name, out var parts)) continue;
            lines.Section(name);
            foreach (var part in parts) part(lines);
        }
        return lines.ToString();
    }

    private static bool IsWanted(string name, bool byDefault, IReadOnlyCollection<string> wanted)
    {
        if (wanted.Count == 0) return byDefault;
        foreach (string section in wanted)
        {
            if (section.Equals(name, StringComparison.OrdinalIgnoreCase)) return true;
            if (section.Equals("default", StringComparison.OrdinalIgnoreCase) && byDefault) return true;
            if (section.Equals("all", StringComparison.OrdinalIgnoreCase)) return true;
            if (section.Equals("everything", StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}

/// <summary>The lines of an INFO reply under construction.</summary>
public sealed class InfoLines
{
    private readonly StringBuilder _text = new();

    public InfoLines Add(string name, string value)
    {
        _text.Append(name).Append(':').Append(value).Append("\r\n");
        return this;
    }

    public InfoLines Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    public InfoLines Add(string name, double value) => Add(name, value.ToString("F2", CultureInfo.InvariantCulture));

    public InfoLines Add(string name, bool value) => Add(name, value ? "1" : "0");

    public override string ToString() => _text.ToString();

    internal void Section(string name)
    {
        if (_text.Length > 0) _text.Append("\r\n");
        _text.Append("# ").Append(name).Append("\r\n");
    }
}
