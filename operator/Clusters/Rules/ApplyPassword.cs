// A changed password reaches running nodes without a restart, once our Secret holds it (ApplyObjects went before, so a node that
// starts now has it too). First every node learns what to say to others, then every node asks for it: links that stand are not
// touched, and one that breaks in between is made again as soon as its other side has followed.
namespace Shoal.Operator.Clusters.Rules;

internal static class ApplyPassword
{
    /// <summary>The settings, in the order they are changed.</summary>
    public static IReadOnlyList<string> Settings { get; } = ["masterauth", "requirepass"];

    public static Step? Next(Observation seen)
    {
        foreach (var setting in Settings)
        {
            if (Outdated(seen, setting) is { Count: > 0 } nodes)
            {
                return new Step.SetPassword(nodes, setting)
                {
                    Why = $"setting {setting} on {nodes.Count} nodes", Operation = "Update", LookAgain = TimeSpan.FromMilliseconds(300),
                };
            }
        }

        return null;
    }

    /// <summary>Nodes that answer and do not have the password in force.</summary>
    public static IReadOnlyList<Member> Outdated(Observation seen, string setting) =>
        [.. seen.Members.Where(m => m.Answers && m.Report!.Settings.TryGetValue(setting, out var value) && value != seen.Auth.Password)];
}
