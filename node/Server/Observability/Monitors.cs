// MONITOR: sessions that see every command of everybody, as a line per command, behind its execution. Commands of
// administrators are left out, and secrets are shown as "(redacted)".
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

namespace Shoal.Server.Observability;

/// <summary>The monitoring sessions. Engine thread.</summary>
public sealed class Monitors(NodeServices node)
{
    private readonly HashSet<Session> _sessions = [];
    private readonly NativeBuffer _line = new(256);

    public bool Any => _sessions.Count > 0;

    /// <summary>Makes the session a monitor; false when it is one.</summary>
    public bool Add(Session session)
    {
        if (!_sessions.Add(session)) return false;
        session.IsMonitor = session.IsRestricted = true;
        node.Dispatcher.Observe();
        return true;
    }

    /// <summary>RESET, or the session left.</summary>
    public void Remove(Session session)
    {
        if (!_sessions.Remove(session)) return;
        session.IsMonitor = false;
        session.IsRestricted = session.Kind == SessionKind.PubSub;
        node.Dispatcher.Observe();
    }

    /// <summary>A command has run.</summary>
    public void CommandRan(ref CommandContext c)
    {
        if (!Any || c.Command.Has(CommandFlags.Admin | CommandFlags.SkipMonitor) || node.Serving.IsLoading) return;
        _line.Clear(64 * 1024);
        long micros = (node.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10;
        Text(string.Create(CultureInfo.InvariantCulture, $"+{micros / 1_000_000}.{micros % 1_000_000:D6} [{c.Session.Db} {Origin(ref c)}]"));
        for (int i = 0; i < c.ArgCount; i++)
        {
            _line.Append(" "u8);
            if (IsSecret(ref c, i)) _line.Append("\"(redacted)\""u8);
            else Quote(c[i]);
        }
        _line.Append("\r\n"u8);
        foreach (var session in _sessions) session.Push(_line.Written);
    }

    private static string Origin(ref CommandContext c) =>
        c.IsScript ? "lua" : c.Session.Address.StartsWith('/') ? "unix:" + c.Session.Address : c.Session.Address;

    /// <summary>Passwords of AUTH, HELLO AUTH and MIGRATE AUTH.</summary>
    private static bool IsSecret(ref CommandContext c, int at) => c.Command.Name switch
    {
        "auth" => at > 0,
        "hello" => at > 2 && (c[at - 1].Is("AUTH"u8) || at > 3 && c[at - 2].Is("AUTH"u8)),
        "migrate" => at > 6 && (c[at - 1].Is("AUTH"u8) || c[at - 1].Is("AUTH2"u8) || c[at - 2].Is("AUTH2"u8)),
        _ => false,
    };

    private void Text(string text)
    {
        foreach (char letter in text) _line.Append([(byte)letter]);
    }

    /// <summary>An argument in quotes, with C's escapes.</summary>
    private void Quote(ReadOnlySpan<byte> argument)
    {
        _line.Append("\""u8);
        foreach (byte b in argument)
        {
            switch (b)
            {
                case (byte)'\\' or (byte)'"': _line.Append([(byte)'\\', b]); break;
                case (byte)'\n': _line.Append("\\n"u8); break;
                case (byte)'\r': _line.Append("\\r"u8); break;
                case (byte)'\t': _line.Append("\\t"u8); break;
                case 7: _line.Append("\\a"u8); break;
                case 8: _line.Append("\\b"u8); break;
                case >= 32 and < 127: _line.Append([b]); break;
                default: _line.Append([(byte)'\\', (byte)'x', Hex(b >> 4), Hex(b & 15)]); break;
            }
        }
        _line.Append("\""u8);
    }

    private static byte Hex(int digit) => (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
}
