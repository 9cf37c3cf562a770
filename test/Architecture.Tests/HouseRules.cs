using System.Text.RegularExpressions;

namespace Shoal.Architecture.Tests;

/// <summary>Size and naming rules of the house that a machine can hold (aesthetics.md sections 1, 6 and 9).</summary>
public partial class HouseRules
{
    private static readonly string[] Shipped = ["node", "operator"];

    private static readonly string[] BannedSuffixes =
        ["Manager", "Helper", "Utils", "Util", "Impl", "Processor", "Wrapper", "Data", "Common", "Misc", "Infrastructure"];

    private static readonly string[] BannedFolders =
        ["Enums", "Interfaces", "Extensions", "Helpers", "Utils", "Common", "Misc", "Infrastructure", "Internal"];

    [Fact]
    public void No_file_is_longer_than_600_lines()
    {
        var long_ = Repository.Sources("node", "operator", "test")
            .Select(f => (File: Repository.Relative(f), Lines: File.ReadLines(f).Count())).Where(x => x.Lines > 600);
        Assert.Equal("", string.Join("\n", long_));
    }

    [Fact]
    public void A_file_says_at_its_head_why_it_exists()
    {
        var silent = Repository.Sources(Shipped)
            .Where(f => !f.Replace('\\', '/').Contains("/Models/"))
            .Where(f => File.ReadLines(f).Count() > 40 && !File.ReadLines(f).Take(60).Any(l => l.TrimStart().StartsWith("//", StringComparison.Ordinal)))
            .Select(Repository.Relative);
        Assert.Equal("", string.Join("\n", silent));
    }

    [Fact]
    public void No_type_carries_a_suffix_that_says_nothing()
    {
        var bad = from file in Repository.Sources(Shipped)
                  from Match m in TypeDeclaration().Matches(File.ReadAllText(file))
                  let name = m.Groups["name"].Value
                  where BannedSuffixes.Any(s => name.EndsWith(s, StringComparison.Ordinal))
                  select $"{Repository.Relative(file)}: {name}";
        Assert.Equal("", string.Join("\n", bad));
    }

    [Fact]
    public void No_folder_is_named_by_kind()
    {
        var bad = Repository.Sources("node", "operator", "test").Select(f => Repository.Relative(Path.GetDirectoryName(f)!))
            .Distinct().Where(d => d.Split('/').Any(BannedFolders.Contains));
        Assert.Equal("", string.Join("\n", bad));
    }

    [Fact]
    public void A_class_is_in_one_piece()
    {
        // Source generators need `partial`; nothing else does.
        string[] generators = ["[LibraryImport", "[GeneratedRegex", "[LoggerMessage", "[JsonSerializable"];
        var bad = from file in Repository.Sources(Shipped)
                  let text = File.ReadAllText(file)
                  where PartialType().IsMatch(text) && !generators.Any(text.Contains)
                  select Repository.Relative(file);
        Assert.Equal("", string.Join("\n", bad));
    }

    [Fact]
    public void Nothing_unfinished_ships()
    {
        string[] stubs = ["NotImplementedException", "TODO", "FIXME", "HACK"];
        var bad = from file in Repository.Sources(Shipped)
                  from line in File.ReadLines(file)
                  where stubs.Any(line.Contains)
                  select $"{Repository.Relative(file)}: {line.Trim()}";
        Assert.Equal("", string.Join("\n", bad));
    }

    [Fact]
    public void Unsafe_code_stays_in_the_node()
    {
        var bad = Repository.Sources("operator").Where(f => UnsafeWord().IsMatch(File.ReadAllText(f))).Select(Repository.Relative);
        Assert.Equal("", string.Join("\n", bad));
    }

    [Fact]
    public void The_readmes_name_files_that_exist()
    {
        var missing = from readme in new[] { "README.md", "node/README.md", "operator/README.md", "operator/Sandbox/README.md", "test/README.md" }
                      let path = Path.Combine(Repository.Root, readme)
                      where File.Exists(path)
                      from Match m in PathInBackticks().Matches(File.ReadAllText(path))
                      let named = m.Groups["path"].Value
                      where !Exists(readme, named)
                      select $"{readme}: {named}";
        Assert.Equal("", string.Join("\n", missing));
    }

    [Fact]
    public void The_chart_carries_the_generated_crds()
    {
        var crds = Directory.GetFiles(Path.Combine(Repository.Root, "crds"), "*.yaml");
        Assert.NotEmpty(crds);
        foreach (var crd in crds)
            Assert.Equal(File.ReadAllText(crd), File.ReadAllText(Path.Combine(Repository.Root, "charts/shoal/crds", Path.GetFileName(crd))));
    }

    private static bool Exists(string readme, string named)
    {
        var here = Path.Combine(Repository.Root, Path.GetDirectoryName(readme) ?? "", named);
        var top = Path.Combine(Repository.Root, named);
        if (File.Exists(here) || Directory.Exists(here) || File.Exists(top) || Directory.Exists(top)) return true;

        // A bare file name in a folder's README means a file somewhere below that folder.
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, readme))!;
        return !named.Contains('/') && Directory.EnumerateFiles(folder, named, SearchOption.AllDirectories).Any();
    }

    [GeneratedRegex(@"^\s*(public|internal|private|protected|sealed|static|abstract|readonly|ref|unsafe|file|partial|\s)*\b(class|struct|record|interface|enum)\s+(struct\s+|class\s+)?(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\bpartial\s+(class|struct|record|interface)\b")]
    private static partial Regex PartialType();

    [GeneratedRegex(@"\bunsafe\b(?=\s+(class|struct|static|void|int|long|bool|byte|\{))")]
    private static partial Regex UnsafeWord();

    // `folder/File.cs`, `folder/` or `File.cs` in backticks, without spaces or placeholders.
    [GeneratedRegex(@"`(?<path>(node|operator|test|charts|config|crds)/[\w./-]*|[\w/-]+\.(cs|sh|md|yaml))`")]
    private static partial Regex PathInBackticks();
}
