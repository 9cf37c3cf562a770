// CLIENT PAUSE and its end: sessions that ran into the gate are parked and try again.
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

    public static void Release(NodeServices node)
    {
        node.Serving.PausedUntilMs = 0;
        node.Serving.PauseAll = false;
        var waiting = node.PausedSessions.ToArray();
        node.PausedSessions.Clear();
        foreach (var token in waiting) token.Release();
    }
}
