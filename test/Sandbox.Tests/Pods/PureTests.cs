// The rules of the pod runner that need no process: mount paths, expansion, images, addresses, nodes.

using Shoal.Operator.Kubernetes.Models;
using Shoal.Sandbox.Pods;

namespace Shoal.Sandbox.Tests.Pods;

public sealed class PureTests
{
    [Theory]
    [InlineData("/data", "/v/1")]
    [InlineData("/data/x.rdb", "/v/1/x.rdb")]
    [InlineData("--dir=/data", "--dir=/v/1")]
    [InlineData("file:///data/b", "file:///v/1/b")]
    [InlineData("/data:/data/sub,/etc/shoal/a", "/v/1:/v/3,/v/2/a")]
    [InlineData("/database", "/database")]
    [InlineData("/var/data", "/var/data")]
    [InlineData("/data-old", "/data-old")]
    [InlineData("redis://h/data", "redis://h/data")]
    [InlineData("cat '/data'", "cat '/v/1'")]
    public void A_mount_path_is_replaced_where_it_stands_alone(string text, string expected) =>
        Assert.Equal(expected, new MountPaths([("/data", "/v/1"), ("/etc/shoal/", "/v/2"), ("/data/sub", "/v/3")]).Replace(text));

    [Theory]
    [InlineData("$(A)", "1")]
    [InlineData("x$(A)y$(B)", "x1y2")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$(NONE)", "$(NONE)")]
    [InlineData("$A $", "$A $")]
    [InlineData("$(A", "$(A")]
    public void Names_are_expanded(string text, string expected) =>
        Assert.Equal(expected, ContainerEnvironment.Expand(text, new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" }));

    [Theory]
    [InlineData("reg:5000/shoal/shoal-node:1.0@sha256:abc", "shoal-node")]
    [InlineData("shoal-node", "shoal-node")]
    [InlineData("", "")]
    public void An_image_is_named_by_its_last_segment(string image, string name) => Assert.Equal(name, Executables.ImageName(image));

    [Fact]
    public void The_bin_directory_wins_over_the_path_and_an_image_is_only_looked_for_there()
    {
        var bin = Directory.CreateTempSubdirectory("shoal-bin-");
        var ours = Path.Combine(bin.FullName, "sh");
        File.Copy("/bin/true", ours);

        Assert.Equal(ours, Executables.ForContainer("x", ["/bin/sh"], bin.FullName));
        Assert.Equal(ours, Executables.ForContainer("registry/sh:1", null, bin.FullName));
        Assert.Null(Executables.ForContainer("registry/ls:1", null, bin.FullName));
        Assert.NotNull(Executables.ForContainer("x", ["ls"], bin.FullName));
        Assert.Null(Executables.ForContainer("x", ["/no/such/program"], bin.FullName));
        bin.Delete(recursive: true);
    }

    [Fact]
    public void Pools_never_share_an_address_and_reuse_late()
    {
        using var a = new AddressPool();
        using var b = new AddressPool();
        var taken = Enumerable.Range(0, 300).SelectMany(_ => new[] { a.Take(), b.Take() }).ToList();

        Assert.Equal(taken.Count, taken.Distinct().Count());
        a.Return(taken[0]);
        Assert.NotEqual(taken[0], a.Take());
        Assert.False(b.TryTake(taken[0]));
        Assert.False(b.TryTake("10.0.0.1"));
    }

    [Fact]
    public void The_scheduler_honours_cordons_taints_selectors_and_capacity()
    {
        V1Node[] nodes =
        [
            Node("cordoned", n => n.Spec = new() { Unschedulable = true }),
            Node("tainted", n => n.Spec = new() { Taints = [new() { Key = "only", Value = "x", Effect = "NoSchedule" }] }),
            Node("small", n => n.Status!.Allocatable = new() { ["memory"] = "1Gi" }),
            Node("good"),
        ];
        var none = Array.Empty<V1Pod>().ToLookup(p => "");
        var pod = PlaneFixture.Shell("ns", "p", "", p => p.Spec!.Containers[0].Resources = new() { Requests = new() { ["memory"] = "2Gi" } });

        Assert.Equal("good", Scheduler.Choose(pod, nodes, none).Node);
        pod.Spec!.NodeSelector = new() { ["kubernetes.io/hostname"] = "elsewhere" };
        var (node, why) = Scheduler.Choose(pod, nodes, none);
        Assert.Null(node);
        Assert.StartsWith("0/4 nodes are available: ", why, StringComparison.Ordinal);
        pod.Spec.NodeSelector = new() { ["kubernetes.io/hostname"] = "tainted" };
        pod.Spec.Tolerations = [new() { Key = "only", Operator = "Exists" }];
        Assert.Equal("tainted", Scheduler.Choose(pod, nodes, none).Node);
    }

    private static V1Node Node(string name, Action<V1Node>? change = null)
    {
        var node = new V1Node
        {
            Metadata = new() { Name = name, Labels = new() { ["kubernetes.io/hostname"] = name } },
            Status = new() { Allocatable = new() { ["memory"] = "8Gi", ["cpu"] = "4" } },
        };
        change?.Invoke(node);
        return node;
    }
}
