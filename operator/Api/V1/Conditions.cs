// Every condition type, reason and phase the operator writes, once; operator/README.md says what each means.
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Api.V1;

/// <summary>Condition types of a CacheCluster.</summary>
public static class Conditions
{
    /// <summary>Every slot is served, every node is ready, nothing is left to do.</summary>
    public const string Ready = "Ready";

    /// <summary>Every slot has an owner that answers.</summary>
    public const string Available = "Available";

    /// <summary>An operation is under way.</summary>
    public const string Progressing = "Progressing";

    /// <summary>Something is wrong that the operator cannot or may not repair.</summary>
    public const string Degraded = "Degraded";

    /// <summary>The cluster was started.</summary>
    public const string Bootstrapped = "Bootstrapped";

    /// <summary>All 16384 slots have an owner.</summary>
    public const string SlotsAssigned = "SlotsAssigned";

    /// <summary>Slots are spread evenly.</summary>
    public const string SlotsBalanced = "SlotsBalanced";

    /// <summary>Every replica follows its primary.</summary>
    public const string ReplicationHealthy = "ReplicationHealthy";

    /// <summary>Every pod runs the current template.</summary>
    public const string UpToDate = "UpToDate";

    /// <summary>Every node runs with the memory and resources asked for.</summary>
    public const string ResourcesApplied = "ResourcesApplied";

    /// <summary>The spec can be carried out.</summary>
    public const string SpecAccepted = "SpecAccepted";

    /// <summary>Every volume has the size asked for.</summary>
    public const string StorageReady = "StorageReady";

    /// <summary>Every node asks for the password of spec.auth.</summary>
    public const string UsersApplied = "UsersApplied";

    /// <summary>The last backup succeeded.</summary>
    public const string LastBackupSucceeded = "LastBackupSucceeded";

    /// <summary>Sets a condition, keeping its transition time while its status stays the same.</summary>
    public static void Set(
        List<V1Condition> conditions, string type, bool? status, string reason, string message, long? generation, DateTimeOffset now)
    {
        var text = status switch { true => "True", false => "False", null => "Unknown" };
        var have = conditions.Find(c => c.Type == type);
        if (have is null)
        {
            have = new V1Condition { Type = type };
            conditions.Add(have);
        }

        if (have.Status != text)
        {
            have.Status = text;
            have.LastTransitionTime = now;
        }

        have.Reason = reason;
        have.Message = message;
        have.ObservedGeneration = generation;
    }
}

/// <summary>Values of status.phase.</summary>
public static class Phases
{
    public const string Pending = "Pending";
    public const string Bootstrapping = "Bootstrapping";
    public const string Restoring = "Restoring";
    public const string Healthy = "Healthy";
    public const string ScalingOut = "ScalingOut";
    public const string ScalingIn = "ScalingIn";
    public const string Rebalancing = "Rebalancing";
    public const string Resizing = "Resizing";
    public const string Updating = "Updating";
    public const string FailingOver = "FailingOver";
    public const string Degraded = "Degraded";
    public const string Paused = "Paused";
    public const string Hibernated = "Hibernated";
    public const string WaitingForUser = "WaitingForUser";
    public const string Failed = "Failed";
}
