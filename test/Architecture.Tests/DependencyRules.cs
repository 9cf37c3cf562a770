using System.Reflection;

namespace Shoal.Architecture.Tests;

/// <summary>References point one way (DESIGN.md section 2, aesthetics.md section 3.1); these tests fail when one turns round.</summary>
public class DependencyRules
{
    private static readonly Assembly Protocol = Assembly.Load("Shoal.Protocol");
    private static readonly Assembly Store = Assembly.Load("Shoal.Store");
    private static readonly Assembly Node = Assembly.Load("shoal-node");
    private static readonly Assembly Operator = Assembly.Load("shoal-operator");
    private static readonly Assembly Sandbox = Assembly.Load("Shoal.Sandbox");

    [Theory]
    [InlineData("Shoal.Protocol", "")]
    [InlineData("Shoal.Store", "")]
    [InlineData("Shoal.Lua", "")]
    [InlineData("shoal-node", "Shoal.Protocol Shoal.Store Shoal.Lua")]
    [InlineData("shoal-operator", "Shoal.Protocol")]
    [InlineData("Shoal.Sandbox", "Shoal.Protocol shoal-operator")]
    [InlineData("shoal", "Shoal.Protocol shoal-operator Shoal.Sandbox")]
    public void An_assembly_references_only_what_the_table_allows(string assembly, string allowed)
    {
        var ours = new HashSet<string>(["Shoal.Protocol", "Shoal.Store", "Shoal.Lua", "shoal-node", "shoal-operator", "Shoal.Sandbox", "shoal"]);
        var used = Assembly.Load(assembly).GetReferencedAssemblies().Select(a => a.Name!).Where(ours.Contains);
        Assert.Empty(used.Except(allowed.Split(' ')));
    }

    // From (namespace below Shoal.Server) -> namespaces below Shoal.Server it must not mention.
    [Theory]
    [InlineData("Network", "Commands Cluster Replication Persistence Journal")]
    [InlineData("Commands", "Network Persistence Replication Cluster")]
    [InlineData("Journal", "Network Sessions Commands Persistence Replication Cluster Hosting")]
    [InlineData("PubSub", "Network Persistence Replication Cluster")]
    [InlineData("Tracking", "Persistence Replication Cluster")]
    [InlineData("Observability", "Network Persistence Replication Cluster")]
    public void A_folder_of_the_node_keeps_to_its_side(string from, string forbidden) =>
        AssertKeepsApart(Node, "Shoal.Server." + from, forbidden.Split(' ').Select(n => "Shoal.Server." + n));

    [Fact]
    public void Network_and_the_store_do_not_know_each_other() =>
        AssertKeepsApart(Node, "Shoal.Server.Network", ["Shoal.Store"]);

    // Decisions are pure: no Kubernetes calls, no sockets, no clock in them.
    [Fact]
    public void Topology_is_pure() =>
        AssertKeepsApart(Operator, "Shoal.Operator.Topology",
            ["Shoal.Operator.Kubernetes", "Shoal.Operator.Nodes", "Shoal.Operator.Clusters", "System.Net.Sockets", "System.Net.Http"]);

    [Fact]
    public void Rules_of_the_planner_are_pure() =>
        AssertKeepsApart(Operator, "Shoal.Operator.Clusters.Rules", ["System.Net.Sockets", "System.Net.Http", "System.IO"]);

    [Fact]
    public void The_api_types_use_nothing_of_ours_but_the_object_model() =>
        AssertKeepsApart(Operator, "Shoal.Operator.Api.V1",
            ["Shoal.Operator.Clusters", "Shoal.Operator.Backups", "Shoal.Operator.Nodes", "Shoal.Operator.Topology"]);

    [Fact]
    public void The_arrows_have_both_ends()
    {
        // A rule about a namespace that no longer exists proves nothing.
        foreach (var n in new[] { "Network", "Commands", "Journal", "Observability", "Persistence", "Replication", "Cluster", "Sessions", "Hosting", "PubSub", "Tracking" })
            Assert.Contains(Node.GetTypes(), t => InNamespace(t, "Shoal.Server." + n));
        foreach (var n in new[] { "Topology", "Clusters.Rules", "Api.V1", "Kubernetes", "Nodes" })
            Assert.Contains(Operator.GetTypes(), t => InNamespace(t, "Shoal.Operator." + n));
        Assert.NotEmpty(Sandbox.GetTypes());
        Assert.NotEmpty(Protocol.GetTypes());
        Assert.NotEmpty(Store.GetTypes());
    }

    private static void AssertKeepsApart(Assembly assembly, string side, IEnumerable<string> forbidden)
    {
        var broken = from type in assembly.GetTypes().Where(t => InNamespace(t, side))
                     from used in TypeReferences.Of(type)
                     from f in forbidden
                     where InNamespace(used, f)
                     select $"{type.FullName} -> {used.FullName}";
        Assert.Equal("", string.Join("\n", broken.Distinct().Order()));
    }

    private static bool InNamespace(Type t, string ns) =>
        t.Namespace is { } n && (n == ns || n.StartsWith(ns + ".", StringComparison.Ordinal));
}
