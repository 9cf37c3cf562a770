// One line of CLUSTER NODES, which is also one line of nodes.conf: the node prints it, the operator and the node's own
// start parse it. Reading and printing live together so that they cannot drift.
//
//   <id> <ip:port@cport[,hostname[,aux=value]*]> <flags> <primary-id|-> <ping-sent> <pong-recv> <config-epoch> <link-state> <slot>*
//
//   id            40 lower-case hex digits
//   address       ip may be IPv6 (split at the last ':' before '@'); ":0@0" with flag noaddr; cport missing before Redis 4
//   aux           shard-id=<40 hex>, nodename=<text>, tcp-port / tls-port=<number>; unknown ones are kept
//   flags         comma list: myself master slave fail? fail handshake noaddr nofailover noflags
//   ping-sent     milliseconds since 1970 of the ping under way, 0 = none; pong-recv likewise for the last pong
//   link-state    connected | disconnected
//   slot          "7", "0-99", or an open slot of `myself`: "[93->-<target id>]" migrating, "[93-<-<source id>]" importing
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Shoal.Protocol.Slots;

namespace Shoal.Protocol.ClusterText;

/// <summary>The flags of a node as CLUSTER NODES prints them.</summary>
[Flags]
public enum NodeFlags
{
    /// <summary>No flag ("noflags").</summary>
    None = 0,
    /// <summary>The node that printed the line.</summary>
    Myself = 1,
    /// <summary>"master".</summary>
    Primary = 2,
    /// <summary>"slave".</summary>
    Replica = 4,
    /// <summary>"fail?": the printing node cannot reach it.</summary>
    PFail = 8,
    /// <summary>"fail": a majority of primaries cannot reach it.</summary>
    Fail = 16,
    /// <summary>"handshake": met, id not known yet.</summary>
    Handshake = 32,
    /// <summary>"noaddr": its address is not known.</summary>
    NoAddress = 64,
    /// <summary>"nofailover": this replica never stands for election.</summary>
    NoFailover = 128,
}

/// <summary>A slot on its way in the classic SETSLOT protocol, as seen by the node printing it.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Importing">True: this node imports it; false: this node migrates it away.</param>
/// <param name="NodeId">The other side.</param>
public readonly record struct OpenSlot(int Slot, bool Importing, string NodeId);

/// <summary>One parsed line of CLUSTER NODES. Times are milliseconds since 1970, 0 = none.</summary>
public sealed record NodesLine
{
    /// <summary>40 hex digits.</summary>
    public required string Id { get; init; }
    /// <summary>IP address clients and peers use; empty when not known.</summary>
    public string Ip { get; init; } = "";
    /// <summary>Client port.</summary>
    public int Port { get; init; }
    /// <summary>Cluster bus port.</summary>
    public int BusPort { get; init; }
    /// <summary>Announced host name, or null.</summary>
    public string? Hostname { get; init; }
    /// <summary>"shard-id" and other name=value fields behind the hostname, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Aux { get; init; } = [];
    /// <summary>Flags.</summary>
    public NodeFlags Flags { get; init; }
    /// <summary>Id of the primary this node replicates, or null.</summary>
    public string? PrimaryId { get; init; }
    /// <summary>When the ping still without an answer was sent.</summary>
    public long PingSentMs { get; init; }
    /// <summary>When the last pong came.</summary>
    public long PongReceivedMs { get; init; }
    /// <summary>Config epoch: version of this node's slot claim (of its primary's, for a replica).</summary>
    public ulong ConfigEpoch { get; init; }
    /// <summary>True when the bus link is up (always for myself).</summary>
    public bool Connected { get; init; }
    /// <summary>Slots this node owns.</summary>
    public SlotSet Slots { get; init; } = SlotSet.Empty;
    /// <summary>Open slots; only `myself` prints them.</summary>
    public IReadOnlyList<OpenSlot> OpenSlots { get; init; } = [];

    /// <summary>True when the flag "myself" is set.</summary>
    public bool IsMyself => (Flags & NodeFlags.Myself) != 0;
    /// <summary>True for a primary.</summary>
    public bool IsPrimary => (Flags & NodeFlags.Primary) != 0;
    /// <summary>True for a replica.</summary>
    public bool IsReplica => (Flags & NodeFlags.Replica) != 0;
    /// <summary>The shard id, when the line carries one.</summary>
    public string? ShardId => Aux.FirstOrDefault(a => a.Key == "shard-id").Value;

    /// <summary>Parses the whole reply of CLUSTER NODES. Lines that are not node lines throw.</summary>
    /// <exception cref="FormatException">A line is malformed; the message names the line and the field.</exception>
    public static IReadOnlyList<NodesLine> ParseAll(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Parse).ToArray();

    /// <summary>Parses one line.</summary>
    /// <exception cref="FormatException">The line is malformed; the message names the field.</exception>
    public static NodesLine Parse(string line) =>
        TryParse(line, out var parsed, out string? error) ? parsed : throw new FormatException($"{error} in nodes line: {line}");

    /// <summary>Parses one line without throwing; <paramref name="error"/> names the bad field.</summary>
    public static bool TryParse(string line, [NotNullWhen(true)] out NodesLine? parsed, out string? error)
    {
        parsed = null;
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 8) { error = "fewer than 8 fields"; return false; }
        if (!IsNodeId(fields[0])) { error = "bad node id"; return false; }
        if (!TryAddress(fields[1], out var address)) { error = "bad address"; return false; }
        if (!TryFlags(fields[2], out var flags)) { error = "unknown flag"; return false; }
        if (fields[3] != "-" && !IsNodeId(fields[3])) { error = "bad primary id"; return false; }
        if (!TryLong(fields[4], out long ping) || !TryLong(fields[5], out long pong)) { error = "bad time"; return false; }
        if (!ulong.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out ulong epoch)) { error = "bad config epoch"; return false; }
        if (fields[7] is not ("connected" or "disconnected")) { error = "bad link state"; return false; }
        var ranges = new List<SlotRange>();
        var open = new List<OpenSlot>();
        foreach (string field in fields.AsSpan(8))
        {
            if (field.StartsWith('['))
            {
                if (!TryOpenSlot(field, out var slot)) { error = "bad open slot"; return false; }
                open.Add(slot);
            }
            else
            {
                if (!SlotRange.TryParse(field, out var range)) { error = "bad slot range"; return false; }
                ranges.Add(range);
            }
        }
        error = null;
        parsed = new NodesLine
        {
            Id = fields[0], Ip = address.Ip, Port = address.Port, BusPort = address.BusPort, Hostname = address.Hostname, Aux = address.Aux,
            Flags = flags, PrimaryId = fields[3] == "-" ? null : fields[3], PingSentMs = ping, PongReceivedMs = pong, ConfigEpoch = epoch,
            Connected = fields[7] == "connected", Slots = ranges.Count == 0 ? SlotSet.Empty : SlotSet.Of(ranges), OpenSlots = open,
        };
        return true;
    }

    /// <summary>The line as Redis 7 prints it, without a line feed.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(256);
        text.Append(Id).Append(' ').Append(Ip).Append(CultureInfo.InvariantCulture, $":{Port}@{BusPort}");
        if (Hostname is not null || Aux.Count > 0) text.Append(',').Append(Hostname);
        foreach (var (name, value) in Aux) text.Append(',').Append(name).Append('=').Append(value);
        text.Append(' ').Append(FlagsText(Flags)).Append(' ').Append(PrimaryId ?? "-");
        text.Append(CultureInfo.InvariantCulture, $" {PingSentMs} {PongReceivedMs} {ConfigEpoch} ").Append(Connected ? "connected" : "disconnected");
        foreach (var range in Slots.Ranges()) text.Append(' ').Append(range);
        foreach (var slot in OpenSlots)
            text.Append(CultureInfo.InvariantCulture, $" [{slot.Slot}-{(slot.Importing ? '<' : '>')}-{slot.NodeId}]");
        return text.ToString();
    }

    /// <summary>True for 40 lower-case hex digits.</summary>
    public static bool IsNodeId(ReadOnlySpan<char> text) => text.Length == 40 && text.IndexOfAnyExcept("0123456789abcdef") < 0;

    /// <summary>The comma list of flags, in Redis's order.</summary>
    public static string FlagsText(NodeFlags flags)
    {
        if (flags == NodeFlags.None) return "noflags";
        return string.Join(',', FlagNames.Where(f => (flags & f.Flag) != 0).Select(f => f.Name));
    }

    private static readonly (NodeFlags Flag, string Name)[] FlagNames =
    [
        (NodeFlags.Myself, "myself"), (NodeFlags.Primary, "master"), (NodeFlags.Replica, "slave"), (NodeFlags.PFail, "fail?"),
        (NodeFlags.Fail, "fail"), (NodeFlags.Handshake, "handshake"), (NodeFlags.NoAddress, "noaddr"), (NodeFlags.NoFailover, "nofailover"),
    ];

    private static bool TryFlags(string text, out NodeFlags flags)
    {
        flags = NodeFlags.None;
        if (text == "noflags") return true;
        foreach (string name in text.Split(','))
        {
            var known = Array.Find(FlagNames, f => f.Name == name);
            if (known.Name is null) return false;
            flags |= known.Flag;
        }
        return true;
    }

    private static bool TryAddress(string text, out (string Ip, int Port, int BusPort, string? Hostname, List<KeyValuePair<string, string>> Aux) address)
    {
        address = ("", 0, 0, null, []);
        var parts = text.Split(',');
        string endpoint = parts[0];
        int at = endpoint.LastIndexOf('@');
        int busPort = 0;
        if (at >= 0 && !TryPort(endpoint[(at + 1)..], out busPort)) return false;
        string host = at >= 0 ? endpoint[..at] : endpoint;
        int colon = host.LastIndexOf(':');
        if (colon < 0 || !TryPort(host[(colon + 1)..], out int port)) return false;
        if (at < 0) busPort = port == 0 ? 0 : port + 10000;
        var aux = new List<KeyValuePair<string, string>>();
        for (int i = 2; i < parts.Length; i++)
        {
            int equals = parts[i].IndexOf('=');
            if (equals <= 0) return false;
            aux.Add(new(parts[i][..equals], parts[i][(equals + 1)..]));
        }
        address = (host[..colon], port, busPort, parts.Length > 1 && parts[1].Length > 0 ? parts[1] : null, aux);
        return true;
    }

    private static bool TryOpenSlot(string field, out OpenSlot slot)
    {
        slot = default;
        if (field.Length < 6 || !field.EndsWith(']')) return false;
        int dash = field.IndexOf('-');
        if (dash < 2 || dash + 3 > field.Length || field[dash + 2] != '-' || field[dash + 1] is not ('<' or '>')) return false;
        if (!SlotRange.TryParse(field.AsSpan(1, dash - 1), out var range)) return false;
        string id = field[(dash + 3)..^1];
        if (!IsNodeId(id)) return false;
        slot = new OpenSlot(range.Start, field[dash + 1] == '<', id);
        return true;
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535;

    private static bool TryLong(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
}
