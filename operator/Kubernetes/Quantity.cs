// Resource quantities ("500m", "1Gi", "1e3"): the arithmetic our code needs, exact within decimal's 28 digits.
// Grammar: apimachinery resource.Quantity, signedNumber followed by a decimal SI, binary SI or exponent suffix.

using System.Globalization;

namespace Shoal.Operator.Kubernetes;

/// <summary>Reads and writes Kubernetes quantities.</summary>
public static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1024m), ("Mi", 1048576m), ("Gi", 1073741824m), ("Ti", 1099511627776m), ("Pi", 1125899906842624m), ("Ei", 1152921504606846976m),
        ("n", 1e-9m), ("u", 1e-6m), ("m", 1e-3m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    /// <summary>The value in units (bytes, cores).</summary>
    /// <exception cref="FormatException">Not a quantity.</exception>
    public static decimal Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not a quantity such as 500m or 2Gi");

    /// <summary>The value rounded up to whole units, as the API server does for bytes.</summary>
    /// <exception cref="FormatException">Not a quantity, or beyond 2^63.</exception>
    public static long Bytes(string text)
    {
        var value = decimal.Ceiling(Parse(text));
        return value is >= long.MinValue and <= long.MaxValue ? (long)value : throw new FormatException($"'{text}' is too large");
    }

    public static bool TryParse(string? text, out decimal value)
    {
        value = 0;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        foreach (var (suffix, factor) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                return TryNumber(text[..^suffix.Length], NumberStyles.None, out value) && TryMultiply(ref value, factor);
            }
        }

        return TryNumber(text, NumberStyles.AllowExponent, out value);
    }

    /// <summary>Bytes with the largest binary suffix that loses nothing.</summary>
    public static string FromBytes(long bytes)
    {
        ReadOnlySpan<string> units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
        var unit = 0;
        while (bytes != 0 && bytes % 1024 == 0 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return bytes.ToString(CultureInfo.InvariantCulture) + units[unit];
    }

    /// <summary>Whether two quantities are the same amount ("1Gi" and "1024Mi").</summary>
    public static bool AreEqual(string? a, string? b) =>
        a == b || (TryParse(a, out var x) && TryParse(b, out var y) && x == y);

    private static bool TryNumber(string text, NumberStyles extra, out decimal value) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | extra, CultureInfo.InvariantCulture, out value);

    private static bool TryMultiply(ref decimal value, decimal factor)
    {
        if (Math.Abs(value) > decimal.MaxValue / Math.Max(factor, 1))
        {
            return false;
        }

        value *= factor;
        return true;
    }
}
