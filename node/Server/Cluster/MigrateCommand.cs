// MIGRATE: moves single keys to another node. The session is parked while a link of its own talks to the target, so the reactor never
// waits and two nodes migrating to each other cannot block one another. A key is deleted here only when the target has taken exactly
// what it holds at that moment; if it changed meanwhile it is sent again (and, in a cluster, its slot's writes wait from then on).
using System.Globalization;
using Shoal.Protocol.Client;
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Cluster.Migration;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Persistence;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;

namespace Shoal.Server.Cluster;

internal static class MigrateCommand
{
    public static void Register(CommandTable table) =>
        table.Add("migrate", -6, CommandFlags.Write | CommandFlags.MovableKeys | CommandFlags.NoMulti, Keys.Found(FindKey), "keyspace dangerous", Migrate);

    private static int FindKey(in Request request, int after)
    {
        if (after > 0) return after >= 4 && after + 1 < request.Count ? after + 1 : 0;
        if (request.Count > 3 && request[3].Length > 0) return 3;
        for (int i = 6; i + 1 < request.Count; i++)
            if (Is(request[i], "KEYS")) return i + 1;
        return 0;
    }

    private static void Migrate(ref CommandContext c)
    {
        var order = new KeyTransfer.Order { Host = ClusterCommands.Text(c[1]), Db = c.Db };
        string? error = ReadOptions(ref c, order);
        if (error is not null)
        {
            c.Reply.Error(error);
            return;
        }
        var part = c.Node.Find<ClusterPart>() is { IsEnabled: true } enabled ? enabled : null;
        if (part is not null && order.Keys.Any(k => part.Migrations.IsBusy(HashSlot.Of(k))))
        {
            c.Reply.Error("ERR the slot is in an atomic migration");
            return;
        }
        var keys = c.Keys;
        bool cluster = part is not null;
        order.Keys.RemoveAll(k => !keys.Find(k, cluster ? HashSlot.Of(k) : 0).Exists);
        if (order.Keys.Count == 0)
        {
            c.Reply.Simple("NOKEY");
            return;
        }
        c.DontPropagate(); // each key is journalled as DEL when it has arrived
        new KeyTransfer(c.Node, part, order, c.Session.Park()).Start();
    }

    private static string? ReadOptions(ref CommandContext c, KeyTransfer.Order order)
    {
        if (!int.TryParse(c[2], NumberStyles.None, CultureInfo.InvariantCulture, out order.Port)
            || !int.TryParse(c[4], NumberStyles.None, CultureInfo.InvariantCulture, out order.TargetDb)
            || !long.TryParse(c[5], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out order.TimeoutMs)) return ErrorReplies.NotInteger;
        if (order.TimeoutMs <= 0) order.TimeoutMs = 1000;
        if (c[3].Length > 0) order.Keys.Add(c[3].ToArray());
        for (int i = 6; i < c.ArgCount; i++)
        {
            int left = c.ArgCount - i - 1;
            if (Is(c[i], "COPY")) order.Copy = true;
            else if (Is(c[i], "REPLACE")) order.Replace = true;
            else if (Is(c[i], "AUTH") && left >= 1) order.Auth = ["AUTH", ClusterCommands.Text(c[++i])];
            else if (Is(c[i], "AUTH2") && left >= 2) order.Auth = ["AUTH", ClusterCommands.Text(c[++i]), ClusterCommands.Text(c[++i])];
            else if (Is(c[i], "KEYS") && left >= 1)
            {
                if (c[3].Length > 0) return "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
                for (i++; i < c.ArgCount; i++) order.Keys.Add(c[i].ToArray());
            }
            else return ErrorReplies.Syntax;
        }
        return order.Keys.Count == 0 ? ErrorReplies.Syntax : null;
    }

    private static bool Is(ReadOnlySpan<byte> argument, string word) =>
        ClusterCommands.Text(argument).Equals(word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>One MIGRATE under way. Engine thread.</summary>
internal sealed class KeyTransfer
{
    private const int QuietRounds = 2, MaxRounds = 10;
    private readonly NodeServices _node;
    private readonly ClusterPart? _part;
    private readonly Order _order;
    private readonly ParkToken _token;
    private readonly MigrationLink _link;
    private readonly DumpPayload _payload;
    private readonly Dictionary<byte[], (byte[] Payload, long ExpireAtMs)> _sent = [];
    private readonly List<byte[]> _open;
    private SlotSet _held = SlotSet.Empty;
    private IDisposable? _timer;
    private string? _error;
    private int _due;
    private int _round;
    private bool _done;

    internal sealed class Order
    {
        public string Host = "";
        public int Port;
        public int Db;
        public int TargetDb;
        public long TimeoutMs;
        public bool Copy, Replace;
        public string[]? Auth;
        public readonly List<byte[]> Keys = [];
    }

    public KeyTransfer(NodeServices node, ClusterPart? part, Order order, ParkToken token)
    {
        _node = node;
        _part = part;
        _order = order;
        _token = token;
        _open = [.. order.Keys];
        _payload = new DumpPayload(node.Databases);
        _link = new MigrationLink(node, Resolve(order.Host), order.Port, part?.Source, TimeSpan.FromMilliseconds(Math.Max(1000, order.TimeoutMs)));
        _link.Ended = reason => Finish($"IOERR error or timeout talking to target instance ({reason})");
    }

    public void Start()
    {
        if (_order.Auth is { } auth) _link.Ask(r => { if (r.IsError) Finish("ERR Target instance replied with error: " + r.Text); }, auth);
        if (_order.TargetDb != 0)
            _link.Ask(r => { if (r.IsError) Finish("ERR Target instance replied with error: " + r.Text); }, "SELECT", _order.TargetDb.ToString(CultureInfo.InvariantCulture));
        SendRound();
        _link.Start();
        // The limit is on silence: every round of replies starts it anew.
        Arm();
    }

    private static string Resolve(string host) => host == "localhost" ? "127.0.0.1" : host;

    private int SlotOf(byte[] key) => _part is null ? 0 : HashSlot.Of(key);

    private void Arm()
    {
        _timer?.Dispose();
        _timer = _node.Engine.After(TimeSpan.FromMilliseconds(_order.TimeoutMs), () => Finish("IOERR error or timeout reading to target instance"));
    }

    private void SendRound()
    {
        _round++;
        if (_round > QuietRounds && _part is { } part && _held.IsEmpty)
        {
            _held = SlotSet.OfSlots(_open.Select(SlotOf).Distinct());
            part.Gate.Pause(_held);
        }
        foreach (byte[] key in _open.ToArray()) Send(key);
        _link.Flush();
    }

    private void Send(byte[] key)
    {
        var entry = _node.Databases[_order.Db].Peek(key, SlotOf(key));
        _due++;
        if (!entry.Exists)
        {
            // Deleted here after an earlier round: delete it there as well.
            _sent.Remove(key);
            if (_part is not null) _link.Ask(_ => { }, "ASKING");
            _link.Begin(2);
            _link.Arg("DEL"u8);
            _link.Arg(key);
        }
        else
        {
            var payload = _payload.Of(entry).ToArray();
            _sent[key] = (payload, entry.ExpireAtMs);
            bool replace = _order.Replace || _round > 1;
            _link.Begin(replace ? 6 : 5);
            if (_part is null) _link.Arg("RESTORE"u8);
            else _link.Arg("RESTORE-ASKING"u8);
            _link.Arg(key);
            _link.Arg(Math.Max(0, entry.ExpireAtMs));
            _link.Arg(payload);
            _link.Arg("ABSTTL"u8);
            if (replace) _link.Arg("REPLACE"u8);
        }
        _link.ExpectLast(reply => Answered(key, reply));
    }

    private void Answered(byte[] key, Reply reply)
    {
        if (_done) return;
        _due--;
        if (reply.IsError)
        {
            _error ??= "ERR Target instance replied with error: " + reply.Text;
            _open.Remove(key);
        }
        else if (Settled(key)) _open.Remove(key);
        if (_due > 0) return;
        if (_open.Count == 0) Finish(_error);
        else if (_round >= MaxRounds) Finish("IOERR a key keeps changing while it is migrated");
        else
        {
            Arm();
            SendRound();
        }
    }

    /// <summary>The target has the key as it is now: it may go (or, with COPY, stay).</summary>
    private bool Settled(byte[] key)
    {
        var keys = _node.Databases[_order.Db];
        int slot = SlotOf(key);
        var entry = keys.Peek(key, slot);
        if (!_sent.TryGetValue(key, out var sent)) return !entry.Exists;
        if (_order.Copy) return true;
        if (!entry.Exists || entry.ExpireAtMs != sent.ExpireAtMs || !_payload.Of(entry).SequenceEqual(sent.Payload)) return false;
        keys.Remove(key, slot);
        var journal = _node.Journal;
        journal.Begin(2);
        journal.Arg("DEL"u8);
        journal.Arg(key);
        journal.End(_order.Db, slot);
        if (_node.KeyspaceEvents.IsOn) _node.KeyspaceEvents.Raise(KeyEventClass.Generic, "del"u8, key, _order.Db);
        return true;
    }

    private void Finish(string? error)
    {
        if (_done) return;
        _done = true;
        _timer?.Dispose();
        _link.Ended = null;
        _link.Dispose();
        if (!_held.IsEmpty) _part!.Gate.Unpause(_held);
        _token.Complete(w =>
        {
            if (error is null) w.Ok();
            else w.Error(error);
        });
    }
}
