// The filters of CLIENT KILL: all that are given must fit.
using System.Buffers.Text;
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Sessions.SessionCommands;

namespace Shoal.Server.Sessions;

internal sealed class ClientFilter
{
    private long? _id;
    private SessionKind? _kind;
    private string? _address, _localAddress;
    private Security.User? _user;
    private long _now, _maxAge;

    /// <summary>The caller itself is spared.</summary>
    public bool SkipMe { get; private set; } = true;

    /// <summary>Reads the options from argument 2 on; null when an error was written.</summary>
    public static ClientFilter? Parse(ref CommandContext c)
    {
        var filter = new ClientFilter { _now = c.NowMs };
        for (int i = 2; i < c.ArgCount; i += 2)
        {
            string? error = i + 1 < c.ArgCount ? filter.Option(c.Node, c[i], c[i + 1]) : ErrorReplies.Syntax;
            if (error is null) continue;
            c.Reply.Error(error);
            return null;
        }
        return filter;
    }

    public bool Matches(Session s) =>
        (_id is null || s.Id == _id) && (_kind is null || s.Kind == _kind) && (_user is null || s.User == _user)
        && (_address is null || s.Connection!.RemoteAddress == _address)
        && (_localAddress is null || s.Connection!.LocalAddress == _localAddress)
        && (_maxAge == 0 || _now - s.CreatedMs >= _maxAge * 1000);

    private string? Option(Hosting.NodeServices node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (Is(name, "ID") || Is(name, "MAXAGE"))
        {
            if (!Utf8Parser.TryParse(value, out long number, out int used) || used != value.Length || number <= 0)
                return Is(name, "ID") ? "ERR client-id should be greater than 0" : ErrorReplies.Syntax;
            if (Is(name, "ID")) _id = number;
            else _maxAge = number;
        }
        else if (Is(name, "TYPE"))
        {
            _kind = ClientCommands.KindOf(value);
            if (_kind is null) return $"ERR Unknown client type '{Encoding.Latin1.GetString(value)}'";
        }
        else if (Is(name, "ADDR")) _address = Encoding.Latin1.GetString(value);
        else if (Is(name, "LADDR")) _localAddress = Encoding.Latin1.GetString(value);
        else if (Is(name, "USER"))
        {
            _user = node.Access.Users.Find(value);
            if (_user is null) return $"ERR No such user '{Encoding.UTF8.GetString(value)}'";
        }
        else if (Is(name, "SKIPME") && (Is(value, "YES") || Is(value, "NO"))) SkipMe = Is(value, "YES");
        else return ErrorReplies.Syntax;
        return null;
    }
}
