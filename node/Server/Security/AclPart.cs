// Access control as a part of the node: the ACL commands, the users of redis.conf or of an ACL file, lines of INFO.
using Microsoft.Extensions.Logging;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;

namespace Shoal.Server.Security;

internal sealed class AclPart : INodePart
{
    private NodeServices? _node;
    private UserSetting _configured = null!;
    private TextSetting _file = null!;

    public void Register(NodeConfig config, CommandTable commands)
    {
        AclCommands.Register(commands);
        _file = config.Register(new TextSetting("aclfile", "", live: false));
        _configured = config.Register(new UserSetting(commands, () => _node));
        config.Register(new LongSetting("acllog-max-len", 128, 0, int.MaxValue, apply: v => Live(node =>
        {
            node.Access.Users.Log.Limit = (int)v;
            node.Access.Users.Log.Trim();
        })));
        config.Register(new EnumSetting("acl-pubsub-default", "resetchannels", ["resetchannels", "allchannels"],
            apply: v => Live(node => node.Access.Users.Rules.ChannelsByDefault = v == "allchannels")));
    }

    public void Build(NodeServices node)
    {
        _node = node;
        node.Config.Find("acllog-max-len")!.Apply();
        node.Config.Find("acl-pubsub-default")!.Apply();
        LoadUsers(node);
        var totals = node.Access.Users.Log.Totals;
        node.Info.Add("Stats", l => l.Add("acl_access_denied_auth", totals[(int)DenialKind.Login])
            .Add("acl_access_denied_cmd", totals[(int)DenialKind.Command])
            .Add("acl_access_denied_key", totals[(int)DenialKind.Key]).Add("acl_access_denied_channel", totals[(int)DenialKind.Channel]));
    }

    private void LoadUsers(NodeServices node)
    {
        var users = node.Access.Users;
        string path = _file.Value;
        if (path.Length > 0 && _configured.Users.Count > 0)
            throw new StartException("Users defined in redis.conf and an aclfile exclude each other: define all users in one of them.");
        foreach (var (name, rules) in _configured.Users)
        {
            if (users.Set(name, name == users.Default.Name ? ["reset", .. rules] : rules) is { } error)
                throw new StartException($"Error loading the user '{AclText.ToUtf8(name)}': {error}");
            if (!users.Find(AclText.Bytes(name))!.IsEnabled)
                node.Loggers.CreateLogger("acl").LogInformation("The user {User} is disabled: its line has no 'on'", AclText.ToUtf8(name));
        }
        if (path.Length == 0) return;
        users.Replace(AclFile.Read(users, path, out string errors) ?? throw new StartException("Aborting startup because of ACL errors: " + errors));
    }

    private string? Live(Action<NodeServices> change)
    {
        if (_node is not null) change(_node);
        return null;
    }
}
