// What to type next: printed when the sample cluster is up, and kept true by the end-to-end test that runs these lines.
using Shoal.Operator.Api.V1;

namespace Shoal.Cli.Sandbox;

internal static class Hints
{
    /// <summary>Commands that work as printed, one per line, for a healthy cluster.</summary>
    public static IEnumerable<string> For(CacheCluster cluster, string kubeconfig)
    {
        var name = cluster.Metadata.Name;
        var ns = cluster.Metadata.Namespace is null or "default" ? "" : $" -n {cluster.Metadata.Namespace}";
        var kubectl = $"kubectl --kubeconfig {kubeconfig}{ns}";
        if (cluster.Status?.NodeStatus?.FirstOrDefault(n => n.Address is not null)?.Address is { } address)
        {
            var (host, port) = (address[..address.LastIndexOf(':')], address[(address.LastIndexOf(':') + 1)..]);
            yield return $"redis-cli -c -h {host} -p {port}";
            yield return $"redis-cli --cluster check {host}:{port}";
        }

        yield return $"{kubectl} get cacheclusters,pods";
        yield return $"{kubectl} describe cachecluster {name}";
        yield return $"{kubectl} scale cachecluster/{name} --replicas=5";
        yield return $"{kubectl} patch cachecluster/{name} --type=merge -p '{{\"spec\":{{\"memory\":{{\"maxMemory\":\"320Mi\"}}}}}}'";
        yield return $"{kubectl} delete pod {name}-s0-0";
        yield return $"{kubectl} logs {name}-s0-0";
    }
}
