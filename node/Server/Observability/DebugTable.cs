// The sub-commands of DEBUG. In Redis DEBUG is one row of the command table (COMMAND INFO shows no sub-commands, statistics
// count "debug"), so they live in a table of their own, to which the parts that own the data add theirs.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Observability;

/// <summary>Finds and runs a sub-command of DEBUG.</summary>
public sealed class DebugTable
{
    private readonly Dictionary<string, (int Least, int Most, CommandHandler Handler)> _rows = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a sub-command that takes from <paramref name="least"/> to <paramref name="most"/> arguments behind its name.</summary>
    public void Add(string name, int least, int most, CommandHandler handler) => _rows.Add(name, (least, most, handler));

    /// <summary>The handler of the DEBUG row.</summary>
    public void Run(ref CommandContext c)
    {
        string name = System.Text.Encoding.Latin1.GetString(c[1]);
        if (name.Equals("help", StringComparison.OrdinalIgnoreCase))
        {
            Help(ref c);
            return;
        }
        int given = c.ArgCount - 2;
        if (_rows.TryGetValue(name, out var row) && given >= row.Least && given <= row.Most) row.Handler(ref c);
        else c.Reply.Error(ErrorReplies.UnknownSubcommandOrArity(name, "DEBUG"));
    }

    private void Help(ref CommandContext c)
    {
        c.Reply.Array(_rows.Count + 1);
        c.Reply.Simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        foreach (string name in _rows.Keys.Order(StringComparer.Ordinal)) c.Reply.Simple(name.ToUpperInvariant());
    }
}
