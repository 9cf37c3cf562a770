// A user: may it log in, with which passwords, and what may it do. Sessions hold the object, so that a change of permissions
// is felt by the next command; the many nodes with one user that may do everything pay one test for all this.
using System.Security.Cryptography;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Security;

/// <summary>A user of the node. Engine thread.</summary>
public sealed class User
{
    // Keys of the request under check; one list serves all users of the engine thread.
    [ThreadStatic]
    private static List<KeyReference>? t_keys;

    private readonly int _commandCount;

    internal User(string name, int commandCount, bool allChannels)
    {
        Name = name;
        _commandCount = commandCount;
        Selectors = [new Selector(commandCount, allChannels)];
    }

    /// <summary>One char per byte.</summary>
    public string Name { get; }

    public bool IsEnabled { get; internal set; }

    /// <summary>Any password fits.</summary>
    public bool NeedsNoPassword { get; internal set; }

    internal bool SkipsSanitizing { get; set; }

    /// <summary>Passwords as SHA-256 in lower-case hex, in order of addition.</summary>
    internal List<string> Passwords { get; private set; } = [];

    /// <summary>The root selector first.</summary>
    internal List<Selector> Selectors { get; private set; }

    internal Selector Root => Selectors[0];

    /// <summary>Every command, key and channel: nothing else is asked.</summary>
    public bool IsUnrestricted { get; private set; }

    /// <summary>Why the user may not run the request, or nothing. Allocates nothing for commands that are permitted.</summary>
    public Denial Check(Command command, in Request request)
    {
        if (IsUnrestricted) return default;
        var keys = t_keys ??= [];
        keys.Clear();
        // A request whose keys cannot be told fails in its handler.
        if (!command.Keys.IsEmpty) KeyReferences.Collect(command, request, keys);
        var worst = DenialKind.Command;
        int at = 0;
        foreach (var selector in Selectors)
        {
            var kind = selector.Check(command, request, keys, out int argument);
            if (kind == DenialKind.None) return default;
            if (kind < worst || (kind == worst && argument <= at)) continue;
            worst = kind;
            at = argument;
        }
        return new Denial(worst, at);
    }

    /// <summary>
    /// The user may run the request, and may read (or, with <paramref name="flags"/>, write) every key there is: for commands that
    /// reach keys their arguments do not name (SORT BY and GET).
    /// </summary>
    public bool AllowsEveryKey(Command command, in Request request, KeyFlags flags = KeyFlags.Access)
    {
        if (IsUnrestricted) return true;
        var keys = t_keys ??= [];
        keys.Clear();
        if (!command.Keys.IsEmpty) KeyReferences.Collect(command, request, keys);
        foreach (var selector in Selectors)
            if (selector.Check(command, request, keys, out _) == DenialKind.None && selector.AllowsEveryKey(KeyPattern.NeededFor(flags))) return true;
        return false;
    }

    /// <summary>The user may use the channel (or subscribe to the pattern).</summary>
    public bool AllowsChannel(ReadOnlySpan<byte> channel, bool isPattern)
    {
        foreach (var selector in Selectors)
            if (selector.AllowsChannel(channel, isPattern)) return true;
        return false;
    }

    /// <summary>True when the user is enabled and the password fits; takes as long for any password.</summary>
    internal bool LogsIn(ReadOnlySpan<byte> password)
    {
        if (!IsEnabled) return false;
        if (NeedsNoPassword) return true;
        byte[] hash = AclText.Bytes(PasswordHash.Of(password));
        bool fits = false;
        foreach (string known in Passwords) fits |= CryptographicOperations.FixedTimeEquals(hash, AclText.Bytes(known));
        return fits;
    }

    internal Selector AddSelector(bool allChannels) => new(_commandCount, allChannels);

    /// <summary>A user of the same permissions to try rules on.</summary>
    internal User Copy()
    {
        var copy = new User(Name, _commandCount, false);
        copy.Become(this);
        return copy;
    }

    /// <summary>Takes over everything of <paramref name="other"/> but the name.</summary>
    internal void Become(User other)
    {
        (IsEnabled, NeedsNoPassword, SkipsSanitizing) = (other.IsEnabled, other.NeedsNoPassword, other.SkipsSanitizing);
        Passwords = [.. other.Passwords];
        Selectors = [.. other.Selectors.Select(s => s.Copy())];
        IsUnrestricted = Selectors.Exists(s => s.IsUnrestricted);
    }

    /// <summary>Words of ACL GETUSER's "flags", in Redis's order.</summary>
    internal IEnumerable<string> Flags()
    {
        yield return IsEnabled ? "on" : "off";
        if (NeedsNoPassword) yield return "nopass";
        yield return SkipsSanitizing ? "skip-sanitize-payload" : "sanitize-payload";
    }

    /// <summary>The user's rules in canonical form, as ACL LIST and files have them.</summary>
    internal string Describe() => string.Join(' ',
        Flags().Concat(Passwords.Select(p => "#" + p)).Append(Root.Text).Concat(Selectors.Skip(1).Select(s => "(" + s.Text + ")")));
}
