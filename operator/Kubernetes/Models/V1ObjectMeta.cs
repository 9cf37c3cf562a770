// Metadata of objects and lists, owner references, conditions and the Status the API server answers errors with.

using System.Text.Json.Serialization;

namespace Shoal.Operator.Kubernetes.Models;

public sealed class V1ObjectMeta : OpenModel
{
    public string? Name { get; set; }
    public string? GenerateName { get; set; }

    /// <summary>Null on cluster-scoped objects.</summary>
    [JsonPropertyName("namespace")]
    public string? Namespace { get; set; }

    public string? Uid { get; set; }

    /// <summary>Opaque; only ever compared for equality or handed back.</summary>
    public string? ResourceVersion { get; set; }

    public long? Generation { get; set; }
    public DateTimeOffset? CreationTimestamp { get; set; }
    public DateTimeOffset? DeletionTimestamp { get; set; }
    public long? DeletionGracePeriodSeconds { get; set; }
    public Dictionary<string, string>? Labels { get; set; }
    public Dictionary<string, string>? Annotations { get; set; }
    public List<V1OwnerReference>? OwnerReferences { get; set; }
    public List<string>? Finalizers { get; set; }
}

public sealed class V1OwnerReference : OpenModel
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public string? Name { get; set; }
    public string? Uid { get; set; }
    public bool? Controller { get; set; }
    public bool? BlockOwnerDeletion { get; set; }

    /// <summary>A controller reference to <paramref name="owner"/>, which must have been read from the server (it needs a uid).</summary>
    public static V1OwnerReference To(IKubernetesObject owner, bool blockOwnerDeletion = true) => new()
    {
        ApiVersion = owner.ApiVersion,
        Kind = owner.Kind,
        Name = owner.Metadata.Name,
        Uid = owner.Metadata.Uid,
        Controller = true,
        BlockOwnerDeletion = blockOwnerDeletion,
    };
}

public sealed class V1ListMeta : OpenModel
{
    public string? ResourceVersion { get; set; }
    public string? Continue { get; set; }
    public long? RemainingItemCount { get; set; }
}

/// <summary>A page, or a whole list, of objects. Items of a list carry no apiVersion and kind on the wire; the client fills them in.</summary>
public sealed class KubernetesList<T> : OpenModel
{
    public string? ApiVersion { get; set; }
    public string? Kind { get; set; }
    public V1ListMeta Metadata { get; set; } = new();
    public List<T> Items { get; set; } = [];

    /// <summary>The version a watch continues from.</summary>
    [JsonIgnore]
    public string? ResourceVersion => Metadata.ResourceVersion;
}

/// <summary>A condition as metav1.Condition draws it; used in our CRDs too.</summary>
public sealed class V1Condition : OpenModel
{
    public string? Type { get; set; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string? Status { get; set; }

    public string? Reason { get; set; }
    public string? Message { get; set; }
    public long? ObservedGeneration { get; set; }
    public DateTimeOffset? LastTransitionTime { get; set; }
}

/// <summary>What the API server answers when a call fails (and when a delete succeeds).</summary>
public sealed class V1Status : OpenModel
{
    public string? ApiVersion { get; set; } = "v1";
    public string? Kind { get; set; } = "Status";
    public V1ListMeta? Metadata { get; set; }
    public string? Status { get; set; }
    public string? Message { get; set; }
    public string? Reason { get; set; }
    public V1StatusDetails? Details { get; set; }
    public int? Code { get; set; }
}

public sealed class V1StatusDetails : OpenModel
{
    public string? Name { get; set; }
    public string? Group { get; set; }
    public string? Kind { get; set; }
    public string? Uid { get; set; }
    public List<V1StatusCause>? Causes { get; set; }
    public int? RetryAfterSeconds { get; set; }
}

public sealed class V1StatusCause : OpenModel
{
    public string? Reason { get; set; }
    public string? Message { get; set; }
    public string? Field { get; set; }
}

public sealed class V1LabelSelector : OpenModel
{
    public Dictionary<string, string>? MatchLabels { get; set; }
    public List<V1LabelSelectorRequirement>? MatchExpressions { get; set; }

    /// <summary>Whether an object with these labels is selected. An empty selector selects everything.</summary>
    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        foreach (var (key, value) in MatchLabels ?? [])
        {
            if (labels is null || !labels.TryGetValue(key, out var got) || got != value)
            {
                return false;
            }
        }

        return (MatchExpressions ?? []).TrueForAll(e => e.Matches(labels));
    }
}

public sealed class V1LabelSelectorRequirement : OpenModel
{
    public string Key { get; set; } = "";

    /// <summary><c>In</c>, <c>NotIn</c>, <c>Exists</c> or <c>DoesNotExist</c>.</summary>
    [JsonPropertyName("operator")]
    public string Operator { get; set; } = "";

    public List<string>? Values { get; set; }

    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        string? got = null;
        var has = labels is not null && labels.TryGetValue(Key, out got);
        return Operator switch
        {
            "In" => has && Values?.Contains(got!) == true,
            "NotIn" => !has || Values?.Contains(got!) != true,
            "Exists" => has,
            "DoesNotExist" => !has,
            _ => false,
        };
    }
}
