// One atomic slot migration as CLUSTER GETSLOTMIGRATIONS shows it, on either side.
using Shoal.Protocol.Slots;

namespace Shoal.Server.Cluster.Migration;

/// <summary>Where a migration stands. The last three are final.</summary>
internal enum MigrationPhase
{
    Connecting,
    Snapshotting,
    Streaming,
    Paused,
    Committing,
    Success,
    Failed,
    Cancelled,
}

internal sealed class MigrationTask(string id, bool isExport, SlotSet slots, string sourceId, string targetId, long nowMs)
{
    public string Id { get; } = id;
    public bool IsExport { get; } = isExport;
    public SlotSet Slots { get; } = slots;
    public string SourceId { get; } = sourceId;
    public string TargetId { get; } = targetId;
    public long CreatedMs { get; } = nowMs;
    public long UpdatedMs { get; private set; } = nowMs;
    public MigrationPhase Phase { get; private set; } = MigrationPhase.Connecting;
    public string Message { get; private set; } = "";
    /// <summary>Keys of the snapshot sent or received.</summary>
    public long Keys { get; set; }
    public long TotalKeys { get; set; }
    public long Bytes { get; set; }
    /// <summary>How long writes were paused.</summary>
    public long PauseMs { get; set; }

    public bool IsOver => Phase >= MigrationPhase.Success;

    public void Enter(MigrationPhase phase, long nowMs, string message = "")
    {
        Phase = phase;
        UpdatedMs = nowMs;
        if (message.Length > 0) Message = message;
    }
}
