// ACL: users and what they may do, as clients see and change it.
using System.Buffers.Text;
using System.Security.Cryptography;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;
using static Shoal.Server.Sessions.SessionCommands;

namespace Shoal.Server.Security;

public static class AclCommands
{
    private const int MaxPasswordBits = 4096;
    private const string NoFile =
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command "
        + "and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.";

    public static void Register(CommandTable t)
    {
        const CommandFlags ask = NoScript | Loading | Stale, change = ask | Admin;
        t.Add("acl", -2, None, Keys.None, "", static (ref CommandContext c) => c.WrongArity())
            .With("cat", -2, ask, Keys.None, Categories)
            .With("deluser", -3, change, Keys.None, DeleteUsers)
            .With("dryrun", -4, change, Keys.None, DryRun)
            .With("genpass", -2, ask, Keys.None, GeneratePassword)
            .With("getuser", 3, change, Keys.None, GetUser)
            .With("help", 2, Loading | Stale, Keys.None, Help)
            .With("list", 2, change, Keys.None, List)
            .With("load", 2, change, Keys.None, Load)
            .With("log", -2, change, Keys.None, Log)
            .With("save", 2, change, Keys.None, Save)
            .With("setuser", -3, change, Keys.None, SetUser)
            .With("users", 2, change, Keys.None, Names)
            .With("whoami", 2, ask, Keys.None, WhoAmI);
    }

    private static void SetUser(ref CommandContext c)
    {
        string name = AclText.Of(c[2]);
        if (AclText.HasSpaces(name))
        {
            c.Reply.Error("ERR Usernames can't contain spaces or null characters");
            return;
        }
        var words = new List<string>();
        for (int i = 3; i < c.ArgCount; i++) words.Add(AclText.Of(c[i]));
        if (c.Node.Access.Users.Set(name, words) is { } error)
        {
            c.Reply.Error(AclText.Bytes("ERR " + error));
            return;
        }
        c.Node.Config.Find("user")!.IsSet = true;
        c.Node.Access.CloseForbiddenSubscribers(c.Node.Access.Users.Find(c[2])!, c.Session);
        c.Reply.Ok();
    }

    private static void DeleteUsers(ref CommandContext c)
    {
        var users = c.Node.Access.Users;
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (!c[i].SequenceEqual("default"u8)) continue;
            c.Reply.Error("ERR The 'default' user cannot be removed");
            return;
        }
        var gone = new List<User>();
        for (int i = 2; i < c.ArgCount; i++)
            if (users.Remove(AclText.Of(c[i])) is { } user) gone.Add(user);
        c.Node.Config.Find("user")!.IsSet = true;
        c.Node.Access.CloseSessionsOf(gone, c.Session);
        c.Reply.Integer(gone.Count);
    }

    private static void GetUser(ref CommandContext c)
    {
        if (c.Node.Access.Users.Find(c[2]) is not { } user)
        {
            c.Reply.Null();
            return;
        }
        var w = c.Reply;
        w.Map(6);
        w.Bulk("flags"u8);
        var flags = user.Flags().ToList();
        w.Set(flags.Count);
        foreach (string flag in flags) w.Bulk(flag);
        w.Bulk("passwords"u8);
        w.Array(user.Passwords.Count);
        foreach (string password in user.Passwords) w.Bulk(password);
        Write(w, user.Root);
        w.Bulk("selectors"u8);
        w.Array(user.Selectors.Count - 1);
        foreach (var selector in user.Selectors.Skip(1))
        {
            w.Map(3);
            Write(w, selector);
        }
    }

    private static void Write(ReplyWriter w, Selector selector)
    {
        w.Bulk("commands"u8);
        AclText.Write(w, selector.Commands.Text);
        w.Bulk("keys"u8);
        AclText.Write(w, selector.KeysText);
        w.Bulk("channels"u8);
        AclText.Write(w, selector.ChannelsText);
    }

    private static void List(ref CommandContext c)
    {
        var all = c.Node.Access.Users.All;
        c.Reply.Array(all.Count);
        foreach (var user in all) AclText.Write(c.Reply, $"user {user.Name} {user.Describe()}");
    }

    private static void Names(ref CommandContext c)
    {
        var all = c.Node.Access.Users.All;
        c.Reply.Array(all.Count);
        foreach (var user in all) AclText.Write(c.Reply, user.Name);
    }

    private static void WhoAmI(ref CommandContext c) => AclText.Write(c.Reply, c.Session.User.Name);

    private static void Categories(ref CommandContext c)
    {
        if (c.ArgCount > 3)
        {
            WrongForm(ref c);
            return;
        }
        if (c.ArgCount == 2)
        {
            c.Reply.Array(CommandCategories.Names.Length);
            foreach (string name in CommandCategories.Names) c.Reply.Bulk(name);
            return;
        }
        uint category = CommandCategories.Find(AclText.Of(c[2]));
        if (category == 0)
        {
            c.Reply.Error(AclText.Bytes($"ERR Unknown category '{AclText.Of(c[2])}'"));
            return;
        }
        var found = c.Node.Commands.All.SelectMany(m => m.Subcommands.Values.Prepend(m))
            .Where(m => (CommandCategories.MaskOf(m) & category) != 0).ToList();
        c.Reply.Array(found.Count);
        foreach (var command in found) c.Reply.Bulk(command.FullName);
    }

    private static void GeneratePassword(ref CommandContext c)
    {
        int bits = 256;
        if (c.ArgCount > 3)
        {
            WrongForm(ref c);
            return;
        }
        if (c.ArgCount == 3 && !TryNumber(ref c, c[2], out bits)) return;
        if (bits is <= 0 or > MaxPasswordBits)
        {
            c.Reply.Error($"ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to {MaxPasswordBits}");
            return;
        }
        c.Reply.Bulk(RandomNumberGenerator.GetHexString((bits + 3) / 4, lowercase: true));
    }

    private static void Log(ref CommandContext c)
    {
        var log = c.Node.Access.Users.Log;
        int count = 10;
        if (c.ArgCount > 3) WrongForm(ref c);
        else if (c.ArgCount == 3 && Is(c[2], "RESET"))
        {
            log.Reset();
            c.Reply.Ok();
        }
        else if (c.ArgCount == 2 || TryNumber(ref c, c[2], out count)) log.Write(c.Reply, count, c.NowMs);
    }

    private static void DryRun(ref CommandContext c)
    {
        if (c.Node.Access.Users.Find(c[2]) is not { } user)
        {
            c.Reply.Error(AclText.Bytes($"ERR User '{AclText.Of(c[2])}' not found"));
            return;
        }
        var request = c.Request.Skip(3);
        var command = c.Node.Commands.Find(request[0]);
        if (command is { Subcommands.Count: > 0 } && request.Count > 1) command = command.Subcommand(request[1]);
        if (command is null) c.Reply.Error(AclText.Bytes($"ERR Command '{AclText.Of(request[0])}' not found"));
        else if (!command.Accepts(request.Count)) c.Reply.Error(ErrorReplies.WrongArity(command.FullName));
        else if (user.Check(command, request) is { Kind: not DenialKind.None } denial) AclText.Write(c.Reply, denial.Detail(user, command, request));
        else c.Reply.Ok();
    }

    private static void Load(ref CommandContext c)
    {
        string path = c.Node.Config.Text("aclfile");
        if (path.Length == 0) c.Reply.Error(NoFile);
        else if (AclFile.Read(c.Node.Access.Users, path, out string errors) is { } users)
        {
            c.Node.Access.CloseSessionsOf(c.Node.Access.Users.Replace(users), c.Session);
            c.Reply.Ok();
        }
        else c.Reply.Error(AclText.Bytes("ERR " + errors));
    }

    private static void Save(ref CommandContext c)
    {
        string path = c.Node.Config.Text("aclfile");
        if (path.Length == 0)
        {
            c.Reply.Error(NoFile);
            return;
        }
        try
        {
            AclFile.Write(c.Node.Access.Users, path);
            c.Reply.Ok();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            c.Reply.Error("ERR There was an error trying to save the ACLs. " + e.Message);
        }
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines =
        [
            "ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CAT [<category>]", "    The commands of a category, or all categories.",
            "DELUSER <username> [<username> ...]", "    Removes users and closes their connections.",
            "DRYRUN <username> <command> [<arg> ...]", "    Says whether the user may run the command; does not run it.",
            "GETUSER <username>", "    Shows a user.",
            "GENPASS [<bits>]", "    A random password in hex, of 256 bits or as many as given.",
            "LIST", "    All users as an ACL file has them.",
            "LOAD", "    Reads the users of the ACL file.",
            "LOG [<count> | RESET]", "    What was denied lately.",
            "SAVE", "    Writes the users to the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]", "    Makes or changes a user.",
            "USERS", "    The names of all users.",
            "WHOAMI", "    The name of this connection's user.",
            "HELP", "    Prints this help.",
        ];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }

    private static void WrongForm(ref CommandContext c) =>
        c.Reply.Error(AclText.Bytes($"ERR unknown subcommand or wrong number of arguments for '{AclText.Of(c[1])}'. Try ACL HELP."));

    private static bool TryNumber(ref CommandContext c, ReadOnlySpan<byte> text, out int number)
    {
        number = 0;
        bool good = Utf8Parser.TryParse(text, out long value, out int used) && used == text.Length;
        if (good) number = (int)Math.Clamp(value, int.MinValue, int.MaxValue);
        else c.Reply.Error(ErrorReplies.NotInteger);
        return good;
    }
}
