// DEBUG RELOAD and LOADAOF: the data set to disk and back, as a test's proof that nothing is lost on that way; and DUMP payloads
// with a wrong checksum let in, so that damaged values can be tried on the decoder.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Observability;

namespace Shoal.Server.Persistence;

internal static class DebugPersistence
{
    public static void Register(DebugTable table)
    {
        table.Add("reload", 0, 3, Reload);
        table.Add("loadaof", 0, 0, LoadAppendOnly);
        table.Add("set-skip-checksum-validation", 1, 1, SkipChecksums);
    }

    /// <summary>RELOAD [NOSAVE] [NOFLUSH] [MERGE].</summary>
    private static void Reload(ref CommandContext c)
    {
        bool save = true, flush = true, merge = false;
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (c[i].Is("NOSAVE"u8)) save = false;
            else if (c[i].Is("NOFLUSH"u8)) flush = false;
            else if (c[i].Is("MERGE"u8)) merge = true;
            else
            {
                c.Reply.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
                return;
            }
        }
        var durability = c.Node.Part<Durability>();
        if (save && durability.Saver.SaveNow() is { } error)
        {
            c.Reply.Error("ERR " + error);
            return;
        }
        Load(ref c, () => durability.Reload(flush, merge));
    }

    private static void LoadAppendOnly(ref CommandContext c)
    {
        var durability = c.Node.Part<Durability>();
        Load(ref c, durability.ReloadAppendOnly);
    }

    private static void Load(ref CommandContext c, Action load)
    {
        try
        {
            load();
            c.Reply.Ok();
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            c.Reply.Error("ERR Error trying to load the RDB dump: " + e.Message);
        }
    }

    private static void SkipChecksums(ref CommandContext c)
    {
        c.Node.Part<DumpPayload>().SkipsChecksum = c[2].SequenceEqual("1"u8);
        c.Reply.Ok();
    }
}
