// A cluster and its API objects in memory: nodes that keep ids and data over restarts, gossip that is instant, moves that take
// a few passes. It runs the real planner, executor and status report in virtual time, so whole journeys are unit tests.
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Backups;
using Shoal.Operator.Clusters;
using Shoal.Operator.Clusters.Desired;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Operator.Nodes;
using Shoal.Operator.Topology;
using Shoal.Protocol.Client;
using Shoal.Protocol.ClusterText;
using Shoal.Protocol.Slots;

namespace Shoal.Operator.Tests.Clusters;

internal sealed class SimulatedNode
{
    public string Id = Guid.NewGuid().ToString("N") + "00000000";
    public string Ip = "";
    public string? PrimaryId;
    public SlotSet Slots = SlotSet.Empty;
    public ulong Epoch;
    public long Used = 1 << 20;
    public long MaxBytes;
    public long Keys;
    public bool Linked = true;
    public Dictionary<string, string> Knows = []; // id -> address this node believes
    public List<SlotTask> Tasks = [];
    public List<OpenSlot> Open = [];
    public Dictionary<string, string> Passwords = new() { ["masterauth"] = "", ["requirepass"] = "" };
}

internal sealed class SimulatedPod
{
    public required SimulatedNode Node;
    public required V1Pod Pod;
    public bool IsUp = true;
}

internal sealed class SimulatedCluster : INodeAdmin
{
    public readonly CacheCluster Cluster = new()
    {
        Metadata = new() { Name = "cart", Namespace = "default", Uid = "11111111-2222-3333-4444-555555555555", Generation = 1 },
        Spec = new() { Shards = 3, ReplicasPerShard = 1, Memory = new() { MaxMemory = "100Mi" } },
    };

    public readonly Dictionary<int, V1StatefulSet> Sets = [];
    public readonly Dictionary<string, IKubernetesObject> Objects = [];
    public readonly Dictionary<(int Shard, int Ordinal), SimulatedPod> Pods = [];
    public readonly Dictionary<(int Shard, int Ordinal), SimulatedNode> Disks = [];
    public readonly List<Step> Steps = [];
    public DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public Abilities Abilities = new(Resize: true, DisruptionBudgets: ResourceType.Of<V1PodDisruptionBudget>());
    public string? RunningBackup;
    public RestorePlan? Restore;
    public AuthPlan Auth = AuthPlan.None;
    public string? FailMovesWith;
    public readonly List<(string Owner, string? Other, int Slot)> Closed = [];
    public int SlotsMoved;
    public int Forgotten;
    private int nextIp = 1;
    private ulong epoch = 1;

    public CacheClusterStatus Status => Cluster.Status!;

    public Observation Observe()
    {
        var members = Pods.Select(p =>
        {
            var report = p.Value.IsUp ? Report(p.Value.Node) : null;
            return new Member(p.Key.Shard, p.Key.Ordinal, Names.Pod("cart", p.Key.Shard, p.Key.Ordinal))
            {
                Pod = p.Value.Pod, Address = new NodeAddress(p.Value.Node.Ip, 6379), Report = report, Error = report is null ? "refused" : null,
            };
        }).ToDictionary(m => (m.Shard, m.Ordinal));
        var seen = new Observation
        {
            Cluster = KubernetesJson.Clone(Cluster), Now = Now, Images = new("shoal-node:1", "shoal-operator:1"), Abilities = Abilities,
            Shards = new Dictionary<int, V1StatefulSet>(Sets), Objects = new Dictionary<string, IKubernetesObject>(Objects), RunningBackup = RunningBackup, Auth = Auth,
            View = TopologyView.Merge(members.Values.Where(m => m.Report is not null).Select(m => m.Report!.Answer)), Restore = Restore,
        };
        foreach (var shard in seen.ShardIndexes)
        {
            for (var ordinal = 0; ordinal <= Cluster.Spec.ReplicasPerShard; ordinal++)
            {
                members.TryAdd((shard, ordinal), new Member(shard, ordinal, Names.Pod("cart", shard, ordinal)));
            }
        }

        return seen with { Members = [.. members.Values.OrderBy(m => m.Shard).ThenBy(m => m.Ordinal)] };
    }

    /// <summary>One pass of the operator, then some time goes by.</summary>
    public async Task<Step> PassAsync()
    {
        var seen = Observe();
        var step = Planner.Next(seen);
        var result = Run(seen, step) ? new StepResult(null) : await new Executor(null!, this).RunAsync(seen, step, default);
        var status = StatusReport.From(seen, step, result);
        Cluster.Status = KubernetesJson.Clone(status);
        Steps.Add(step);
        Now += step.LookAgain;
        Advance();
        return step;
    }

    public async Task<int> UntilAsync(Func<bool> reached, int passes = 2000)
    {
        for (var i = 0; i < passes; i++)
        {
            if (reached())
            {
                return i;
            }

            await PassAsync();
        }

        throw new Xunit.Sdk.XunitException($"not reached; last steps: {string.Join(" | ", Steps.TakeLast(5).Select(s => s.GetType().Name + ": " + s.Why))}");
    }

    public Task<int> UntilHealthyAsync() => UntilAsync(() => Steps.Count > 0 && Steps[^1] is Step.Nothing);

    public void Change(Action<CacheClusterSpec> change)
    {
        change(Cluster.Spec);
        Cluster.Metadata.Generation++;
        Steps.Add(new Step.Wait { Why = "spec changed" });
    }

    /// <summary>Kills a pod; its set makes it again with a new address and the old disk.</summary>
    public void Kill((int, int) place)
    {
        Pods.Remove(place);
        Steps.Add(new Step.Wait { Why = "killed" });
        var dead = Disks[place];
        if (Pods.Values.Any(p => p.Node.PrimaryId == dead.Id) && dead.PrimaryId is null && !dead.Slots.IsEmpty)
        {
            var heir = Pods.Values.First(p => p.Node.PrimaryId == dead.Id).Node; // the data plane elects
            Promote(heir);
        }

        Start(place);
    }

    public IEnumerable<SimulatedNode> Primaries => Pods.Values.Select(p => p.Node).Where(n => n.PrimaryId is null);

    // What the API server and its controllers would do.
    private bool Run(Observation seen, Step step)
    {
        switch (step)
        {
            case Step.ApplyObjects apply:
                foreach (var o in apply.Objects)
                {
                    if (o is V1StatefulSet set)
                    {
                        var shard = int.Parse(set.Metadata.Labels![Names.ShardLabel]);
                        set.Metadata.Uid ??= "set-" + shard;
                        Sets[shard] = set;
                        for (var ordinal = 0; ordinal < set.Spec!.Replicas; ordinal++)
                        {
                            if (!Pods.ContainsKey((shard, ordinal)))
                            {
                                Start((shard, ordinal));
                            }
                        }

                        foreach (var extra in Pods.Keys.Where(p => p.Shard == shard && p.Ordinal >= set.Spec.Replicas).ToList())
                        {
                            Pods.Remove(extra);
                        }
                    }
                    else
                    {
                        Objects[o.Kind + "/" + o.Metadata.Name] = o;
                    }
                }

                return true;
            case Step.ResizePod resize:
                var pod = Pods[(resize.Node.Shard, resize.Node.Ordinal)].Pod;
                pod.Spec!.Containers[0].Resources = resize.Resources;
                return true;
            case Step.RecreatePod recreate:
                Kill((recreate.Node.Shard, recreate.Node.Ordinal));
                return true;
            case Step.RemoveShards remove:
                foreach (var shard in remove.Shards)
                {
                    Assert.True(Pods.Where(p => p.Key.Shard == shard).All(p => p.Value.Node.Slots.IsEmpty), "a shard with slots was removed");
                    Sets.Remove(shard);
                    foreach (var gone in Pods.Keys.Where(p => p.Shard == shard).ToList())
                    {
                        Disks.Remove(gone);
                        Pods.Remove(gone);
                    }
                }

                foreach (var node in Pods.Values.Select(p => p.Node))
                {
                    remove.ForgetIds.ToList().ForEach(id => node.Knows.Remove(id));
                }

                return true;
            default:
                return false;
        }
    }

    public void Start((int Shard, int Ordinal) place)
    {
        if (!Disks.TryGetValue(place, out var node))
        {
            node = new SimulatedNode { MaxBytes = MemoryPlan.MaxMemoryOf(Cluster.Spec), Epoch = 0 };
            Disks[place] = node;
        }

        node.Ip = $"127.0.1.{nextIp++}";
        var template = KubernetesJson.Clone(Sets[place.Shard].Spec!.Template!);
        Pods[place] = new SimulatedPod
        {
            Node = node,
            Pod = new V1Pod
            {
                Metadata = new() { Name = Names.Pod("cart", place.Shard, place.Ordinal), Annotations = template.Metadata!.Annotations, Labels = template.Metadata.Labels },
                Spec = template.Spec,
                Status = new() { Phase = "Running", PodIP = node.Ip, Conditions = [new() { Type = "Ready", Status = "True" }] },
            },
        };
    }

    private void Advance()
    {
        // Moves end after the pass in which they began.
        foreach (var source in Pods.Values.Select(p => p.Node).ToList())
        {
            foreach (var task in source.Tasks.Where(t => t.IsRunning).ToList())
            {
                source.Tasks.Remove(task);
                if (FailMovesWith is { } error)
                {
                    source.Tasks.Add(task with { State = "failed", Message = error });
                    continue;
                }

                var target = Pods.Values.Select(p => p.Node).First(n => n.Id == task.Target);
                Assert.True(task.Slots.Except(source.Slots).IsEmpty, "moved slots the source does not own");
                source.Slots = source.Slots.Except(task.Slots);
                target.Slots = target.Slots.Union(task.Slots);
                target.Epoch = ++epoch;
                SlotsMoved += task.Slots.Count;
                source.Tasks.Add(task with { State = "success" });
            }
        }
    }

    private NodeReport Report(SimulatedNode node)
    {
        var known = Disks.Values.Concat(Pods.Values.Select(p => p.Node)).DistinctBy(n => n.Id).ToDictionary(n => n.Id);
        var lines = new List<NodesLine> { Line(node, node.Ip, true) };
        lines.AddRange(node.Knows.Where(k => k.Key != node.Id && known.ContainsKey(k.Key)).Select(k => Line(known[k.Key], k.Value, false)));
        return new NodeReport
        {
            Answer = new NodesAnswer(lines), IsPrimary = node.PrimaryId is null, IsLinked = node.PrimaryId is not null && node.Linked,
            UsedBytes = node.Used, MaxBytes = node.MaxBytes, Keys = node.Keys, CurrentEpoch = (long)epoch, SeesClusterOk = true, Version = "1.0.0", Tasks = [.. node.Tasks],
            Settings = new Dictionary<string, string>(node.Passwords) { ["maxmemory"] = node.MaxBytes.ToString() },
        };
    }

    private static NodesLine Line(SimulatedNode n, string ip, bool self) => new()
    {
        Id = n.Id, Ip = ip, Port = 6379, BusPort = 16379, ConfigEpoch = n.Epoch, Connected = true, PrimaryId = n.PrimaryId, Slots = n.Slots,
        OpenSlots = self ? [.. n.Open] : [],
        Flags = (n.PrimaryId is null ? NodeFlags.Primary : NodeFlags.Replica) | (self ? NodeFlags.Myself : NodeFlags.None),
    };

    private SimulatedNode At(NodeAddress address) =>
        Pods.Values.FirstOrDefault(p => p.Node.Ip == address.Host)?.Node ?? throw new IOException("nobody at " + address);

    private void Promote(SimulatedNode heir)
    {
        var old = Disks.Values.First(n => n.Id == heir.PrimaryId);
        (heir.Slots, old.Slots) = (old.Slots, SlotSet.Empty);
        heir.PrimaryId = null;
        old.PrimaryId = heir.Id;
        heir.Epoch = ++epoch;
    }

    void INodeAdmin.UsePasswords(NodeAddress node, IReadOnlyList<string> passwords)
    {
    }

    Task<NodeReport> INodeAdmin.ReportAsync(NodeAddress node, IReadOnlyCollection<string> settings, CancellationToken ct) => Task.FromResult(Report(At(node)));

    Task<long[]?> INodeAdmin.SlotBytesAsync(NodeAddress node, SlotSet slots, CancellationToken ct) => Task.FromResult<long[]?>(null);

    Task INodeAdmin.MeetAsync(NodeAddress node, NodeAddress other, CancellationToken ct)
    {
        // Gossip is instant: whoever one of the two reaches, both reach.
        var (a, b) = (At(node), At(other));
        (a.Knows[b.Id], b.Knows[a.Id]) = (b.Ip, a.Ip);
        var up = Pods.Values.Select(p => p.Node).Where(n => a.Knows.ContainsKey(n.Id) || b.Knows.ContainsKey(n.Id) || n == a || n == b).ToList();
        foreach (var one in up)
        {
            up.ForEach(two => one.Knows.TryAdd(two.Id, two.Ip));
        }

        return Task.CompletedTask;
    }

    Task INodeAdmin.AssignAsync(NodeAddress node, SlotSet slots, CancellationToken ct)
    {
        Assert.All(Disks.Values, n => Assert.False(n.Slots.Overlaps(slots), "slots were assigned twice"));
        At(node).Slots = At(node).Slots.Union(slots);
        At(node).Epoch = ++epoch;
        return Task.CompletedTask;
    }

    Task INodeAdmin.AttachAsync(NodeAddress node, string primaryId, CancellationToken ct)
    {
        var n = At(node);
        if (n.PrimaryId is null && (n.Keys > 0 || !n.Slots.IsEmpty))
        {
            throw new RespException("ERR To set a master the node must be empty and without assigned slots.");
        }

        n.PrimaryId = primaryId;
        return Task.CompletedTask;
    }

    Task INodeAdmin.MoveAsync(NodeAddress source, SlotSet slots, string targetId, string taskId, CancellationToken ct)
    {
        var node = At(source);
        if (!node.Tasks.Exists(t => t.Id == taskId))
        {
            node.Tasks.Add(new SlotTask { Id = taskId, IsExport = true, Slots = slots, Source = node.Id, Target = targetId, State = "snapshotting" });
        }

        return Task.CompletedTask;
    }

    Task INodeAdmin.CloseSlotAsync(NodeAddress owner, NodeAddress? other, int slot, CancellationToken ct)
    {
        Closed.Add((At(owner).Id, other is { } address ? At(address).Id : null, slot));
        foreach (var node in Disks.Values)
        {
            node.Open.RemoveAll(o => o.Slot == slot);
        }

        return Task.CompletedTask;
    }

    Task INodeAdmin.PromoteAsync(NodeAddress replica, CancellationToken ct)
    {
        Promote(At(replica));
        return Task.CompletedTask;
    }

    Task INodeAdmin.ForgetAsync(NodeAddress node, string id, CancellationToken ct)
    {
        Forgotten++;
        At(node).Knows.Remove(id);
        return Task.CompletedTask;
    }

    Task INodeAdmin.ResetAsync(NodeAddress node, CancellationToken ct) => Task.CompletedTask;

    Task INodeAdmin.ConfigureAsync(NodeAddress node, string name, string value, CancellationToken ct)
    {
        if (At(node).Passwords.ContainsKey(name))
        {
            At(node).Passwords[name] = value;
            return Task.CompletedTask;
        }

        Assert.Equal("maxmemory", name);
        At(node).MaxBytes = long.Parse(value);
        return Task.CompletedTask;
    }
}
