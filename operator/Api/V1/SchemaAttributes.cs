// What a C# type cannot say by itself about the fields of our custom resources: bounds, enums, patterns, defaults, rules.
// CrdWriter turns these into structural schema (checked by every API server since 1.16) and CEL rules (since 1.25).
namespace Shoal.Operator.Api.V1;

/// <summary>The string is one of these.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(params string[] values) : Attribute
{
    /// <summary>The accepted values.</summary>
    public IReadOnlyList<string> Values { get; } = values;
}

/// <summary>Inclusive bounds of an integer; of the number of items of a list or characters of a string.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BoundsAttribute(long min, long max) : Attribute
{
    /// <summary>Smallest accepted value.</summary>
    public long Min { get; } = min;

    /// <summary>Largest accepted value.</summary>
    public long Max { get; } = max;
}

/// <summary>The integer may lie within its bounds but not be this one.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ExceptAttribute(long value) : Attribute
{
    /// <summary>The refused value.</summary>
    public long Value { get; } = value;
}

/// <summary>The string matches this ECMA 262 pattern.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PatternAttribute(string pattern) : Attribute
{
    /// <summary>The expression.</summary>
    public string Pattern { get; } = pattern;
}

/// <summary>What the API server fills in when the field is left out.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DefaultAttribute(object value) : Attribute
{
    /// <summary>A string, integer or boolean.</summary>
    public object Value { get; } = value;
}

/// <summary>The field must be given.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RequiredFieldAttribute : Attribute;

/// <summary>The schema of this field is left to someone else: any object is kept as given.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OpenSchemaAttribute : Attribute;

/// <summary>A CEL rule on a type or field; a rule that mentions <c>oldSelf</c> guards changes.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class, AllowMultiple = true)]
public sealed class RuleAttribute(string rule, string message) : Attribute
{
    /// <summary>The expression over <c>self</c>.</summary>
    public string Rule { get; } = rule;

    /// <summary>What the user reads when it does not hold.</summary>
    public string Message { get; } = message;
}

/// <summary>A column of <c>kubectl get</c>, in order of declaration on the kind.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class ColumnAttribute(string name, string type, string jsonPath, int order) : Attribute
{
    /// <summary>The heading.</summary>
    public string Name { get; } = name;

    /// <summary><c>string</c>, <c>integer</c> or <c>date</c>.</summary>
    public string Type { get; } = type;

    /// <summary>Where the value is.</summary>
    public string JsonPath { get; } = jsonPath;

    /// <summary>Position from the left.</summary>
    public int Order { get; } = order;

    /// <summary>Shown by <c>-o wide</c> only.</summary>
    public bool Wide { get; set; }

    /// <summary>What the value means.</summary>
    public string? Description { get; set; }
}

/// <summary>Short names of the kind, and where its scale subresource finds replicas when it has one.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CustomResourceAttribute(params string[] shortNames) : Attribute
{
    /// <summary>Accepted by kubectl beside the plural.</summary>
    public IReadOnlyList<string> ShortNames { get; } = shortNames;

    /// <summary><c>specPath statusPath selectorPath</c>, or null for no scale subresource.</summary>
    public string? Scale { get; set; }
}
