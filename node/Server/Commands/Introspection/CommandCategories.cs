// ACL categories: their names in Redis's order, and which ones a command belongs to: those its row names and those its flags imply.
using System.Runtime.CompilerServices;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

/// <summary>Categories as bits; bit i is <see cref="Names"/>[i].</summary>
public static class CommandCategories
{
    /// <summary>Every category, as ACL CAT lists them.</summary>
    public static readonly string[] Names =
    [
        "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub",
        "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
    ];

    private static readonly ConditionalWeakTable<Command, object> Masks = [];

    /// <summary>The bit of a category by name in any case; 0 when there is no such category.</summary>
    public static uint Find(string name)
    {
        int index = Array.FindIndex(Names, n => n.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? 0 : 1u << index;
    }

    /// <summary>The categories of a command as bits.</summary>
    public static uint MaskOf(Command command) => (uint)Masks.GetValue(command, static c => (object)Compute(c));

    /// <summary>The categories of a command by name, in Redis's order.</summary>
    public static IEnumerable<string> Of(Command command)
    {
        uint mask = MaskOf(command);
        for (int i = 0; i < Names.Length; i++)
            if ((mask & (1u << i)) != 0) yield return Names[i];
    }

    private static uint Compute(Command command)
    {
        // A container that runs nothing itself belongs nowhere; its sub-commands do.
        if (command.Subcommands.Count > 0 && command.Name != "command") return Find("slow");
        uint mask = 0;
        foreach (string name in command.Categories.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (name is not ("fast" or "slow")) mask |= Find(name);
        if (command.Has(Write)) mask |= Find("write");
        if (command.Has(ReadOnly) && (mask & Find("scripting")) == 0) mask |= Find("read");
        if (command.Has(Admin)) mask |= Find("admin") | Find("dangerous");
        if (command.Has(CommandFlags.PubSub)) mask |= Find("pubsub");
        if (command.Has(CommandFlags.Blocking)) mask |= Find("blocking");
        return mask | Find(command.Has(Fast) ? "fast" : "slow");
    }
}
