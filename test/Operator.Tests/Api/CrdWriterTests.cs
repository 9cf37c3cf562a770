// crds/*.yaml are what the types say, and the refusals that issue 2 demands are in the schema itself.
using Shoal.Operator.Api;

namespace Shoal.Operator.Tests.Api;

public sealed class CrdWriterTests
{
    [Fact]
    public void Crds_in_the_tree_are_what_the_types_say()
    {
        var directory = Path.Combine(Root(), "crds");
        var written = CrdWriter.WriteAll();
        Assert.Equal(written.Select(w => w.FileName), Directory.GetFiles(directory, "*.yaml").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var (file, yaml) in written)
        {
            // When this fails: run `make manifests` and commit.
            Assert.Equal(yaml, File.ReadAllText(Path.Combine(directory, file)));
        }
    }

    [Fact]
    public void Writing_twice_gives_the_same_bytes() => Assert.Equal(CrdWriter.WriteAll(), CrdWriter.WriteAll());

    [Fact]
    public void Every_field_has_a_description()
    {
        foreach (var definition in CrdWriter.Definitions())
        {
            var version = (Dictionary<string, object>)((List<object>)((Dictionary<string, object>)definition["spec"])["versions"])[0];
            var schema = (Dictionary<string, object>)((Dictionary<string, object>)version["schema"])["openAPIV3Schema"];
            var properties = (Dictionary<string, object>)schema["properties"];
            Check("spec", (Dictionary<string, object>)properties["spec"]);
            Check("status", (Dictionary<string, object>)properties["status"]);
        }

        static void Check(string path, Dictionary<string, object> schema)
        {
            Assert.True(schema.ContainsKey("description"), path + " has no description");
            if (schema.TryGetValue("properties", out var properties) && !schema.ContainsKey("x-kubernetes-preserve-unknown-fields"))
            {
                foreach (var (name, child) in (Dictionary<string, object>)properties)
                {
                    if (path != "status" || name != "conditions")
                    {
                        Check(path + "." + name, (Dictionary<string, object>)child);
                    }
                }
            }
        }
    }

    private static string Root()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Shoal.slnx")))
        {
            at = at.Parent ?? throw new DirectoryNotFoundException("no Shoal.slnx above the tests");
        }

        return at.FullName;
    }
}
