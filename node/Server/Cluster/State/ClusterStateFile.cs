// nodes.conf in Redis's text format, so that a data directory moves between Redis and Shoal either way. Written to a temporary
// file, synced, renamed, and the directory synced: a vote or an epoch is on disk before anybody hears of it, and a crash leaves the
// old file or the new one, never half of one.
//
//   <one CLUSTER NODES line per node, `myself` with its open slots>
//   vars currentEpoch 6 lastVoteEpoch 5 shoal-holds-data 1
//
// shoal-holds-data (skipped by Redis as an unknown variable): 1 = the node held keys when it last looked; see adr node/0012.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Shoal.Protocol.ClusterText;
using Shoal.Server.Cluster.Bus;

namespace Shoal.Server.Cluster.State;

internal static class ClusterStateFile
{
    /// <summary>The file's text for a model.</summary>
    public static string Print(ClusterModel m)
    {
        var view = ClusterView.Of(m);
        var text = new StringBuilder();
        foreach (var node in view.Nodes.Values.Where(n => !n.InHandshake)) text.Append(node.Line(view)).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"vars currentEpoch {m.CurrentEpoch} lastVoteEpoch {m.LastVoteEpoch} shoal-holds-data {(m.HoldsData ? 1 : 0)}\n");
        return text.ToString();
    }

    /// <summary>Writes the file; durable when this returns.</summary>
    /// <exception cref="IOException">It could not be written; the old file is intact.</exception>
    public static void Save(string path, ClusterModel m)
    {
        string temporary = path + ".tmp-" + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.Read))
        {
            file.Write(Encoding.UTF8.GetBytes(Print(m)));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Fills a fresh model from the file. False: there is no file (first start).</summary>
    /// <exception cref="InvalidDataException">The file is damaged; the message names line and reason.</exception>
    public static bool Load(string path, ClusterModel m)
    {
        if (!File.Exists(path)) return false;
        string text = File.ReadAllText(path);
        if (text.Length == 0) return false; // Redis creates it empty before its first write
        var parsed = new List<NodesLine>();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (line.Length == 0) continue;
            if (line.StartsWith("vars ", StringComparison.Ordinal)) ReadVariables(m, line, path, number);
            else if (NodesLine.TryParse(line, out var node, out string? error)) parsed.Add(node);
            else throw new InvalidDataException($"{path}:{number}: {error}");
        }
        if (!parsed.Any(n => n.IsMyself)) throw new InvalidDataException($"{path}: no line has the flag 'myself'");
        Restore(m, parsed);
        return true;
    }

    private static void Restore(ClusterModel m, List<NodesLine> lines)
    {
        long now = m.NowMs;
        foreach (var line in lines)
        {
            var flags = (line.IsPrimary ? BusNodeFlags.Primary : 0) | (line.IsReplica ? BusNodeFlags.Replica : 0)
                | (line.Flags.HasFlag(NodeFlags.Fail) ? BusNodeFlags.Fail : 0) | (line.Flags.HasFlag(NodeFlags.PFail) ? BusNodeFlags.PFail : 0)
                | (line.Flags.HasFlag(NodeFlags.NoAddress) ? BusNodeFlags.NoAddress : 0)
                | (line.Flags.HasFlag(NodeFlags.NoFailover) ? BusNodeFlags.NoFailover : 0);
            var node = new ClusterNode(line.Id, flags, now)
            {
                Ip = line.Ip, Port = line.Port, BusPort = line.BusPort, Hostname = line.Hostname, ConfigEpoch = line.ConfigEpoch,
                ShardId = line.ShardId ?? "", FailedSinceMs = now,
            };
            if (line.IsMyself)
            {
                if (node.ShardId.Length == 0) node.ShardId = m.Myself.ShardId;
                m.BecomeMyself(node);
            }
            else m.Add(node);
        }
        foreach (var line in lines)
        {
            var node = m.Nodes[line.Id];
            if (line.PrimaryId is not null && m.Find(line.PrimaryId) is { } primary) node.Primary = primary;
            if (node.IsPrimary) m.AssignSlots(line.Slots, node);
            foreach (var open in line.OpenSlots)
            {
                if (m.Find(open.NodeId) is null) continue;
                (open.Importing ? m.Importing : m.Migrating)[open.Slot] = open.NodeId;
            }
        }
        m.CurrentEpoch = Math.Max(m.CurrentEpoch, m.MaxEpoch());
    }

    private static void ReadVariables(ClusterModel m, string line, string path, int number)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 1; i + 1 < words.Length; i += 2)
        {
            if (words[i] is not ("currentEpoch" or "lastVoteEpoch" or "shoal-holds-data")) continue;
            if (!ulong.TryParse(words[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
                throw new InvalidDataException($"{path}:{number}: {words[i]} is not a number");
            if (words[i] == "currentEpoch") m.CurrentEpoch = value;
            else if (words[i] == "lastVoteEpoch") m.LastVoteEpoch = value;
            else m.HoldsData = value == 1;
        }
    }

    // File systems keep a rename in memory until the directory itself is synced; .NET has no call for that.
    private static void SyncDirectory(string directory)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var handle = OpenDirectory(directory);
        if (!handle.IsInvalid) _ = fsync(handle);
    }

    private static SafeFileHandle OpenDirectory(string directory)
    {
        const int ReadOnlyDirectory = 0x10000; // O_RDONLY | O_DIRECTORY
        return new SafeFileHandle(open(directory, ReadOnlyDirectory), ownsHandle: true);
    }

#pragma warning disable CA5392, SYSLIB1054, CA1416, IDE1006, CA2101
    [DllImport("libc", SetLastError = true)]
    private static extern nint open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fsync(SafeFileHandle handle);
#pragma warning restore
}
