// One row of the command table: everything the gates, COMMAND and ACL categories need to know, beside its handler.
using Shoal.Protocol.Resp;
using Shoal.Server.Observability;

namespace Shoal.Server.Commands;

/// <summary>Runs one command. Writes exactly one reply (or parks the session).</summary>
public delegate void CommandHandler(ref CommandContext c);

/// <summary>The flags of one request, from those of its row.</summary>
public delegate CommandFlags FlagReader(in Request request, CommandFlags ofRow);

/// <summary>
/// A command. <paramref name="Arity"/> counts the name; negative means "at least". <paramref name="Categories"/> are the
/// ACL categories beside those that follow from the flags, space separated, without '@'.
/// </summary>
public sealed record Command(
    string Name, int Arity, CommandFlags Flags, KeyRange Keys, string Categories, CommandHandler Handler)
{
    private readonly Dictionary<string, Command> _subcommands = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>For a sub-command, its container ("config" of "config|get").</summary>
    public Command? Container { get; private set; }

    /// <summary>The name errors and INFO use: "get", "config|get".</summary>
    public string FullName => Container is null ? Name : Container.Name + "|" + Name;

    /// <summary>Number in the table, sub-commands included; dense, for permission bitmaps. -1 until the table is complete.</summary>
    public int Id { get; internal set; } = -1;

    /// <summary>Calls, microseconds, failures and rejections since CONFIG RESETSTAT.</summary>
    public CommandStatistics Statistics { get; } = new();

    public IReadOnlyDictionary<string, Command> Subcommands => _subcommands;

    /// <summary>So short that reading the clock around each call would show: timed one call in some.</summary>
    public bool IsShort { get; } = (Flags & CommandFlags.Fast) != 0 || Name is "set" or "setex" or "psetex";

    public bool IsWrite => (Flags & CommandFlags.Write) != 0;

    /// <summary>Reads flags off the request (EVAL of a script that declares its own); null when <see cref="Flags"/> say it all.</summary>
    public FlagReader? FlagsFrom { get; init; }

    /// <summary>The flags of one request.</summary>
    public CommandFlags FlagsOf(in Request request) => FlagsFrom is null ? Flags : FlagsFrom(request, Flags);

    public bool Has(CommandFlags flag) => (Flags & flag) != 0;

    /// <summary>True when a request of <paramref name="count"/> arguments fits the arity.</summary>
    public bool Accepts(int count) => Arity > 0 ? count == Arity : count >= -Arity;

    /// <summary>
    /// Adds a sub-command, found by argument 1 (its arity counts both names). The container's own handler then runs only
    /// when it is called without one. Returns this, so that rows chain.
    /// </summary>
    public Command With(string name, int arity, CommandFlags flags, KeyRange keys, CommandHandler handler)
    {
        _subcommands.Add(name, new Command(name, arity, flags, keys, Categories, handler) { Container = this });
        return this;
    }

    /// <summary>The sub-command argument 1 names, or null.</summary>
    public Command? Subcommand(ReadOnlySpan<byte> name)
    {
        if (name.Length > 64) return null;
        Span<char> text = stackalloc char[name.Length];
        for (int i = 0; i < name.Length; i++) text[i] = (char)name[i];
        return _subcommands.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var found) ? found : null;
    }

    // Records compare by value; a command is itself.
    public bool Equals(Command? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}

/// <summary>Running totals of one command; written by the engine thread only.</summary>
public sealed class CommandStatistics
{
    public long Calls;
    public long Microseconds;
    public long Failed;
    public long Rejected;

    /// <summary>How long calls take; null until one was measured (latency-tracking).</summary>
    public LatencyHistogram? Latency { get; private set; }

    public void AddLatency(long nanoseconds, int calls) => (Latency ??= new LatencyHistogram()).Add(nanoseconds, calls);

    public void Reset()
    {
        Calls = Microseconds = Failed = Rejected = 0;
        Latency = null;
    }
}
