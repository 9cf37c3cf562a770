// Users and sessions together: who a session is, what it is denied, and which sessions end when users change.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;

namespace Shoal.Server.Security;

/// <summary>Access control of the node. Engine thread.</summary>
public sealed class AccessControl(NodeServices node)
{
    public Users Users { get; } = new(node.Commands);

    /// <summary>
    /// The permission gate: null, or what is denied, which is then in ACL LOG with <paramref name="context"/> (toplevel, multi, lua).
    /// </summary>
    public Denial? Check(Session session, Command command, in Request request, string context)
    {
        if (session.User.IsUnrestricted) return null;
        var denial = session.User.Check(command, request);
        if (denial.Kind == DenialKind.None) return null;
        session.LastCommand = command;
        string name = denial.Kind == DenialKind.Command ? command.FullName : AclText.Of(request[denial.Argument]);
        Users.Log.Add(denial.Kind, context, name, session.User.Name, ClientCommands.Describe(node, session), node.NowMs);
        return denial;
    }

    /// <summary>AUTH and HELLO AUTH: the session becomes the user; false when name or password is wrong.</summary>
    public bool LogIn(Session session, ReadOnlySpan<byte> name, ReadOnlySpan<byte> password)
    {
        if (Users.LogIn(name, password) is { } user)
        {
            session.User = user;
            session.Authenticated = true;
            return true;
        }
        string context = session.Transaction is null ? "toplevel" : "multi";
        Users.Log.Add(DenialKind.Login, context, "AUTH", AclText.Of(name), ClientCommands.Describe(node, session), node.NowMs);
        return false;
    }

    /// <summary>The session is again what a new connection is.</summary>
    public void LogOut(Session session)
    {
        session.User = Users.Default;
        session.Authenticated = !Users.LoginRequired;
    }

    /// <summary>Ends the sessions of users that are gone. The session that asked gets its reply first.</summary>
    internal void CloseSessionsOf(IReadOnlyList<User> gone, Session asking) =>
        node.Sessions.Close(s => gone.Contains(s.User), asking, exceptToo: true);

    /// <summary>Ends the sessions that are subscribed to what their user may no longer hear.</summary>
    internal void CloseForbiddenSubscribers(User user, Session asking) =>
        node.Sessions.Close(s => s.User == user && s.Subscriptions is { } own && !MayHear(user, own), asking, exceptToo: true);

    private static bool MayHear(User user, Subscriptions subscriptions)
    {
        foreach (var scope in Enum.GetValues<Scope>())
            foreach (byte[] name in subscriptions.Of(scope))
                if (!user.AllowsChannel(name, isPattern: scope == Scope.Pattern)) return false;
        return true;
    }
}
