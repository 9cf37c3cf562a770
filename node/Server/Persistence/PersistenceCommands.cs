// SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Persistence;

/// <summary>Commands that write snapshots.</summary>
public static class PersistenceCommands
{
    public static void Register(CommandTable table)
    {
        table.Add("save", 1, Admin | NoScript | NoMulti, Keys.None, "admin", Save);
        table.Add("bgsave", -1, Admin | NoScript, Keys.None, "admin", BgSave);
        table.Add("bgrewriteaof", 1, Admin | NoScript, Keys.None, "admin", BgRewriteAof);
        table.Add("lastsave", 1, Loading | Stale | Fast, Keys.None, "admin dangerous", LastSave);
    }

    private static void Save(ref CommandContext c)
    {
        var saver = c.Node.Part<Durability>().Saver;
        if (saver.Running == SaveKind.Snapshot) c.Reply.Error(ErrorReplies.BackgroundSave);
        else if (saver.SaveNow() is { } error) c.Reply.Error("ERR " + error);
        else c.Reply.Ok();
    }

    private static void BgSave(ref CommandContext c)
    {
        var saver = c.Node.Part<Durability>().Saver;
        bool schedule = c.ArgCount == 2 && Ascii.EqualsIgnoreCase(c[1], "schedule"u8);
        if (c.ArgCount > 2 || (c.ArgCount == 2 && !schedule)) c.Reply.Error(ErrorReplies.Syntax);
        else if (saver.Running == SaveKind.Snapshot) c.Reply.Error(ErrorReplies.BackgroundSave);
        else if (saver.Running == SaveKind.None)
        {
            saver.Begin(SaveKind.Snapshot);
            c.Reply.Simple("Background saving started"u8);
        }
        else if (schedule)
        {
            saver.Schedule(SaveKind.Snapshot);
            c.Reply.Simple("Background saving scheduled"u8);
        }
        else
        {
            c.Reply.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. " +
                "Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.");
        }
    }

    private static void BgRewriteAof(ref CommandContext c)
    {
        var saver = c.Node.Part<Durability>().Saver;
        switch (saver.Running)
        {
            case SaveKind.Rewrite:
                c.Reply.Error("ERR Background append only file rewriting already in progress");
                break;
            case SaveKind.Snapshot:
                saver.Schedule(SaveKind.Rewrite);
                c.Reply.Simple("Background append only file rewriting scheduled"u8);
                break;
            default:
                saver.Begin(SaveKind.Rewrite);
                c.Reply.Simple("Background append only file rewriting started"u8);
                break;
        }
    }

    private static void LastSave(ref CommandContext c) => c.Reply.Integer(c.Node.Part<Durability>().Saver.Statistics.LastSave);
}
