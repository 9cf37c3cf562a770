// Walks an expression. Errors are exceptions; && and || absorb one when the other side decides, as CEL defines it.
namespace Shoal.Sandbox.Api.Cel;

internal sealed class CelEvaluator(IReadOnlyDictionary<string, object?> variables)
{
    /// <summary>Bounds the work of one rule; real servers bound it by estimated cost.</summary>
    private const int MostSteps = 1_000_000;

    private readonly Dictionary<string, object?> scope = new(variables);
    private int steps;

    public object? Evaluate(CelNode node)
    {
        if (++steps > MostSteps) throw new CelException("operation cancelled: actual cost limit exceeded");
        return node switch
        {
            CelLiteral literal => literal.Value,
            CelName name => scope.TryGetValue(name.Name, out var value) ? value
                : CelFunctions.IsTypeName(name.Name) ? new CelTypeName(CelFunctions.CanonicalTypeName(name.Name)) : throw new CelException($"no such attribute: {name.Name}"),
            CelField field => Field(field),
            CelIndex index => Index(index),
            CelListNode list => list.Elements.Select(Evaluate).ToList(),
            CelMapNode map => new CelMap(map.Entries.Select(e => KeyValuePair.Create(Evaluate(e.Key) ?? throw new CelException("unsupported key type"), Evaluate(e.Value)))),
            CelCall call => Call(call),
            _ => throw new CelException("unknown node"),
        };
    }

    private object? Field(CelField field)
    {
        var target = Evaluate(field.Target);
        if (target is CelOptional chained)
        {
            if (!chained.HasValue) return CelOptional.None;
            return TryMember(chained.Value, field.Name, out var inner) ? new CelOptional(true, inner) : CelOptional.None;
        }
        if (field.Optional) return TryMember(target, field.Name, out var maybe) ? new CelOptional(true, maybe) : CelOptional.None;
        return TryMember(target, field.Name, out var value) ? value : throw new CelException($"no such key: {field.Name}");
    }

    private object? Index(CelIndex index)
    {
        var target = Evaluate(index.Target);
        var key = Evaluate(index.Key);
        var chained = target as CelOptional;
        if (chained is not null) target = chained.Value;
        var found = TryElement(target, key, out var value);
        if (index.Optional || chained is not null) return found ? new CelOptional(true, value) : CelOptional.None;
        return found ? value : throw new CelException(target is CelMap ? $"no such key: {key}" : $"index out of bounds: {key}");
    }

    private static bool TryElement(object? target, object? key, out object? value)
    {
        value = null;
        if (target is CelMap map) return map.TryGet(key, out value);
        if (target is not IReadOnlyList<object?> list || key is not long at || at < 0 || at >= list.Count) return false;
        value = list[(int)at];
        return true;
    }

    private static bool TryMember(object? target, string name, out object? value)
    {
        value = null;
        if (target is null) throw new CelException($"no such key: {name}");
        if (target is not CelMap map) throw new CelException($"type '{CelValues.TypeName(target)}' does not support field selection");
        return map.TryGet(name, out value) || (name.Contains("__", StringComparison.Ordinal) && map.TryGet(Unescape(name), out value));
    }

    /// <summary>Names that are no CEL identifiers are written escaped, for example <c>foo__dash__bar</c>.</summary>
    private static string Unescape(string name)
    {
        var plain = name.Replace("__dot__", ".").Replace("__dash__", "-").Replace("__slash__", "/").Replace("__underscores__", "__");
        return plain.Length > 4 && plain.StartsWith("__", StringComparison.Ordinal) && plain.EndsWith("__", StringComparison.Ordinal) ? plain[2..^2] : plain;
    }

    private object? Call(CelCall call)
    {
        switch (call.Function)
        {
            case "&&": return Decide(call, decisive: false);
            case "||": return Decide(call, decisive: true);
            case "?:": return Evaluate(call.Arguments[AsBool(Evaluate(call.Arguments[0])) ? 1 : 2]);
            case "!": return !AsBool(Evaluate(call.Arguments[0]));
            case "has" when call.Target is null: return Has((CelField)call.Arguments[0]);
            case "all" or "exists" or "exists_one" or "map" or "filter" when call.Target is not null: return Comprehension(call);
            case "of" when call.Target is CelName { Name: "optional" }: return new CelOptional(true, Evaluate(call.Arguments[0]));
            case "none" when call.Target is CelName { Name: "optional" }: return CelOptional.None;
        }
        var arguments = call.Arguments.Select(Evaluate).ToList();
        return call.Target is null ? CelFunctions.Global(call.Function, arguments) : CelFunctions.Member(Evaluate(call.Target), call.Function, arguments);
    }

    private bool Has(CelField field)
    {
        var target = Evaluate(field.Target);
        if (target is CelOptional optional) target = optional.HasValue ? optional.Value : throw new CelException("optional.none() dereference");
        return TryMember(target, field.Name, out _);
    }

    private bool Decide(CelCall call, bool decisive)
    {
        CelException? failed = null;
        foreach (var side in call.Arguments)
        {
            try
            {
                if (AsBool(Evaluate(side)) == decisive) return decisive;
            }
            catch (CelException e)
            {
                failed ??= e;
            }
        }
        return failed is null ? !decisive : throw failed;
    }

    private object? Comprehension(CelCall call)
    {
        var over = Evaluate(call.Target!);
        var elements = over switch
        {
            IReadOnlyList<object?> list => list,
            CelMap map => [.. map.Keys],
            _ => throw new CelException($"expression of type '{CelValues.TypeName(over)}' cannot be range of a comprehension"),
        };
        var name = ((CelName)call.Arguments[0]).Name;
        var shadowed = scope.TryGetValue(name, out var outer);
        try
        {
            return Loop(call, elements, name);
        }
        finally
        {
            if (shadowed) scope[name] = outer;
            else scope.Remove(name);
        }
    }

    private object? Loop(CelCall call, IReadOnlyList<object?> elements, string name)
    {
        var results = new List<object?>();
        var matched = 0;
        CelException? failed = null;
        foreach (var element in elements)
        {
            scope[name] = element;
            if (call.Function == "map")
            {
                if (call.Arguments.Count == 3 && !AsBool(Evaluate(call.Arguments[1]))) continue;
                results.Add(Evaluate(call.Arguments[^1]));
                continue;
            }
            bool holds;
            try
            {
                holds = AsBool(Evaluate(call.Arguments[1]));
            }
            catch (CelException e) when (call.Function is "all" or "exists")
            {
                failed ??= e;
                continue;
            }
            if (call.Function == "all" && !holds) return false;
            if (call.Function == "exists" && holds) return true;
            if (!holds) continue;
            matched++;
            results.Add(element);
        }
        if (failed is not null) throw failed;
        return call.Function switch { "all" => true, "exists" => false, "exists_one" => matched == 1, _ => results };
    }

    private static bool AsBool(object? value) => value as bool? ?? throw new CelException($"no such overload: expected bool, found {CelValues.TypeName(value)}");
}
