// CLIENT PAUSE, the hold of a FAILOVER, and their ends: sessions that ran into the gate are parked and try again.
using Shoal.Server.Hosting;

namespace Shoal.Server.Sessions;

internal static class PauseGate
{
    public static void Pause(NodeServices node, long ms, bool all)
    {
        long until = node.NowMs + ms;
        var serving = node.Serving;
        // A longer pause in force is not shortened, and ALL is not weakened.
        serving.PauseAll = all || (serving.PausedUntilMs > node.NowMs && serving.PauseAll);
        serving.PausedUntilMs = Math.Max(until, serving.PausedUntilMs);
        node.Engine.After(TimeSpan.FromMilliseconds(ms), () =>
        {
            if (serving.PausedUntilMs <= node.NowMs) Release(node);
        });
    }

    /// <summary>CLIENT UNPAUSE, or the pause is over. A hold stays: what it concerns parks again.</summary>
    public static void Release(NodeServices node)
    {
        node.Serving.PausedUntilMs = 0;
        node.Serving.PauseAll = false;
        Retry(node);
    }

    /// <summary>Clients' writes wait from now on, or (false) no longer.</summary>
    public static void HoldWrites(NodeServices node, bool hold)
    {
        node.Serving.WritesHeld = hold;
        if (!hold) Retry(node);
    }

    private static void Retry(NodeServices node)
    {
        var waiting = node.PausedSessions.ToArray();
        node.PausedSessions.Clear();
        foreach (var token in waiting) token.Release();
    }
}
