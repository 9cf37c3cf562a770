// The summaries of our API types, read from the documentation file the compiler leaves beside the assembly: one text serves
// the reader of the code and `kubectl explain`.
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Shoal.Operator.Api;

internal sealed partial class DocSummaries
{
    private readonly Dictionary<string, string> byMember;

    private DocSummaries(Dictionary<string, string> byMember) => this.byMember = byMember;

    /// <summary>Reads the documentation of this assembly.</summary>
    /// <exception cref="FileNotFoundException">It was not deployed beside the assembly.</exception>
    public static DocSummaries Load()
    {
        var path = Path.Combine(AppContext.BaseDirectory, typeof(DocSummaries).Assembly.GetName().Name + ".xml");
        if (!File.Exists(path))
        {
            throw new FileNotFoundException("the documentation file that CRD descriptions are taken from is missing", path);
        }

        return new(XDocument.Load(path).Descendants("member")
            .Where(m => m.Element("summary") is not null)
            .ToDictionary(m => m.Attribute("name")!.Value, m => Flatten(m.Element("summary")!)));
    }

    public string Of(Type type) => byMember.GetValueOrDefault("T:" + type.FullName, "");

    public string Of(PropertyInfo property) =>
        byMember.GetValueOrDefault($"P:{property.DeclaringType!.FullName}.{property.Name}", "");

    private static string Flatten(XElement summary)
    {
        foreach (var reference in summary.Descendants("see").ToList())
        {
            reference.ReplaceWith(reference.Attribute("cref")?.Value.Split('.')[^1] ?? "");
        }

        return Spaces().Replace(summary.Value, " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
