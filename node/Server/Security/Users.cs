// All users of the node by name, changed as a whole or not at all; and the log of what they were denied.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Sessions;

namespace Shoal.Server.Security;

/// <summary>The users. Engine thread.</summary>
public sealed class Users
{
    private static readonly string[] OpenToAll = ["reset", "on", "nopass", "~*", "&*", "+@all"];

    private readonly SortedDictionary<string, User> _users = new(StringComparer.Ordinal);
    private readonly int _commandCount;

    /// <summary>Only "default", who may do everything without a password.</summary>
    public Users(CommandTable commands)
    {
        _commandCount = commands.NumberAll();
        Rules = new AclRules(commands);
        Default = Add("default");
        Change(Default, OpenToAll);
    }

    /// <summary>Whom a connection belongs to until it says otherwise.</summary>
    public User Default { get; }

    /// <summary>A connection must log in before anything else.</summary>
    public bool LoginRequired => !Default.NeedsNoPassword || !Default.IsEnabled;

    /// <summary>Every user, by name.</summary>
    public IReadOnlyCollection<User> All => _users.Values;

    /// <summary>ACL LOG.</summary>
    internal AclLog Log { get; } = new();

    internal AclRules Rules { get; }

    public User? Find(ReadOnlySpan<byte> name) => _users.GetValueOrDefault(AclText.Of(name));

    /// <summary>requirepass: the default user's only password, or (empty) none.</summary>
    public void SetDefaultPassword(string password) =>
        Change(Default, ["resetpass", password.Length == 0 ? "nopass" : ">" + AclText.OfUtf8(password)]);

    /// <summary>The user, when name and password fit; else null.</summary>
    public User? LogIn(ReadOnlySpan<byte> name, ReadOnlySpan<byte> password) => Find(name) is { } user && user.LogsIn(password) ? user : null;

    /// <summary>Applies all rules to a user, which is made when there is none, or none of them: then the error says which.</summary>
    internal string? Set(string name, IReadOnlyList<string> words)
    {
        if (AclRules.Join(words, out int open) is not { } rules) return $"Unmatched parenthesis in acl selector starting at '{words[open]}'.";
        bool known = _users.TryGetValue(name, out var user);
        user ??= NewUser(name);
        if (Change(user, rules) is { } failed) return $"Error in ACL SETUSER modifier '{failed.Rule}': {failed.Reason}";
        if (!known) _users.Add(name, user);
        return null;
    }

    /// <summary>Removes a user; null when there was none. "default" stays.</summary>
    internal User? Remove(string name) => name != Default.Name && _users.Remove(name, out var user) ? user : null;

    /// <summary>A user that is not among the users yet.</summary>
    internal User NewUser(string name) => new(name, _commandCount, Rules.ChannelsByDefault);

    /// <summary>Puts these in the place of all; "default" becomes what the one of that name is. Returns who is gone.</summary>
    internal IReadOnlyList<User> Replace(IReadOnlyList<User> users)
    {
        var gone = _users.Values.Where(u => u != Default).ToList();
        _users.Clear();
        if (users.FirstOrDefault(u => u.Name == Default.Name) is { } changed) Default.Become(changed);
        else Change(Default, OpenToAll);
        _users.Add(Default.Name, Default);
        foreach (var user in users)
            if (user.Name != Default.Name) _users.Add(user.Name, user);
        return gone;
    }

    /// <summary>Applies rules to a user as a whole; the rule that cannot be and the reason, or null.</summary>
    internal (string Rule, string Reason)? Change(User user, IEnumerable<string> rules)
    {
        var trial = user.Copy();
        foreach (string rule in rules)
            if (Rules.Apply(trial, rule) is { } reason) return (rule, reason);
        user.Become(trial);
        return null;
    }

    private User Add(string name)
    {
        var user = NewUser(name);
        _users.Add(name, user);
        return user;
    }
}
