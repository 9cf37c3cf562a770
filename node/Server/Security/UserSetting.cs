// The "user" lines of redis.conf: checked word by word while the file is read, so that a bad rule is told with its line; made
// users when the node is built; written back by CONFIG REWRITE as the users are by then.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Security;

internal sealed class UserSetting(CommandTable commands, Func<NodeServices?> node) : Setting("user", live: false)
{
    private readonly Dictionary<string, IReadOnlyList<string>> _users = new(StringComparer.Ordinal);

    /// <summary>Rules by user name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Users => _users;

    /// <summary>CONFIG GET shows users as little as Redis does.</summary>
    public override string Text => "";

    public override IEnumerable<string> Lines =>
        node() is not { } running || running.Config.Text("aclfile").Length > 0 ? []
        : running.Access.Users.All.Select(u => AclText.ToUtf8($"{u.Name} {u.Describe()}"));

    internal override string? Parse(IReadOnlyList<string> words)
    {
        if (words.Count == 0) return "wrong number of arguments";
        string name = AclText.OfUtf8(words[0]);
        if (AclText.HasSpaces(name)) return "Spaces not allowed in ACL usernames";
        if (_users.ContainsKey(name)) return "Duplicate user found. A user can only be defined once in config files";
        var rules = words.Skip(1).Select(AclText.OfUtf8).ToList();
        if (AclRules.Join(rules, out int open) is not { } joined) return $"Unmatched parenthesis in acl selector starting at '{rules[open]}'.";
        var trial = new Users(commands);
        if (trial.Change(trial.NewUser(name), joined) is { } failed) return failed.Reason;
        _users.Add(name, rules);
        return null;
    }

    internal override object? Save() => null;

    internal override void Restore(object? saved)
    {
    }
}
