// The password of a cluster's nodes: the one the user's Secret names, the one the nodes were last given, and those before it, so
// that a node that missed a change still lets us in. What the nodes were given is kept in a Secret of our own, which the pods
// mount: a rotation survives a restart of anybody at any moment.
using System.Text;
using Shoal.Operator.Api;
using Shoal.Operator.Api.V1;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters;

/// <summary>How clients and nodes authenticate.</summary>
/// <param name="Password">What every node is to ask for; empty = nothing.</param>
/// <param name="Earlier">What nodes may still ask for, newest first.</param>
/// <param name="Problem">Why the Secret of the spec gives no password, or null.</param>
/// <param name="Stored">Our Secret as it is, or null.</param>
public sealed record AuthPlan(string Password, IReadOnlyList<string> Earlier, string? Problem, V1Secret? Stored)
{
    /// <summary>Keys of our Secret: the password alone (for Jobs), the file the nodes include, the passwords before.</summary>
    public const string PasswordKey = "password", FileKey = "auth.conf", EarlierKey = "earlier";

    private const int KeptPasswords = 3;
    private const int LongestPassword = 512;

    /// <summary>Nobody asks for a password.</summary>
    public static AuthPlan None { get; } = new("", [], null, null);

    /// <summary>Passwords to try on a node, in this order; the last is none.</summary>
    public IReadOnlyList<string> Candidates => [.. Earlier.Prepend(Password).Where(p => p.Length > 0).Distinct(), ""];

    /// <summary>Reads the two Secrets.</summary>
    public static async Task<AuthPlan> ReadAsync(IKubernetes kubernetes, CacheCluster cluster, CancellationToken ct)
    {
        var (ns, name) = (cluster.Metadata.Namespace, cluster.Metadata.Name!);
        var stored = await kubernetes.GetAsync<V1Secret>(ns, Names.Passwords(name), ct).ConfigureAwait(false);
        var given = Text(stored, PasswordKey) ?? "";
        var earlier = (Text(stored, EarlierKey) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var (wanted, problem) = cluster.Spec.Auth is { Enabled: true, DefaultUserSecretRef: { } reference }
            ? Check(await kubernetes.GetAsync<V1Secret>(ns, reference.Name, ct).ConfigureAwait(false), reference)
            : ("", null);
        var password = wanted ?? given;
        return new(password, [.. earlier.Prepend(given).Where(p => p.Length > 0 && p != password).Distinct().Take(KeptPasswords)], problem, stored);
    }

    private static (string? Password, string? Problem) Check(V1Secret? secret, SecretKeyReference reference)
    {
        if (secret is null)
        {
            return (null, $"Secret {reference.Name} of spec.auth.defaultUserSecretRef does not exist");
        }

        return Text(secret, reference.Key)?.TrimEnd('\r', '\n') switch
        {
            null => (null, $"Secret {reference.Name} has no key {reference.Key}"),
            { Length: 0 or > LongestPassword } => (null, $"key {reference.Key} of Secret {reference.Name} must hold 1 to {LongestPassword} characters"),
            var text when text.Any(char.IsControl) => (null, $"key {reference.Key} of Secret {reference.Name} may hold no control characters"),
            var text => (text, null),
        };
    }

    private static string? Text(V1Secret? secret, string key) => secret?.Data?.GetValueOrDefault(key) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;
}
