// One message as bytes, once per protocol version: a thousand subscribers cost one encoding.
using Shoal.Protocol.Resp;

namespace Shoal.Server.PubSub;

/// <summary>Encodes on first use; <see cref="Clear"/> begins the next message.</summary>
internal sealed class EncodedMessage
{
    private const int Kept = 64 * 1024;

    private readonly ReplyWriter _two = new(1024) { Resp = 2 }, _three = new(1024) { Resp = 3 };

    public void Clear()
    {
        _two.Clear(Kept);
        _three.Clear(Kept);
    }

    /// <summary>message, smessage (<paramref name="pattern"/> empty) or pmessage. A pattern that is itself empty is still one.</summary>
    public ReadOnlySpan<byte> Message(
        int resp, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> message)
    {
        var w = resp == 2 ? _two : _three;
        if (w.Length > 0) return w.Written;
        bool byPattern = kind[0] == 'p';
        w.Push(byPattern ? 4 : 3);
        w.Bulk(kind);
        if (byPattern) w.Bulk(pattern);
        w.Bulk(channel);
        w.Bulk(message);
        return w.Written;
    }

    /// <summary>"subscribe" and its kin: what happened, to which name, and how many subscriptions there are now.</summary>
    public ReadOnlySpan<byte> Confirmation(int resp, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> name, int count)
    {
        var w = resp == 2 ? _two : _three;
        if (w.Length == 0) Confirm(w, kind, name, count);
        return w.Written;
    }

    /// <summary>Writes a confirmation as the reply of the running command.</summary>
    public static void Confirm(ReplyWriter w, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> name, int count)
    {
        w.Push(3);
        w.Bulk(kind);
        w.Bulk(name);
        w.Integer(count);
    }
}
