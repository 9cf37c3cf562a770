// The gates a script's command passes, in Redis's order: known, allowed from scripts, fresh, permitted, writable, memory, slot. What the
// caller passed (authenticated, not paused, loaded) holds for the whole script.
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Scripting;

internal sealed class ScriptGate(NodeServices node, ScriptRun run)
{
    /// <summary>Why the command may not run, or null; a text that brings its own code begins with '-'.</summary>
    public string? Refusal(ref CommandContext c)
    {
        if (node.Dispatcher.Resolve(ref c) is not null) return c.Command is null ? ScriptErrors.UnknownCommand : ScriptErrors.WrongArity;
        var flags = c.Command.Flags;
        if ((flags & CommandFlags.NoScript) != 0 && !node.Serving.ScriptsMayCallAll) return ScriptErrors.NotFromScript;
        bool isWrite = (flags & CommandFlags.Write) != 0;
        if (!run.IsReplay)
        {
            if ((flags & CommandFlags.Stale) == 0 && node.Serving.StaleRefusal?.Invoke() is not null) return ScriptErrors.StaleReplica;
            if (node.Access.Check(run.Session, c.Command, c.Request, "lua") is { } denial)
                return ScriptErrors.NotPermitted + denial.Reason(run.Session.User, c.Command);
        }
        if (run.IsReadOnly && (flags & (CommandFlags.Write | CommandFlags.MayReplicate)) != 0) return ScriptErrors.WriteInReadOnly;
        if (!run.IsReplay && !run.HasWritten)
        {
            if (isWrite && WriteRefusal() is { } refusal) return refusal;
            if (run.IsOutOfMemory && !run.MayExceedMemory && (flags & CommandFlags.DenyOom) != 0) return "-" + ErrorReplies.OutOfMemory;
        }
        if (isWrite) run.HasWritten = true;
        return node.Cluster.Enabled ? Route(ref c) : null;
    }

    private string? WriteRefusal()
    {
        foreach (var refusal in node.Serving.WriteRefusals)
            if (refusal() is { } error) return "-" + error;
        return null;
    }

    private string? Route(ref CommandContext c)
    {
        c.Slot = 0;
        if (c.Command.Keys.IsEmpty) return null;
        int key = c.Command.Keys.FirstKey(c.Request);
        if (key == 0) return null;
        c.Slot = HashSlot.Of(c.Request[key]);
        if (run.IsReplay) return null;
        // The slot of the declared keys was routed with the call, ASKING included.
        if (c.Slot != run.Slot || !IsOneSlot(ref c, key))
        {
            var decision = node.Cluster.Route(c.Command, c.Request, run.Session);
            if (decision.Kind != RouteKind.Serve)
                return decision.Error?.StartsWith("CLUSTERDOWN", StringComparison.Ordinal) == true ? ScriptErrors.ClusterDown : ScriptErrors.ForeignKey;
        }
        if (run.MayCrossSlots) return null;
        if (run.Slot < 0) run.Slot = c.Slot;
        return run.Slot == c.Slot ? null : ScriptErrors.OtherSlot;
    }

    private static bool IsOneSlot(ref CommandContext c, int key)
    {
        for (int next = c.Command.Keys.NextKey(c.Request, key); next > key; next = c.Command.Keys.NextKey(c.Request, next))
        {
            if (HashSlot.Of(c.Request[next]) != c.Slot) return false;
            key = next;
        }
        return true;
    }
}
