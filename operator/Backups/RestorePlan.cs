// What a restore starts from: the manifest of a complete backup and where it lies.
using Shoal.Operator.Api.V1;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Backups;

/// <summary>A backup found good to start from.</summary>
/// <param name="Store">Where it lies.</param>
/// <param name="BackupId">Its folder.</param>
/// <param name="Shards">Slots of each file, by index.</param>
public sealed record RestorePlan(ObjectStoreSpec Store, string BackupId, IReadOnlyList<SlotSet> Shards);
