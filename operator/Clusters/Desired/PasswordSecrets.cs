// Our Secret with the password in force: the file the nodes include at start, and the bare password for backup Jobs. Its content
// changes without a restart: running nodes are told by CONFIG SET (Rules/ApplyPassword).
using System.Text;
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Clusters.Desired;

internal static class PasswordSecrets
{
    /// <summary>The Secret, or null for a cluster that never had a password.</summary>
    public static V1Secret? For(Observation seen)
    {
        var auth = seen.Auth;
        if (auth is { Password.Length: 0, Stored: null })
        {
            return null;
        }

        var quoted = auth.Password.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        var file = auth.Password.Length == 0 ? "" : $"masterauth \"{quoted}\"\nrequirepass \"{quoted}\"\n";
        return new V1Secret
        {
            Metadata = DesiredObjects.Metadata(seen, Names.Passwords(seen.Name), Names.Labels(seen.Cluster)),
            Type = "Opaque",
            Data = new()
            {
                [AuthPlan.FileKey] = Encoding.UTF8.GetBytes(file),
                [AuthPlan.PasswordKey] = Encoding.UTF8.GetBytes(auth.Password),
                [AuthPlan.EarlierKey] = Encoding.UTF8.GetBytes(string.Join('\n', auth.Earlier)),
            },
        };
    }
}
