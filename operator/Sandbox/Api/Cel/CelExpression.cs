// A compiled rule: parsed, its names checked, ready to be evaluated any number of times.
namespace Shoal.Sandbox.Api.Cel;

internal sealed class CelExpression
{
    private static readonly string[] Macros = ["all", "exists", "exists_one", "map", "filter"];
    private readonly CelNode root;

    private CelExpression(CelNode root, IReadOnlySet<string> variables) => (this.root, Variables) = (root, variables);

    /// <summary>Which of the offered variables the expression reads.</summary>
    public IReadOnlySet<string> Variables { get; }

    /// <summary>Throws CelException when the text does not parse, or names a variable or function there is none of.</summary>
    public static CelExpression Compile(string text, params string[] variables)
    {
        var root = CelParser.Parse(text);
        var used = new HashSet<string>();
        Check(root, [.. variables], used);
        return new CelExpression(root, used);
    }

    /// <summary>Throws CelException when the evaluation ends in an error.</summary>
    public object? Evaluate(IReadOnlyDictionary<string, object?> variables) => new CelEvaluator(variables).Evaluate(root);

    private static void Check(CelNode node, HashSet<string> known, HashSet<string> used)
    {
        switch (node)
        {
            case CelName name:
                if (!known.Contains(name.Name) && !CelFunctions.IsTypeName(name.Name)) throw new CelException($"undeclared reference to '{name.Name}' (in container '')");
                used.Add(name.Name);
                break;
            case CelField field:
                Check(field.Target, known, used);
                break;
            case CelIndex index:
                Check(index.Target, known, used);
                Check(index.Key, known, used);
                break;
            case CelListNode list:
                foreach (var element in list.Elements) Check(element, known, used);
                break;
            case CelMapNode map:
                foreach (var (key, value) in map.Entries)
                {
                    Check(key, known, used);
                    Check(value, known, used);
                }
                break;
            case CelCall call:
                CheckCall(call, known, used);
                break;
        }
    }

    private static void CheckCall(CelCall call, HashSet<string> known, HashSet<string> used)
    {
        if (call is { Target: { } target } && Macros.Contains(call.Function) && call.Arguments.Count is 2 or 3)
        {
            if (call.Arguments[0] is not CelName variable) throw new CelException($"argument of {call.Function} must be a simple name");
            Check(target, known, used);
            HashSet<string> inner = [.. known, variable.Name];
            foreach (var argument in call.Arguments.Skip(1)) Check(argument, inner, used);
            return;
        }
        if (call is { Target: null, Function: "has" } && call.Arguments is not [CelField]) throw new CelException("invalid argument to has() macro");
        // optional.of(x) and optional.none() read like members of a variable.
        if (call is { Target: CelName { Name: "optional" }, Function: "of" or "none" or "ofNonZeroValue" })
        {
            foreach (var argument in call.Arguments) Check(argument, known, used);
            return;
        }
        if (call is not { Target: null, Function: "has" } && !CelFunctions.IsKnown(call)) throw new CelException($"undeclared reference to '{call.Function}' (in container '')");
        if (call.Target is not null) Check(call.Target, known, used);
        foreach (var argument in call.Arguments) Check(argument, known, used);
    }
}
