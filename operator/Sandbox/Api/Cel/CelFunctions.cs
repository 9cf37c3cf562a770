// Operators and functions: CEL's standard ones and the Kubernetes additions validation rules use (lists, regex, quantity, url-free).
using System.Globalization;
using System.Text.RegularExpressions;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Api.Cel;

/// <summary>What type(x) gives.</summary>
internal sealed record CelTypeName(string Name);

internal static class CelFunctions
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    private static readonly HashSet<string> Operators = ["&&", "||", "?:", "!", "neg", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"];

    private static readonly HashSet<string> Globals =
    [
        "size", "int", "uint", "double", "string", "bool", "duration", "timestamp", "dyn", "type", "quantity", "isQuantity", "matches", "isURL", "isIP",
    ];

    private static readonly HashSet<string> Members =
    [
        "size", "contains", "startsWith", "endsWith", "matches", "lowerAscii", "upperAscii", "trim", "split", "join", "replace", "substring", "indexOf",
        "lastIndexOf", "charAt", "find", "findAll", "isSorted", "sum", "min", "max", "isGreaterThan", "isLessThan", "compareTo", "asInteger", "isInteger",
        "asApproximateFloat", "sign", "add", "sub", "hasValue", "value", "orValue", "or", "getHours", "getMinutes", "getSeconds", "getMilliseconds", "getFullYear",
    ];

    public static bool IsKnown(CelCall call) => call.Target is null ? Operators.Contains(call.Function) || Globals.Contains(call.Function) : Members.Contains(call.Function);

    public static bool IsTypeName(string name) => name is "int" or "uint" or "double" or "bool" or "string" or "list" or "map" or "null_type" or "bytes";

    public static string CanonicalTypeName(string name) => name == "uint" ? "int" : name;

    public static object? Global(string function, List<object?> a)
    {
        switch (function, a.Count)
        {
            case ("==", 2): return CelValues.AreEqual(a[0], a[1]);
            case ("!=", 2): return !CelValues.AreEqual(a[0], a[1]);
            case ("<", 2): return CelValues.Compare(a[0], a[1]) < 0;
            case ("<=", 2): return CelValues.Compare(a[0], a[1]) <= 0;
            case (">", 2): return CelValues.Compare(a[0], a[1]) > 0;
            case (">=", 2): return CelValues.Compare(a[0], a[1]) >= 0;
            case ("in", 2):
                return a[1] switch
                {
                    IReadOnlyList<object?> list => list.Any(e => CelValues.AreEqual(e, a[0])),
                    CelMap map => map.TryGet(a[0], out _),
                    _ => throw NoOverload(function, a),
                };
            case ("+" or "-" or "*" or "/" or "%", 2): return Arithmetic(function, a);
            case ("neg", 1):
                return a[0] switch { long whole => checked(-whole), double real => -real, _ => throw NoOverload("-", a) };
            case ("type", 1): return new CelTypeName(CelValues.TypeName(a[0]));
            case ("dyn", 1): return a[0];
            case ("size", 1): return Member(a[0], "size", []);
            case ("matches", 2): return Member(a[0], "matches", [a[1]]);
            case ("quantity", 1): return a[0] is string text && Quantity.TryParse(text, out var amount) ? amount : throw new CelException("quantities must match the regular expression of resource.Quantity");
            case ("isQuantity", 1): return a[0] is string candidate && Quantity.TryParse(candidate, out _);
            case ("isURL", 1): return a[0] is string url && Uri.TryCreate(url, UriKind.Absolute, out _);
            case ("isIP", 1): return a[0] is string ip && System.Net.IPAddress.TryParse(ip, out _);
            default: return a.Count == 1 ? Convert(function, a) : throw NoOverload(function, a);
        }
    }

    public static object? Member(object? target, string function, List<object?> a)
    {
        var result = target switch
        {
            string text => OfText(text, function, a),
            IReadOnlyList<object?> list => OfList(list, function, a),
            CelMap map when function == "size" => (long)map.Count,
            decimal quantity => OfQuantity(quantity, function, a),
            CelOptional optional => OfOptional(optional, function, a),
            TimeSpan span => function switch
            {
                "getHours" => (long)span.TotalHours, "getMinutes" => (long)span.TotalMinutes,
                "getSeconds" => (long)span.TotalSeconds, "getMilliseconds" => (long)span.TotalMilliseconds, _ => Missing.Instance,
            },
            DateTimeOffset at => function switch
            {
                "getHours" => (long)at.UtcDateTime.Hour, "getMinutes" => (long)at.UtcDateTime.Minute, "getSeconds" => (long)at.UtcDateTime.Second,
                "getMilliseconds" => (long)at.UtcDateTime.Millisecond, "getFullYear" => (long)at.UtcDateTime.Year, _ => Missing.Instance,
            },
            _ => Missing.Instance,
        };
        return result is Missing ? throw NoOverload(function, [target, .. a]) : result;
    }

    private static object? OfText(string text, string function, List<object?> a) => (function, a) switch
    {
        ("size", []) => (long)new StringInfo(text).LengthInTextElements,
        ("contains", [string part]) => text.Contains(part, StringComparison.Ordinal),
        ("startsWith", [string part]) => text.StartsWith(part, StringComparison.Ordinal),
        ("endsWith", [string part]) => text.EndsWith(part, StringComparison.Ordinal),
        ("matches", [string pattern]) => Pattern(pattern).IsMatch(text),
        ("find", [string pattern]) => Pattern(pattern).Match(text).Value,
        ("findAll", [string pattern]) => Pattern(pattern).Matches(text).Select(m => (object?)m.Value).ToList(),
        ("lowerAscii", []) => text.ToLowerInvariant(),
        ("upperAscii", []) => text.ToUpperInvariant(),
        ("trim", []) => text.Trim(),
        ("split", [string by]) => text.Split(by).Select(p => (object?)p).ToList(),
        ("split", [string by, long most]) => text.Split(by, most < 0 ? int.MaxValue : (int)most).Select(p => (object?)p).ToList(),
        ("replace", [string old, string fresh]) => text.Replace(old, fresh, StringComparison.Ordinal),
        ("substring", [long from]) when from >= 0 && from <= text.Length => text[(int)from..],
        ("substring", [long from, long to]) when from >= 0 && from <= to && to <= text.Length => text[(int)from..(int)to],
        ("charAt", [long at]) when at >= 0 && at < text.Length => text[(int)at].ToString(),
        ("indexOf", [string part]) => (long)text.IndexOf(part, StringComparison.Ordinal),
        ("lastIndexOf", [string part]) => (long)text.LastIndexOf(part, StringComparison.Ordinal),
        _ => Missing.Instance,
    };

    private static object? OfList(IReadOnlyList<object?> list, string function, List<object?> a) => (function, a) switch
    {
        ("size", []) => (long)list.Count,
        ("join", []) => string.Concat(list.Select(e => e as string)),
        ("join", [string by]) => string.Join(by, list.Select(e => e as string)),
        ("indexOf", [var wanted]) => (long)list.ToList().FindIndex(e => CelValues.AreEqual(e, wanted)),
        ("lastIndexOf", [var wanted]) => (long)list.ToList().FindLastIndex(e => CelValues.AreEqual(e, wanted)),
        ("isSorted", []) => list.Zip(list.Skip(1)).All(p => CelValues.Compare(p.First, p.Second) <= 0),
        ("sum", []) => list.Aggregate((object?)0L, (sum, e) => Arithmetic("+", [sum, e])),
        ("min", []) when list.Count > 0 => list.Aggregate((least, e) => CelValues.Compare(e, least) < 0 ? e : least),
        ("max", []) when list.Count > 0 => list.Aggregate((most, e) => CelValues.Compare(e, most) > 0 ? e : most),
        _ => Missing.Instance,
    };

    private static object? OfQuantity(decimal quantity, string function, List<object?> a) => (function, a) switch
    {
        ("isGreaterThan", [decimal other]) => quantity > other,
        ("isLessThan", [decimal other]) => quantity < other,
        ("compareTo", [decimal other]) => (long)quantity.CompareTo(other),
        ("add", [decimal other]) => quantity + other,
        ("add", [long other]) => quantity + other,
        ("sub", [decimal other]) => quantity - other,
        ("sub", [long other]) => quantity - other,
        ("sign", []) => (long)Math.Sign(quantity),
        ("isInteger", []) => quantity == decimal.Truncate(quantity) && quantity is >= long.MinValue and <= long.MaxValue,
        ("asInteger", []) => quantity == decimal.Truncate(quantity) ? (long)quantity : throw new CelException("cannot convert value to integer"),
        ("asApproximateFloat", []) => (double)quantity,
        _ => Missing.Instance,
    };

    private static object? OfOptional(CelOptional optional, string function, List<object?> a) => (function, a) switch
    {
        ("hasValue", []) => optional.HasValue,
        ("value", []) => optional.HasValue ? optional.Value : throw new CelException("optional.none() dereference"),
        ("orValue", [var other]) => optional.HasValue ? optional.Value : other,
        ("or", [CelOptional other]) => optional.HasValue ? optional : other,
        _ => Missing.Instance,
    };

    private static object? Arithmetic(string sign, List<object?> a)
    {
        try
        {
            return (sign, a[0], a[1]) switch
            {
                ("+", long x, long y) => checked(x + y),
                ("-", long x, long y) => checked(x - y),
                ("*", long x, long y) => checked(x * y),
                ("/", long x, long y) => y == 0 ? throw new CelException("division by zero") : checked(x / y),
                ("%", long x, long y) => y == 0 ? throw new CelException("modulus by zero") : x % y,
                ("+", double x, double y) => x + y,
                ("-", double x, double y) => x - y,
                ("*", double x, double y) => x * y,
                ("/", double x, double y) => x / y,
                ("+", string x, string y) => x + y,
                ("+", IReadOnlyList<object?> x, IReadOnlyList<object?> y) => x.Concat(y).ToList(),
                ("+", TimeSpan x, TimeSpan y) => x + y,
                ("-", TimeSpan x, TimeSpan y) => x - y,
                ("+", DateTimeOffset x, TimeSpan y) => x + y,
                ("-", DateTimeOffset x, TimeSpan y) => x - y,
                ("-", DateTimeOffset x, DateTimeOffset y) => x - y,
                _ => throw NoOverload(sign, a),
            };
        }
        catch (OverflowException)
        {
            throw new CelException("integer overflow");
        }
    }

    private static object? Convert(string function, List<object?> a) => (function, a[0]) switch
    {
        ("int" or "uint", long whole) => whole,
        ("int" or "uint", double real) when Math.Abs(real) < 9.2e18 => (long)real,
        ("int" or "uint", string text) when long.TryParse(text, CultureInfo.InvariantCulture, out var parsed) => parsed,
        ("int", DateTimeOffset at) => at.ToUnixTimeSeconds(),
        ("double", long whole) => (double)whole,
        ("double", double real) => real,
        ("double", string text) when double.TryParse(text, CultureInfo.InvariantCulture, out var parsed) => parsed,
        ("string", string text) => text,
        ("string", bool flag) => flag ? "true" : "false",
        ("string", long or double) => System.Convert.ToString(a[0], CultureInfo.InvariantCulture),
        ("bool", bool flag) => flag,
        ("bool", string text) when bool.TryParse(text, out var parsed) => parsed,
        ("duration", string text) => Duration(text),
        ("timestamp", string text) when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) => at,
        _ => throw NoOverload(function, a),
    };

    private static TimeSpan Duration(string text)
    {
        var matches = Regex.Matches(text, @"([0-9]+(?:\.[0-9]+)?)(ms|us|ns|h|m|s)", RegexOptions.CultureInvariant, PatternTimeout);
        if (matches.Count == 0 || string.Concat(matches.Select(m => m.Value)) != text.TrimStart('-', '+')) throw new CelException($"invalid duration '{text}'");
        var total = TimeSpan.Zero;
        foreach (Match match in matches)
        {
            var amount = double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            total += match.Groups[2].Value switch
            {
                "h" => TimeSpan.FromHours(amount), "m" => TimeSpan.FromMinutes(amount), "s" => TimeSpan.FromSeconds(amount),
                "ms" => TimeSpan.FromMilliseconds(amount), "us" => TimeSpan.FromMicroseconds(amount), _ => TimeSpan.FromMicroseconds(amount / 1000),
            };
        }
        return text.StartsWith('-') ? -total : total;
    }

    private static Regex Pattern(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, PatternTimeout);
        }
        catch (ArgumentException)
        {
            throw new CelException($"invalid regular expression '{pattern}'");
        }
    }

    private static CelException NoOverload(string function, List<object?> a) =>
        new($"no such overload: {function}({string.Join(", ", a.Select(CelValues.TypeName))})");

    private sealed class Missing
    {
        public static readonly Missing Instance = new();
    }
}
