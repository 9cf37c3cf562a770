// DEBUG: what test suites lean on. Sub-commands about files and replication are added by the parts that own those.
using System.Globalization;
using Microsoft.Extensions.Logging;
using Shoal.Protocol.Resp;
using Shoal.Protocol.Slots;
using Shoal.Server.Commands;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using Text = System.Text.Encoding;

namespace Shoal.Server.Observability;

public static class DebugCommands
{
    /// <summary>Adds the DEBUG row; returns its sub-commands, so that other parts add theirs.</summary>
    public static DebugTable Register(CommandTable t)
    {
        var table = new DebugTable();
        t.Add("debug", -2, Admin | NoScript | Loading | Stale, Keys.None, "admin slow dangerous", table.Run);
        table.Add("sleep", 1, 1, Sleep);
        table.Add("object", 1, 2, Describe);
        table.Add("digest", 0, 0, Digest);
        table.Add("digest-value", 1, int.MaxValue, DigestValue);
        table.Add("set-active-expire", 1, 1, SetActiveExpire);
        table.Add("set-disable-deny-scripts", 1, 1, static (ref CommandContext c) =>
        {
            c.Node.Serving.ScriptsMayCallAll = c[2].SequenceEqual("1"u8);
            c.Reply.Ok();
        });
        table.Add("stringmatch-len", 2, 2, MatchLong);
        table.Add("error", 1, 1, Fail);
        table.Add("log", 1, 1, Log);
        table.Add("populate", 1, 3, Populate);
        table.Add("protocol", 1, 1, DebugProtocol.Write);
        table.Add("listpack", 1, 1, PackedListOf);
        // Knobs of machinery that is not here: no Java heap, no plain list nodes, no cron, no reply buffer per client.
        table.Add("jmap", 0, 0, Accept);
        table.Add("quicklist-packed-threshold", 1, 1, Accept);
        table.Add("pause-cron", 1, 1, Accept);
        table.Add("replybuffer", 2, 2, Accept);
        return table;
    }

    private static void Accept(ref CommandContext c) => c.Reply.Ok();

    /// <summary>Keeps the engine busy on purpose: what a long command does to everybody else.</summary>
    private static void Sleep(ref CommandContext c)
    {
        if (!double.TryParse(Text.ASCII.GetString(c[2]), CultureInfo.InvariantCulture, out double seconds) || seconds is < 0 or > 3600)
        {
            c.Reply.Error(ErrorReplies.NotFloat);
            return;
        }
        using var never = new ManualResetEventSlim();
        never.Wait(TimeSpan.FromSeconds(seconds));
        c.Reply.Ok();
    }

    private static void Describe(ref CommandContext c)
    {
        var entry = c.Keys.Peek(c[2], c.Databases.ClusterMode ? HashSlot.Of(c[2]) : 0);
        if (!entry.Exists)
        {
            c.Reply.Error(ErrorReplies.NoSuchKey);
            return;
        }
        long idle = c.Databases.Clock.CountsFrequency ? 0 : c.Databases.Clock.IdleSeconds(entry);
        c.Reply.Simple(string.Create(CultureInfo.InvariantCulture,
            $"Value at:0x{(ulong)entry.Clock:x} refcount:1 encoding:{Text.ASCII.GetString(ObjectCommands.NameOf(entry.Encoding))} " +
            $"serializedlength:{entry.ValueLength} lru:{entry.Clock} lru_seconds_idle:{idle}"));
    }

    private static void Digest(ref CommandContext c) => c.Reply.Simple(DataDigest.OfAll(c.Databases));

    private static void DigestValue(ref CommandContext c)
    {
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++)
            c.Reply.Simple(DataDigest.OfValue(c.Keys, c.Keys.Peek(c[i], c.Databases.ClusterMode ? HashSlot.Of(c[i]) : 0)));
    }

    private static void SetActiveExpire(ref CommandContext c)
    {
        c.Databases.ExpiryCycle.Enabled = c[2].Length == 1 && c[2][0] == '1';
        c.Reply.Ok();
    }

    private static void MatchLong(ref CommandContext c)
    {
        _ = int.TryParse(Text.ASCII.GetString(c[2]), CultureInfo.InvariantCulture, out int length);
        c.Reply.Integer(GlobPattern.Matches(c[3], new byte[Math.Clamp(length, 0, 1 << 20)]) ? 1 : 0);
    }

    private static void Fail(ref CommandContext c) => c.Reply.Error(c[2]);

    private static void Log(ref CommandContext c)
    {
        c.Node.Loggers.CreateLogger("debug").LogWarning("DEBUG LOG: {Text}", Text.UTF8.GetString(c[2]));
        c.Reply.Ok();
    }

    /// <summary>POPULATE count [prefix] [size]: prefix:i holds "value:i", padded with zero bytes or cut to size. Present keys stay.</summary>
    private static void Populate(ref CommandContext c)
    {
        if (!c.TryInteger(2, out long count)) return;
        long size = -1;
        if (c.ArgCount == 5 && !c.TryInteger(4, out size)) return;
        string prefix = c.ArgCount > 3 ? Text.Latin1.GetString(c[3]) : "key";
        for (long i = 0; i < count; i++)
        {
            byte[] key = Text.Latin1.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{prefix}:{i}"));
            byte[] value = Text.Latin1.GetBytes(string.Create(CultureInfo.InvariantCulture, $"value:{i}"));
            if (size >= 0) Array.Resize(ref value, (int)Math.Min(size, int.MaxValue / 2));
            int slot = c.Databases.ClusterMode ? HashSlot.Of(key) : 0;
            if (!c.Keys.Peek(key, slot).Exists) c.Keys.SetText(key, slot, value, -1);
        }
        c.Reply.Ok();
    }

    private static void PackedListOf(ref CommandContext c)
    {
        var entry = c.Keys.Peek(c[2], c.Databases.ClusterMode ? HashSlot.Of(c[2]) : 0);
        if (!entry.Exists) c.Reply.Error(ErrorReplies.NoSuchKey);
        else if (entry.Encoding != Encoding.PackedList) c.Reply.Error("ERR Not a listpack encoded object.");
        else
        {
            c.Node.Loggers.CreateLogger("debug").LogWarning("listpack of {Bytes} bytes: {Hex}", entry.ValueLength, Convert.ToHexString(entry.Value));
            c.Reply.Simple("Listpack structure printed on stdout");
        }
    }
}
