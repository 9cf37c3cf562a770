// CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO.
using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Tracking;

internal static class TrackingCommands
{
    public static void Register(Command client)
    {
        const CommandFlags own = NoScript | Loading | Stale;
        client.With("tracking", -3, own, Keys.None, Track)
            .With("caching", 3, own, Keys.None, Caching)
            .With("getredir", 2, own, Keys.None, GetRedirection)
            .With("trackinginfo", 2, own, Keys.None, Describe);
    }

    private static void Track(ref CommandContext c)
    {
        if (ReadOptions(ref c, out var options, out long redirect, out var prefixes) is { } error || (error = Apply(ref c, options, redirect, prefixes)) is not null)
            c.Reply.Error(error);
        else c.Reply.Ok();
    }

    private static string? ReadOptions(ref CommandContext c, out TrackingOptions options, out long redirect, out List<byte[]> prefixes)
    {
        options = TrackingOptions.None;
        redirect = 0;
        prefixes = [];
        for (int i = 3; i < c.ArgCount; i++)
        {
            bool more = i + 1 < c.ArgCount;
            if (c[i].Is("REDIRECT"u8) && more)
            {
                if (redirect != 0) return "ERR A client can only redirect to a single other client";
                if (!Store.Values.IntegerText.TryParse(c[++i], out redirect)) return ErrorReplies.NotInteger;
                if (c.Node.Sessions.Find(redirect) is null) return "ERR The client ID you want redirect to does not exist";
            }
            else if (c[i].Is("BCAST"u8)) options |= TrackingOptions.Broadcast;
            else if (c[i].Is("OPTIN"u8)) options |= TrackingOptions.OptIn;
            else if (c[i].Is("OPTOUT"u8)) options |= TrackingOptions.OptOut;
            else if (c[i].Is("NOLOOP"u8)) options |= TrackingOptions.NoLoop;
            else if (c[i].Is("PREFIX"u8) && more) prefixes.Add(c[++i].ToArray());
            else return ErrorReplies.Syntax;
        }
        return null;
    }

    private static string? Apply(ref CommandContext c, TrackingOptions options, long redirect, List<byte[]> prefixes)
    {
        if (c[2].Is("OFF"u8))
        {
            c.Node.Tracker.Disable(c.Session);
            return null;
        }
        if (!c[2].Is("ON"u8)) return ErrorReplies.Syntax;
        if (Conflict(c.Session.Tracking, options, prefixes) is { } error) return error;
        c.Node.Tracker.Enable(c.Session, options, redirect, prefixes);
        return null;
    }

    /// <summary>Why options do not fit each other or what the session tracks already; null when they do.</summary>
    private static string? Conflict(ClientTracking? now, TrackingOptions options, List<byte[]> prefixes)
    {
        bool broadcast = (options & TrackingOptions.Broadcast) != 0;
        bool optIn = (options & TrackingOptions.OptIn) != 0, optOut = (options & TrackingOptions.OptOut) != 0;
        if (!broadcast && prefixes.Count > 0) return "ERR PREFIX option requires BCAST mode to be enabled";
        if (now is not null && now.Has(TrackingOptions.Broadcast) != broadcast)
            return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.";
        if (broadcast && (optIn || optOut)) return "ERR OPTIN and OPTOUT are not compatible with BCAST";
        if (optIn && optOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
        if (now is not null && (optIn && now.Has(TrackingOptions.OptOut) || optOut && now.Has(TrackingOptions.OptIn)))
            return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.";
        return broadcast ? Overlap(now, prefixes) : null;
    }

    /// <summary>No prefix of a session may begin another of its own: it would be told twice.</summary>
    private static string? Overlap(ClientTracking? now, List<byte[]> prefixes)
    {
        for (int i = 0; i < prefixes.Count; i++)
        {
            foreach (byte[] other in now is null ? [] : now.Prefixes.AsEnumerable())
                if (Overlaps(prefixes[i], other) && !prefixes[i].AsSpan().SequenceEqual(other)) return Collision(prefixes[i], "an existing", other);
            for (int j = i + 1; j < prefixes.Count; j++)
                if (Overlaps(prefixes[i], prefixes[j])) return Collision(prefixes[i], "another provided", prefixes[j]);
        }
        return null;
    }

    private static bool Overlaps(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => a.StartsWith(b) || b.StartsWith(a);

    private static string Collision(byte[] prefix, string which, byte[] other) =>
        $"ERR Prefix '{Encoding.Latin1.GetString(prefix)}' overlaps with {which} prefix '{Encoding.Latin1.GetString(other)}'. " +
        "Prefixes for a single client must not overlap.";

    private static void Caching(ref CommandContext c)
    {
        bool yes = c[2].Is("YES"u8);
        if (c.Session.Tracking is not { } tracking)
            c.Reply.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
        else if (!yes && !c[2].Is("NO"u8)) c.Reply.Error(ErrorReplies.Syntax);
        else if (yes && !tracking.Has(TrackingOptions.OptIn))
            c.Reply.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
        else if (!yes && !tracking.Has(TrackingOptions.OptOut))
            c.Reply.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
        else
        {
            tracking.CachingSaid = true;
            c.Reply.Ok();
        }
    }

    private static void GetRedirection(ref CommandContext c) => c.Reply.Integer(c.Session.Tracking?.Redirect ?? -1);

    private static void Describe(ref CommandContext c)
    {
        var tracking = c.Session.Tracking;
        var flags = new List<string> { tracking is null ? "off" : "on" };
        if (tracking is not null)
        {
            if (tracking.Has(TrackingOptions.Broadcast)) flags.Add("bcast");
            if (tracking.Has(TrackingOptions.OptIn)) flags.Add("optin");
            if (tracking.Has(TrackingOptions.OptIn) && tracking.CachingSaid) flags.Add("caching-yes");
            if (tracking.Has(TrackingOptions.OptOut)) flags.Add("optout");
            if (tracking.Has(TrackingOptions.OptOut) && tracking.CachingSaid) flags.Add("caching-no");
            if (tracking.Has(TrackingOptions.NoLoop)) flags.Add("noloop");
            if (tracking.IsBroken) flags.Add("broken_redirect");
        }
        c.Reply.Map(3);
        c.Reply.Bulk("flags"u8);
        c.Reply.Set(flags.Count);
        foreach (string flag in flags) c.Reply.Bulk(flag);
        c.Reply.Bulk("redirect"u8);
        c.Reply.Integer(tracking?.Redirect ?? -1);
        c.Reply.Bulk("prefixes"u8);
        c.Reply.Array(tracking?.Prefixes.Count ?? 0);
        if (tracking is null) return;
        foreach (byte[] prefix in tracking.Prefixes) c.Reply.Bulk(prefix);
    }
}
