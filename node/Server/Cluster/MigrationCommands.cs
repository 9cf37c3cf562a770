// Atomic slot migration's commands: MIGRATESLOTS, GETSLOTMIGRATIONS and CANCELSLOTMIGRATIONS for operators, SYNCSLOTS between the nodes.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.Cluster.Migration;
using Shoal.Server.Commands;

namespace Shoal.Server.Cluster;

internal static class MigrationCommands
{
    public static void Register(Command cluster)
    {
        const CommandFlags Admin = CommandFlags.Admin | CommandFlags.NoScript | CommandFlags.NoMulti;
        cluster.With("migrateslots", -7, Admin, Keys.None, MigrateSlots)
            .With("getslotmigrations", 2, CommandFlags.Admin | CommandFlags.Stale, Keys.None, GetSlotMigrations)
            .With("cancelslotmigrations", -2, Admin, Keys.None, CancelSlotMigrations)
            .With("syncslots", -4, Admin, Keys.None, SyncSlots);
    }

    // CLUSTER MIGRATESLOTS SLOTSRANGE start end [start end ...] NODE id [TASK id]
    private static void MigrateSlots(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        int node = 3;
        while (node < c.ArgCount && !Is(c[node], "NODE")) node++;
        bool hasTask = c.ArgCount == node + 4 && Is(c[node + 2], "TASK");
        if (!Is(c[2], "SLOTSRANGE") || node < 5 || (node - 3) % 2 != 0 || (c.ArgCount != node + 2 && !hasTask))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        var slots = SlotCommands.ReadRanges(in c, 3, node, out string? error);
        string task = hasTask ? ClusterCommands.Text(c[node + 3]) : Guid.NewGuid().ToString("n");
        if (slots is not null && (task.Length is 0 or > 128 || task.Any(ch => ch <= ' '))) error = "ERR a task id has 1 to 128 characters and no spaces";
        error ??= part.Migrations.StartExport(task, slots!, ClusterCommands.Text(c[node + 1]));
        if (error is null) c.Reply.Ok();
        else c.Reply.Error(error);
    }

    private static void GetSlotMigrations(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        var tasks = part.Migrations.Tasks;
        c.Reply.Array(tasks.Count);
        for (int i = tasks.Count - 1; i >= 0; i--) Write(c.Reply, tasks[i]);
    }

    private static void Write(ReplyWriter reply, MigrationTask task)
    {
        (string Name, object Value)[] fields =
        [
            ("name", task.Id), ("task", task.Id), ("operation", task.IsExport ? "EXPORT" : "IMPORT"), ("slot_ranges", task.Slots.ToString()),
            ("source_node", task.SourceId), ("target_node", task.TargetId), ("create_time", task.CreatedMs / 1000),
            ("last_update_time", task.UpdatedMs / 1000), ("state", task.Phase.ToString().ToLowerInvariant()), ("message", task.Message),
            ("keys", task.Keys), ("total_keys", task.TotalKeys), ("bytes", task.Bytes), ("pause_ms", task.PauseMs),
        ];
        reply.Map(fields.Length);
        foreach (var (name, value) in fields)
        {
            reply.Bulk(name);
            if (value is long number) reply.Integer(number);
            else reply.Bulk((string)value);
        }
    }

    private static void CancelSlotMigrations(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        string? task = null;
        if (c.ArgCount == 4 && Is(c[2], "TASK")) task = ClusterCommands.Text(c[3]);
        else if (c.ArgCount != 2 && !(c.ArgCount == 3 && Is(c[2], "ALL")))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (part.Migrations.Cancel(task, out _) is { } error) c.Reply.Error(error);
        else c.Reply.Ok();
    }

    // CLUSTER SYNCSLOTS BEGIN task source-id target-id start end [start end ...] | PREPARE task pause-ms | COMMIT task
    private static void SyncSlots(ref CommandContext c)
    {
        if (ClusterCommands.PartOf(ref c) is not { } part) return;
        string task = ClusterCommands.Text(c[3]);
        if (Is(c[2], "BEGIN") && c.ArgCount >= 8 && c.ArgCount % 2 == 0)
        {
            var slots = SlotCommands.ReadRanges(in c, 6, c.ArgCount, out string? error);
            error ??= part.Migrations.StartImport(c.Session, task, slots!, ClusterCommands.Text(c[4]), ClusterCommands.Text(c[5]));
            if (error is null) c.Reply.Ok();
            else c.Reply.Error(error);
            return;
        }
        var import = part.Migrations.ImportOf(c.Session, task);
        if (import is null) c.Reply.Error($"ERR no import {task} on this connection");
        else if (Is(c[2], "PREPARE") && c.ArgCount == 5 && int.TryParse(c[4], NumberStyles.None, CultureInfo.InvariantCulture, out int pauseMs)) import.Prepare(pauseMs);
        else if (Is(c[2], "COMMIT")) part.Migrations.Commit(import);
        else c.Reply.Error(ErrorReplies.Syntax);
    }

    private static bool Is(ReadOnlySpan<byte> argument, string word) =>
        ClusterCommands.Text(argument).Equals(word, StringComparison.OrdinalIgnoreCase);
}
