// SUBSCRIBE, PUBLISH and their kin. A subscription answers with one push per name; messages come by Channels.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.PubSub;

internal static class PubSubCommands
{
    public static void Register(CommandTable t)
    {
        const CommandFlags subscribe = CommandFlags.PubSub | NoScript | Loading | Stale, ask = CommandFlags.PubSub | Loading | Stale;
        t.Add("subscribe", -2, subscribe, Keys.None, "", static (ref CommandContext c) => Subscribe(ref c, Scope.Channel, "subscribe"u8));
        t.Add("psubscribe", -2, subscribe, Keys.None, "", static (ref CommandContext c) => Subscribe(ref c, Scope.Pattern, "psubscribe"u8));
        t.Add("ssubscribe", -2, subscribe, Keys.All(), "", static (ref CommandContext c) => Subscribe(ref c, Scope.Shard, "ssubscribe"u8));
        t.Add("unsubscribe", -1, subscribe, Keys.None, "", static (ref CommandContext c) => Unsubscribe(ref c, Scope.Channel, "unsubscribe"u8));
        t.Add("punsubscribe", -1, subscribe, Keys.None, "", static (ref CommandContext c) => Unsubscribe(ref c, Scope.Pattern, "punsubscribe"u8));
        t.Add("sunsubscribe", -1, subscribe, Keys.All(), "", static (ref CommandContext c) => Unsubscribe(ref c, Scope.Shard, "sunsubscribe"u8));
        t.Add("publish", 3, ask | Fast | MayReplicate, Keys.None, "", Publish);
        t.Add("spublish", 3, ask | Fast | MayReplicate, Keys.One(1), "", PublishShard);
        t.Add("pubsub", -2, None, Keys.None, "", static (ref CommandContext c) => c.WrongArity())
            .With("channels", -2, ask, Keys.None, static (ref CommandContext c) => Names(ref c, Scope.Channel))
            .With("shardchannels", -2, ask, Keys.None, static (ref CommandContext c) => Names(ref c, Scope.Shard))
            .With("numsub", -2, ask, Keys.None, static (ref CommandContext c) => Counts(ref c, Scope.Channel))
            .With("shardnumsub", -2, ask, Keys.None, static (ref CommandContext c) => Counts(ref c, Scope.Shard))
            .With("numpat", 2, ask, Keys.None, static (ref CommandContext c) => c.Reply.Integer(c.Node.Channels.CountOf(Scope.Pattern)))
            .With("help", 2, Loading | Stale, Keys.None, Help);
    }

    private static void Subscribe(ref CommandContext c, Scope scope, ReadOnlySpan<byte> kind)
    {
        for (int i = 1; i < c.ArgCount; i++)
        {
            c.Node.Channels.Subscribe(c.Session, scope, c[i]);
            EncodedMessage.Confirm(c.Reply, kind, c[i], c.Session.Subscriptions!.CountFor(scope));
        }
    }

    private static void Unsubscribe(ref CommandContext c, Scope scope, ReadOnlySpan<byte> kind)
    {
        var own = c.Session.Subscriptions;
        if (c.ArgCount > 1)
        {
            for (int i = 1; i < c.ArgCount; i++)
            {
                c.Node.Channels.Unsubscribe(c.Session, scope, c[i].ToArray());
                EncodedMessage.Confirm(c.Reply, kind, c[i], own?.CountFor(scope) ?? 0);
            }
            return;
        }
        byte[][] names = own is null ? [] : [.. own.Of(scope)];
        foreach (byte[] name in names)
        {
            c.Node.Channels.Unsubscribe(c.Session, scope, name);
            EncodedMessage.Confirm(c.Reply, kind, name, own!.CountFor(scope));
        }
        if (names.Length > 0) return;
        c.Reply.Push(3);
        c.Reply.Bulk(kind);
        c.Reply.Null();
        c.Reply.Integer(own?.CountFor(scope) ?? 0);
    }

    private static void Publish(ref CommandContext c)
    {
        int receivers = c.Node.Channels.Publish(c[1], c[2]);
        if (!c.IsReplay) c.Node.Channels.Outward?.Published(c.Session.Db, c.Request, shard: false);
        c.Reply.Integer(receivers);
    }

    private static void PublishShard(ref CommandContext c)
    {
        int receivers = c.Node.Channels.PublishShard(c[1], c[2]);
        if (!c.IsReplay) c.Node.Channels.Outward?.Published(c.Session.Db, c.Request, shard: true);
        c.Reply.Integer(receivers);
    }

    private static void Names(ref CommandContext c, Scope scope)
    {
        if (c.ArgCount > 3)
        {
            string name = System.Text.Encoding.Latin1.GetString(c[1]);
            c.Reply.Error($"ERR unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP.");
            return;
        }
        int mark = c.Reply.DeferArray(), count = 0;
        foreach (byte[] name in c.Node.Channels.NamesOf(scope))
        {
            if (c.ArgCount == 3 && !GlobPattern.Matches(c[2], name)) continue;
            c.Reply.Bulk(name);
            count++;
        }
        c.Reply.EndArray(mark, count);
    }

    private static void Counts(ref CommandContext c, Scope scope)
    {
        c.Reply.Array((c.ArgCount - 2) * 2);
        for (int i = 2; i < c.ArgCount; i++)
        {
            c.Reply.Bulk(c[i]);
            c.Reply.Integer(c.Node.Channels.SubscribersOf(scope, c[i]));
        }
    }

    private static void Help(ref CommandContext c)
    {
        string[] lines =
        [
            "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CHANNELS [<pattern>]", "    Return the currently active channels matching a <pattern> (default: '*').",
            "NUMPAT", "    Return number of subscriptions to patterns.",
            "NUMSUB [<channel> ...]", "    Return the number of subscribers for the specified channels, excluding",
            "    pattern subscriptions(default: no channels).",
            "SHARDCHANNELS [<pattern>]", "    Return the currently active shard level channels matching a <pattern> (default: '*').",
            "SHARDNUMSUB [<shardchannel> ...]", "    Return the number of subscribers for the specified shard level channel(s)",
            "HELP", "    Prints this help.",
        ];
        c.Reply.Array(lines.Length);
        foreach (string line in lines) c.Reply.Simple(line);
    }
}
