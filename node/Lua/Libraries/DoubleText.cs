using System.Globalization;

namespace Shoal.Lua.Libraries;

/// <summary>%f, %e and %g of a finite number that is not negative, with any precision.</summary>
internal static class DoubleText
{
    /// <param name="value">The number.</param>
    /// <param name="precision">Digits behind the point.</param>
    /// <param name="keepPoint">The '#' flag: a point even when no digit follows.</param>
    public static string Fixed(double value, int precision, bool keepPoint)
    {
        string text = value.ToString("F" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return keepPoint && precision == 0 ? text + "." : text;
    }

    public static string Exponential(double value, int precision, bool keepPoint)
    {
        var (mantissa, exponent) = Split(value, precision);
        if (keepPoint && precision == 0) mantissa += ".";
        return mantissa + Exponent(exponent);
    }

    public static string General(double value, int precision, bool keepZeros)
    {
        if (precision == 0) precision = 1;
        var (mantissa, exponent) = Split(value, precision - 1);
        if (exponent < -4 || exponent >= precision)
            return Trim(mantissa, keepZeros) + Exponent(exponent);
        return Trim(Fixed(value, precision - 1 - exponent, keepZeros), keepZeros);
    }

    private static (string Mantissa, int Exponent) Split(double value, int precision)
    {
        string text = value.ToString("e" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        int e = text.IndexOf('e', StringComparison.Ordinal);
        return (text[..e], int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }

    private static string Exponent(int exponent) =>
        (exponent < 0 ? "e-" : "e+") + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);

    private static string Trim(string text, bool keepZeros) =>
        keepZeros || !text.Contains('.', StringComparison.Ordinal) ? text : text.TrimEnd('0').TrimEnd('.');
}
