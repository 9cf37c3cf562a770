// DEBUG: what test suites lean on, and nothing more.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Observability;

public static class DebugCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags own = Admin | NoScript | Loading | Stale;
        t.Add("debug", -2, own, Keys.None, "admin slow dangerous", WrongArity)
            .With("sleep", 3, own, Keys.None, Sleep)
            .With("object", -3, own, Keys.One(2), Describe)
            .With("set-active-expire", 3, own, Keys.None, SetActiveExpire)
            .With("jmap", 2, own, Keys.None, Accept)
            .With("change-repl-id", 2, own, Keys.None, Accept)
            .With("quicklist-packed-threshold", 3, own, Keys.None, Accept)
            .With("stringmatch-len", 4, own, Keys.None, MatchLong)
            .With("error", 3, own, Keys.None, Fail);
    }

    private static void WrongArity(ref CommandContext c) => c.WrongArity();

    private static void Accept(ref CommandContext c) => c.Reply.Ok();

    /// <summary>Keeps the engine busy on purpose: what a long command does to everybody else.</summary>
    private static void Sleep(ref CommandContext c)
    {
        if (!double.TryParse(System.Text.Encoding.ASCII.GetString(c[2]), CultureInfo.InvariantCulture, out double seconds) || seconds is < 0 or > 3600)
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
        var entry = c.Keys.Peek(c[2], c.Slot);
        if (!entry.Exists)
        {
            c.Reply.Error(ErrorReplies.NoSuchKey);
            return;
        }
        c.Reply.Simple(string.Create(CultureInfo.InvariantCulture,
            $"Value at:0x0 refcount:1 encoding:{entry.Encoding} serializedlength:{entry.ValueLength} lru:{entry.Clock} lru_seconds_idle:0"));
    }

    private static void SetActiveExpire(ref CommandContext c)
    {
        c.Databases.ExpiryCycle.Enabled = c[2].Length == 1 && c[2][0] == '1';
        c.Reply.Ok();
    }

    private static void MatchLong(ref CommandContext c)
    {
        _ = int.TryParse(System.Text.Encoding.ASCII.GetString(c[2]), CultureInfo.InvariantCulture, out int length);
        c.Reply.Integer(Shoal.Store.GlobPattern.Matches(c[3], new byte[Math.Clamp(length, 0, 1 << 20)]) ? 1 : 0);
    }

    private static void Fail(ref CommandContext c) => c.Reply.Error(c[2]);
}
