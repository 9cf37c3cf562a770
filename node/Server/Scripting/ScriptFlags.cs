// What a script or function declares about itself, and what follows for the gates.
using System.Text;
using Shoal.Server.Commands;

namespace Shoal.Server.Scripting;

/// <summary>Flags of a shebang line or of redis.register_function.</summary>
[Flags]
internal enum ScriptFlags
{
    None = 0,
    NoWrites = 1,
    AllowOom = 2,
    AllowStale = 4,
    NoCluster = 8,
    AllowCrossSlotKeys = 16,

    /// <summary>An EVAL script without a shebang: the rules of before flags existed.</summary>
    Undeclared = 32,
}

internal static class ScriptFlagNames
{
    public static readonly (ScriptFlags Flag, string Name)[] All =
    [
        (ScriptFlags.NoWrites, "no-writes"), (ScriptFlags.AllowOom, "allow-oom"), (ScriptFlags.AllowStale, "allow-stale"),
        (ScriptFlags.NoCluster, "no-cluster"), (ScriptFlags.AllowCrossSlotKeys, "allow-cross-slot-keys"),
    ];

    /// <summary>The flag of that name, or None.</summary>
    public static ScriptFlags Find(ReadOnlySpan<byte> name, bool ignoreCase)
    {
        string text = Encoding.Latin1.GetString(name);
        foreach (var (flag, known) in All)
            if (string.Equals(known, text, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal)) return flag;
        return ScriptFlags.None;
    }

    /// <summary>What the gates see of a call: a script's own declaration overrules the command's row.</summary>
    public static CommandFlags Apply(CommandFlags ofRow, ScriptFlags declared)
    {
        if ((declared & ScriptFlags.Undeclared) != 0) return ofRow;
        var flags = ofRow & ~(CommandFlags.Stale | CommandFlags.DenyOom | CommandFlags.Write | CommandFlags.MayReplicate);
        // A script that does not write cannot fill the memory.
        if ((declared & (ScriptFlags.AllowOom | ScriptFlags.NoWrites)) == 0) flags |= CommandFlags.DenyOom;
        if ((declared & ScriptFlags.NoWrites) == 0) flags |= CommandFlags.Write;
        if ((declared & ScriptFlags.AllowStale) != 0) flags |= CommandFlags.Stale;
        return flags;
    }
}
