// Random requests that are mostly right: keys of the type the command wants, arguments near the limits it has, options in any
// mixture; and now and then something wrong, because errors are answers too.
using System.Globalization;

namespace Shoal.Conformance.Fuzz;

/// <summary>Makes requests; the same seed makes the same ones.</summary>
public sealed class CommandGenerator(int seed, IReadOnlyList<CommandShape> shapes)
{
    private static readonly string[] Integers =
        ["0", "1", "2", "3", "5", "10", "-1", "-2", "-3", "100", "-100", "1", "2", "-1", "0", "9223372036854775807", "-9223372036854775808", "1.5", "abc", "", " 1", "+1", "01"];
    private static readonly string[] Doubles =
        ["0", "1", "-1", "1.5", "2.25", "-3.75", "3e5", "0.1", "1", "2", "inf", "-inf", "nan", "abc", "1e400", "-0", "123456789012", "", " 1", "0x10", "1e-9"];
    private static readonly string[] Members =
        ["a", "b", "c", "d", "e", "1", "2", "-3", "007", "", "hello world", "3.14", "\0bin", "12345678901234567890", "a", "b", "c", "9", "10", Long];
    private static readonly string[] Bounds =
        ["0", "-1", "1", "2", "-2", "(1", "-inf", "+inf", "(2", "[a", "(b", "-", "+", "[", "a", "[c", "(", "5", "(inf", "nan"];
    private static readonly string[] Patterns = ["*", "a*", "?", "[a-c]*", "h?llo*", "\\*", "*1*", "[^a]", "k*", ""];
    private static readonly string[] Ids = ["1-1", "2-1", "3", "5-5", "0-0", "0", "-", "+", "$", "9-9", "7-*", "abc", "18446744073709551615-18446744073709551615"];
    private readonly Random _random = new(seed);
    private int _keysToCome;

    private static string Long => new('x', 70);

    /// <summary>A request.</summary>
    public string[] Next()
    {
        var shape = shapes[_random.Next(shapes.Count)];
        var request = new List<string>(shape.Words);
        _keysToCome = 0;
        foreach (var argument in shape.Arguments) Write(argument, shape, request);
        if (_random.Next(40) == 0) request.Add(Pick(Members));
        if (_random.Next(40) == 0 && request.Count > shape.Words.Length) request.RemoveAt(request.Count - 1);
        return [.. request];
    }

    private void Write(Argument argument, CommandShape shape, List<string> into)
    {
        if (argument.IsOptional && _random.Next(10) >= 3) return;
        int times = argument.Repeats ? 1 + _random.Next(3) : 1;
        if (argument.Repeats && _keysToCome > 0 && argument.Type is "key" or "integer") times = _keysToCome;
        for (int i = 0; i < times; i++)
        {
            if (argument.Token is { } token && argument.Type != "pure-token" && (i == 0 || argument.RepeatsToken)) into.Add(token);
            WriteOne(argument, shape, into);
        }
    }

    private void WriteOne(Argument argument, CommandShape shape, List<string> into)
    {
        switch (argument.Type)
        {
            case "block":
                foreach (var inner in argument.Inner) Write(inner, shape, into);
                break;
            case "oneof":
                var choices = argument.Inner.Where(a => a.Token != "BYLEX").ToList(); // defined for members of one score only
                var chosen = choices[_random.Next(choices.Count)];
                if (chosen.Token is { } token && chosen.Type != "pure-token") into.Add(token);
                WriteOne(chosen, shape, into);
                break;
            case "pure-token":
                into.Add(argument.Token ?? "");
                break;
            default:
                into.Add(Value(argument, shape));
                break;
        }
    }

    private string Value(Argument argument, CommandShape shape)
    {
        string name = argument.Name.ToLowerInvariant();
        switch (argument.Type)
        {
            case "key":
                return Key(shape);
            case "integer" when name == "numkeys":
                _keysToCome = 1 + _random.Next(3);
                return _random.Next(15) == 0 ? Pick(Integers) : _keysToCome.ToString(CultureInfo.InvariantCulture);
            case "integer" when name is "seconds" or "ttl":
                return Pick(["1000", "100000", "2000", "0", "-1", "9223372036854775807", "abc"]);
            case "integer" when name is "milliseconds":
                return Pick(["1000000", "100000000", "0", "-1", "9223372036854775807", "abc"]);
            case "integer" when name is "offset" or "start" or "end" or "index" && shape.Group is "string" or "bitmap":
                return Pick(["0", "1", "5", "40", "7", "-1", "-5", "4294967296", "abc"]);
            case "integer" when name.Contains("db", StringComparison.Ordinal):
                return Pick(["0", "1", "2", "1", "99", "-1", "abc"]);
            case "integer" when name == "cursor":
                return "0";
            case "integer":
                return Pick(Integers);
            case "unix-time":
                long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 100_000 * 100_000 + 1_000_000;
                string far = (name.Contains("milli", StringComparison.Ordinal) ? now * 1000 : now).ToString(CultureInfo.InvariantCulture);
                return Pick([far, far, far, "1", "0", "-5", "9223372036854775807"]);
            case "double":
                return Pick(name is "min" or "max" ? Bounds : Doubles);
            case "pattern":
                return Pick(Patterns);
            case "string" when name is "min" or "max" or "start" or "stop":
                return Pick(Bounds);
            case "string" when name.Contains("cursor", StringComparison.Ordinal):
                return "0";
            case "string" when shape.Group == "stream" && (name.Contains("id", StringComparison.Ordinal) || name is "start" or "end" or "threshold"):
                return Pick(Ids);
            case "string" when name == "type" && shape.Name == "SCAN":
                return Pick(["string", "list", "set", "zset", "hash", "nothing"]);
            case "string" when name is "increment":
                return Pick(Doubles);
            default:
                return Pick(Members);
        }
    }

    private string Key(CommandShape shape)
    {
        string kinds = shape.Group switch
        {
            "string" => "s", "bitmap" => "s", "list" => "l", "set" => "e", "sorted-set" => "z", "hash" => "h", "geo" => "g", "hyperloglog" => "p", "stream" => "x",
            _ => "slezhgpx",
        };
        if (shape.Name == "SORT" || shape.Name == "SORT_RO") kinds = "l"; // the order of equal elements of a set is nobody's promise
        if (_random.Next(12) == 0) kinds = "slezh";
        return kinds[_random.Next(kinds.Length)].ToString() + (1 + _random.Next(3)).ToString(CultureInfo.InvariantCulture);
    }

    private string Pick(string[] from) => from[_random.Next(from.Length)];
}
