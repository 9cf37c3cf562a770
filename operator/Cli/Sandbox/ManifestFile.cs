// YAML manifests to objects: the same files people give to kubectl.
using System.Text.Json;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Shoal.Cli.Sandbox;

internal static class ManifestFile
{
    /// <summary>The documents of <paramref name="file"/>, empty ones left out.</summary>
    /// <exception cref="InvalidDataException">Not YAML, or not a Kubernetes object; the message names file and line.</exception>
    public static IEnumerable<UntypedObject> Read(string file)
    {
        var stream = new YamlStream();
        try
        {
            using var text = File.OpenText(file);
            stream.Load(text);
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"{file}:{e.Start.Line}: {e.Message}", e);
        }

        foreach (var document in stream.Documents)
        {
            if (document.RootNode is YamlScalarNode { Value: null or "" }) continue;
            var o = KubernetesJson.Read<UntypedObject>(JsonSerializer.Serialize(ToTree(document.RootNode)));
            if (o.ApiVersion is null || o.Kind is null || o.Metadata.Name is null)
                throw new InvalidDataException($"{file}:{document.RootNode.Start.Line}: apiVersion, kind and metadata.name are required");
            yield return o;
        }
    }

    private static object? ToTree(YamlNode node) => node switch
    {
        YamlMappingNode map => map.Children.ToDictionary(c => ((YamlScalarNode)c.Key).Value ?? "", c => ToTree(c.Value)),
        YamlSequenceNode list => list.Children.Select(ToTree).ToList(),
        YamlScalarNode { Style: ScalarStyle.Plain } s => Plain(s.Value ?? ""),
        YamlScalarNode s => s.Value,
        _ => null,
    };

    // The YAML 1.2 core schema, which is what Kubernetes's own reader resolves plain scalars by.
    private static object? Plain(string value) => value switch
    {
        "" or "~" or "null" => null,
        "true" => true,
        "false" => false,
        _ when long.TryParse(value, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var n) => n,
        _ when double.TryParse(value, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var d) => d,
        _ => value,
    };
}
