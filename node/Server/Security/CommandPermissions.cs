// Which commands a selector permits: a bit per command and sub-command, resolved when a rule is applied, and the rules
// themselves, shortened as Redis shortens them, for those who ask.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Sessions;

namespace Shoal.Server.Security;

internal sealed class CommandPermissions
{
    private readonly ulong[] _bits;
    private readonly List<(bool Allow, string Rule)> _rules = [];
    private Dictionary<int, List<string>>? _firstArguments;
    private bool _startsWithAll;

    public CommandPermissions(int commandCount) => _bits = new ulong[(commandCount + 63) / 64];

    private CommandPermissions(CommandPermissions other)
    {
        _bits = [.. other._bits];
        _rules.AddRange(other._rules);
        _firstArguments = other._firstArguments?.ToDictionary(p => p.Key, p => p.Value.ToList());
        _startsWithAll = other._startsWithAll;
        All = other.All;
    }

    /// <summary>Every command, with nothing taken away.</summary>
    public bool All { get; private set; }

    /// <summary>The rules as ACL LIST prints them.</summary>
    public string Text =>
        string.Join(' ', _rules.Select(r => (r.Allow ? '+' : '-') + r.Rule).Prepend(_startsWithAll ? "+@all" : "-@all"));

    public CommandPermissions Copy() => new(this);

    public bool Allows(Command command, in Request request)
    {
        if (All || (_bits[command.Id >> 6] & (1ul << command.Id)) != 0 || command.Has(CommandFlags.NoAuth)) return true;
        if (_firstArguments is null || request.Count < 2 || !_firstArguments.TryGetValue(command.Id, out var arguments)) return false;
        foreach (string argument in arguments)
            if (SessionCommands.Is(request[1], argument)) return true;
        return false;
    }

    /// <summary>+@all or -@all.</summary>
    public void SetAll(bool allow)
    {
        Array.Fill(_bits, allow ? ulong.MaxValue : 0);
        All = _startsWithAll = allow;
        _rules.Clear();
        _firstArguments = null;
    }

    public void SetCommand(Command command, bool allow)
    {
        Set(command, allow);
        foreach (var sub in command.Subcommands.Values) Set(sub, allow);
        Remember(command.FullName, allow);
    }

    public void SetCategory(CommandTable table, string name, uint category, bool allow)
    {
        Remember("@" + name.ToLowerInvariant(), allow);
        foreach (var command in table.All)
        {
            // A container's bit brings its sub-commands; those of another category are then set right one by one.
            if ((CommandCategories.MaskOf(command) & category) != 0)
            {
                Set(command, allow);
                foreach (var sub in command.Subcommands.Values) Set(sub, allow);
            }
            foreach (var sub in command.Subcommands.Values)
                if ((CommandCategories.MaskOf(sub) & category) != 0) Set(sub, allow);
        }
    }

    /// <summary>The deprecated form "+select|0": the command only with this first argument.</summary>
    public void AllowFirstArgument(Command command, string argument)
    {
        _firstArguments ??= [];
        if (!_firstArguments.TryGetValue(command.Id, out var arguments)) _firstArguments[command.Id] = arguments = [];
        if (!arguments.Contains(argument, StringComparer.OrdinalIgnoreCase)) arguments.Add(argument);
        Remember(command.Name + "|" + argument.ToLowerInvariant(), true);
    }

    private void Set(Command command, bool allow)
    {
        if (allow) _bits[command.Id >> 6] |= 1ul << command.Id;
        else
        {
            _bits[command.Id >> 6] &= ~(1ul << command.Id);
            All = false;
        }
        _firstArguments?.Remove(command.Id);
    }

    /// <summary>A later rule about the same command makes earlier ones about it, or its sub-commands, pointless.</summary>
    private void Remember(string rule, bool allow)
    {
        _rules.RemoveAll(r => r.Rule == rule || r.Rule.StartsWith(rule + "|", StringComparison.Ordinal));
        _rules.Add((allow, rule));
    }
}
