// What the table of commands.tsv knows of a command beyond its row: key specifications, tips, group, version, documentation.
// Read at first use; the file's head explains its columns.
using System.Reflection;

namespace Shoal.Server.Commands;

/// <summary>One line of commands.tsv.</summary>
/// <param name="Name">"get", "config|get".</param>
/// <param name="Keys">Key specifications in Redis's order.</param>
/// <param name="Group">Group of the documentation ("string", "sorted-set").</param>
/// <param name="Since">First version of Redis that had it.</param>
/// <param name="Tips">Hints for clients and proxies.</param>
/// <param name="Complexity">Cost as O(...); may be empty.</param>
/// <param name="Deprecated">Since when and what to use instead ("4.0.0 by ..."); empty when it is not.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Syntax">The arguments in the notation of the table.</param>
public sealed record CommandFacts(
    string Name, KeySpec[] Keys, string Group, string Since, string[] Tips, string Complexity, string Deprecated, string Summary, string Syntax)
{
    private static readonly Lazy<Dictionary<string, CommandFacts>> Table = new(Read);

    /// <summary>The line of a command, or null when Redis has no such command.</summary>
    public static CommandFacts? Find(string fullName) => Table.Value.GetValueOrDefault(fullName);

    private static Dictionary<string, CommandFacts> Read()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("commands.tsv")!;
        using var reader = new StreamReader(stream);
        var table = new Dictionary<string, CommandFacts>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            string[] f = line.Split('\t');
            var keys = f[1].Split(';', StringSplitOptions.RemoveEmptyEntries).Select(KeySpec.Parse).ToArray();
            table.Add(f[0], new CommandFacts(f[0], keys, f[2], f[3], f[4].Split(';', StringSplitOptions.RemoveEmptyEntries), f[5], f[6], f[7], f[8]));
        }
        return table;
    }
}
