// Removes members that are null, at any depth.
using System.Text.Json.Nodes;

namespace Shoal.Sandbox.Api.Json;

internal static class NullValues
{
    public static void Strip(JsonNode? node)
    {
        if (node is JsonObject tree)
        {
            foreach (var (name, value) in tree.ToList())
            {
                if (value is null) tree.Remove(name);
                else Strip(value);
            }
        }
        else if (node is JsonArray list)
        {
            foreach (var element in list) Strip(element);
        }
    }
}
