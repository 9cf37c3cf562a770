// Kubernetes quantities: a decimal with a binary (Ki, Mi, ...), decimal (m, k, M, ...) or exponent (e3) suffix.
using System.Globalization;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources;

internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1024m), ("Mi", 1048576m), ("Gi", 1073741824m), ("Ti", 1099511627776m), ("Pi", 1125899906842624m), ("Ei", 1152921504606846976m),
        ("n", 0.000000001m), ("u", 0.000001m), ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    /// <summary>The plain number a quantity stands for; false when the text is none.</summary>
    public static bool TryParse(string? text, out decimal value)
    {
        value = 0;
        if (string.IsNullOrEmpty(text)) return false;
        var factor = 1m;
        var number = text;
        foreach (var (suffix, by) in Suffixes)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal)) continue;
            (number, factor) = (text[..^suffix.Length], by);
            break;
        }
        const NumberStyles Plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        var style = factor == 1m ? Plain | NumberStyles.AllowExponent : Plain;
        if (!decimal.TryParse(number, style, CultureInfo.InvariantCulture, out var parsed)) return false;
        try
        {
            value = parsed * factor;
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    public static bool TryParse(JsonNode? node, out decimal value) => TryParse(node.AsText(), out value);
}
