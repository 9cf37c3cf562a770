// One row of the API: how a resource is called, where it is stored, which subresources it has and whose rules it follows.
using Shoal.Sandbox.Api.Patching;
using Shoal.Sandbox.Api.Schemas;
using Shoal.Sandbox.Api.Tables;

namespace Shoal.Sandbox.Api.Resources;

/// <summary>Where a scale subresource finds its numbers in the object.</summary>
internal sealed record ScalePaths(string[] SpecReplicas, string[] StatusReplicas, string[]? Selector);

internal sealed record ResourceType
{
    public required string Group { get; init; }
    public required string Version { get; init; }
    public required string Kind { get; init; }
    public required string Plural { get; init; }
    public required bool Namespaced { get; init; }
    public string Singular => SingularName ?? Kind.ToLowerInvariant();
    public string? SingularName { get; init; }
    public string ListKind => ListKindName ?? Kind + "List";
    public string? ListKindName { get; init; }
    public IReadOnlyList<string> ShortNames { get; init; } = [];
    public IReadOnlyList<string> Categories { get; init; } = [];
    public bool HasStatus { get; init; }
    public ScalePaths? Scale { get; init; }

    /// <summary>Subresources besides status and scale, with the kind each speaks.</summary>
    public IReadOnlyList<(string Name, string Kind, string Verb)> Actions { get; init; } = [];

    /// <summary>True when metadata.generation counts changes of what the user wants.</summary>
    public bool CountsGeneration { get; init; }

    public IReadOnlySet<string> SelectableFields { get; init; } = new HashSet<string>();

    public ResourceRules Rules { get; init; } = ResourceRules.None;

    /// <summary>How lists inside merge (strategic merge and server-side apply).</summary>
    public Shape Shape { get; init; } = Shape.Open;

    public IReadOnlyList<Column> Columns { get; init; } = Column.NameAndAge;

    /// <summary>Set for custom resources only.</summary>
    public StructuralSchema? Schema { get; init; }

    public bool IsCustom => Schema is not null;

    /// <summary>The name its objects are stored under; versions of one resource share it.</summary>
    public string Storage => $"{StorageGroup ?? Group}/{Plural}";
    public string? StorageGroup { get; init; }

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    public string QualifiedPlural => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public override string ToString() => $"{QualifiedPlural}/{Version}";
}
