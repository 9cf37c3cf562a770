// Why a user may not run a request, in Redis's words.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Security;

/// <summary>What was denied. A higher kind says more: of several selectors' reasons the highest is told.</summary>
public enum DenialKind : byte
{
    None,
    Command,
    Key,
    /// <summary>A login failed (ACL LOG only).</summary>
    Login,
    Channel,
}

/// <summary>A refused request.</summary>
/// <param name="Argument">Index of the key or channel.</param>
public readonly record struct Denial(DenialKind Kind, int Argument)
{
    /// <summary>The error of a command a client sent.</summary>
    public string Error(User user, Command command) => "NOPERM " + Reason(user, command);

    /// <summary>The reason without its code; scripts put their own words before it.</summary>
    public string Reason(User user, Command command) => Kind switch
    {
        DenialKind.Key => "No permissions to access a key",
        DenialKind.Channel => "No permissions to access a channel",
        _ => $"User {AclText.ToUtf8(user.Name)} has no permissions to run the '{command.FullName}' command",
    };

    /// <summary>The reason with the key or channel in it, as ACL DRYRUN tells it.</summary>
    public string Detail(User user, Command command, in Request request) => Kind switch
    {
        DenialKind.Key => $"User {user.Name} has no permissions to access the '{AclText.Of(request[Argument])}' key",
        DenialKind.Channel => $"User {user.Name} has no permissions to access the '{AclText.Of(request[Argument])}' channel",
        _ => $"User {user.Name} has no permissions to run the '{command.FullName}' command",
    };

    /// <summary>The error of a queued command whose permission was taken away before EXEC.</summary>
    public string ErrorAtExec() =>
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
        + "This command is no longer allowed for the following reason: " + Kind switch
        {
            DenialKind.Key => "no permission to touch the specified keys",
            DenialKind.Channel => "no permission to access one of the channels used as arguments to the command",
            _ => "no permission to execute the command or subcommand",
        };
}
