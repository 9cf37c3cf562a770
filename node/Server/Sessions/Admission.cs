// Who may connect at all: the client limit and protected mode.
using Shoal.Server.Hosting;
using Shoal.Server.Network;

namespace Shoal.Server.Sessions;

internal static class Admission
{
    /// <summary>Makes a session for a new connection, or refuses it with Redis's words.</summary>
    public static bool Admit(NodeServices node, Connection connection)
    {
        if (node.Sessions.Count >= node.Sessions.Limit)
        {
            node.Counters.RejectedConnections++;
            connection.Send("-ERR max number of clients reached\r\n"u8);
            return false;
        }
        if (node.ProtectedMode && node.Access.Users.Default.NeedsNoPassword && !connection.IsLocal)
        {
            node.Counters.RejectedConnections++;
            connection.Send("-DENIED Shoal is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. Set requirepass, bind to loopback, or set protected-mode to 'no'.\r\n"u8);
            return false;
        }
        node.Counters.Connections++;
        var session = new Session(node, connection);
        connection.State = session;
        node.Sessions.Add(session);
        return true;
    }
}
