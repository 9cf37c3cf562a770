// The server as kubectl sees it: the commands a user types, run by the kubectl on PATH (any version from 1.20 on).
using System.Diagnostics;
using Shoal.Sandbox.Api;
using Shoal.TestKit;

namespace Shoal.Sandbox.Tests.Api;

public sealed class KubectlTests : ApiTest
{
    private const string Manifest = """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
        ---
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: web}
        spec:
          serviceName: web
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: c, image: "x:1", ports: [{containerPort: 80}]}]}
        """;

    private const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: things.test.example}
        spec:
          group: test.example
          scope: Namespaced
          names: {plural: things, kind: Thing, shortNames: [th]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
            additionalPrinterColumns: [{name: Count, type: integer, jsonPath: .spec.count}]
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    description: What is wanted.
                    properties: {count: {type: integer, minimum: 1, description: How many.}}
                  status: {type: object, properties: {count: {type: integer}}}
        """;

    [FactNeeds("kubectl")]
    public async Task Apply_creates_configures_and_leaves_alone()
    {
        var file = await WriteAsync(Manifest);
        Assert.Equal("service/web created\nstatefulset.apps/web created\n", await KubectlAsync($"apply -f {file}"));
        Assert.Equal("service/web unchanged\nstatefulset.apps/web unchanged\n", (await KubectlAsync($"apply -f {file}")).Replace("configured", "unchanged"));
        var changed = await WriteAsync(Manifest.Replace("x:1", "x:2"));
        Assert.Contains("statefulset.apps/web configured", await KubectlAsync($"apply -f {changed}"));
        Assert.Equal("x:2", await KubectlAsync("get sts web -o jsonpath={.spec.template.spec.containers[0].image}"));
        Assert.Contains("server dry run", await KubectlAsync($"apply --dry-run=server -f {file}"));
    }

    [FactNeeds("kubectl")]
    public async Task Get_prints_the_usual_columns()
    {
        await KubectlAsync($"apply -f {await WriteAsync(Manifest)}");
        Assert.Matches(@"NAME\s+READY\s+AGE\s+web\s+0/2\s+\d+s", await KubectlAsync("get sts"));
        Assert.Matches(@"web\s+ClusterIP\s+127\.96\.\d+\.\d+\s+<none>\s+80/TCP", await KubectlAsync("get svc"));
        Assert.Contains("statefulset.apps/web", await KubectlAsync("get all"));
        Assert.Equal("statefulset.apps/web\n", await KubectlAsync("get sts -l app!=other -o name"));
        Assert.Contains("Selector:", await KubectlAsync("describe svc web"));
        Assert.Contains("Pod Template:", await KubectlAsync("describe sts web"));
    }

    [FactNeeds("kubectl")]
    public async Task Scale_patch_label_and_delete_work_on_built_ins()
    {
        await KubectlAsync($"apply -f {await WriteAsync(Manifest)}");
        Assert.Equal("statefulset.apps/web scaled\n", await KubectlAsync("scale sts/web --replicas=5"));
        Assert.Equal("5", await KubectlAsync("get sts web -o jsonpath={.spec.replicas}"));
        await KubectlAsync("patch sts web -p {\"spec\":{\"replicas\":4}}");
        await KubectlAsync("label sts web tier=front");
        await KubectlAsync("annotate sts web note=yes");
        Assert.Equal("4 front yes", await KubectlAsync("get sts web -o jsonpath={.spec.replicas}{\"\\x20\"}{.metadata.labels.tier}{\"\\x20\"}{.metadata.annotations.note}"));
        Assert.Contains("deleted", await KubectlAsync("delete sts web --timeout=60s"));
        Assert.Contains("NotFound", await KubectlAsync("get sts web", fails: true));
    }

    [FactNeeds("kubectl")]
    public async Task Custom_resources_are_first_class()
    {
        await KubectlAsync($"apply -f {await WriteAsync(Definition)}");
        Assert.Contains("condition met", await KubectlAsync("wait --for=condition=Established crd/things.test.example --timeout=60s"));
        var thing = await WriteAsync("{apiVersion: test.example/v1, kind: Thing, metadata: {name: a}, spec: {count: 3}}");
        Assert.Equal("thing.test.example/a created\n", await KubectlAsync($"apply -f {thing}"));
        Assert.Matches(@"NAME\s+COUNT\s+a\s+3", await KubectlAsync("get th"));
        Assert.Contains("scaled", await KubectlAsync("scale th/a --replicas=7"));
        Assert.Contains("spec.count in body should be greater than or equal to 1", await KubectlAsync("patch th a --type merge -p {\"spec\":{\"count\":0}}", fails: true));
        Assert.Contains("How many.", await KubectlAsync("explain thing.spec.count"));
        Assert.Contains("things", await KubectlAsync("api-resources --api-group=test.example"));
        var typo = await WriteAsync("{apiVersion: test.example/v1, kind: Thing, metadata: {name: b}, spec: {cuont: 3}}");
        Assert.Contains("unknown field", await KubectlAsync($"apply -f {typo}", fails: true));
        Assert.Contains("deleted", await KubectlAsync("delete crd things.test.example --timeout=60s"));
    }

    [FactNeeds("kubectl")]
    public async Task Server_side_apply_names_the_conflict()
    {
        var file = await WriteAsync(Manifest);
        await KubectlAsync($"apply --server-side -f {file}");
        await KubectlAsync("scale sts/web --replicas=5");
        Assert.Contains(".spec.replicas", await KubectlAsync($"apply --server-side -f {file}", fails: true));
        Assert.Contains("serverside-applied", await KubectlAsync($"apply --server-side --force-conflicts -f {file}"));
    }

    [FactNeeds("kubectl")]
    public async Task Pods_can_be_waited_for_read_and_removed()
    {
        await KubectlAsync($"apply -f {await WriteAsync("{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: n1, containers: [{name: c, image: x}]}}")}");
        Directory.CreateDirectory(Path.Combine(Folder, "logs"));
        await File.WriteAllTextAsync(Path.Combine(Folder, "logs", "default_p_c.log"), "one\ntwo\n");
        Assert.Equal("two\n", await KubectlAsync("logs p --tail=1"));
        var waiting = KubectlAsync("wait --for=condition=Ready pod/p --timeout=60s");
        await MergeAsync($"{Pods}/p/status", """{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}""");
        Assert.Contains("condition met", await waiting);
        Assert.Contains("n1/", await KubectlAsync("describe pod p"));
        Assert.Contains("force deleted", await KubectlAsync("delete pod p --grace-period=0 --force"));
    }

    [FactNeeds("kubectl")]
    public async Task Its_own_create_commands_are_understood()
    {
        await KubectlAsync("create namespace team");
        await KubectlAsync("-n team create configmap settings --from-literal=a=b");
        await KubectlAsync("-n team create secret generic keys --from-literal=k=v");
        await KubectlAsync("-n team create serviceaccount robot");
        Assert.Equal("b", await KubectlAsync("-n team get configmap settings -o jsonpath={.data.a}"));
        Assert.Equal("dg==", await KubectlAsync("-n team get secret keys -o jsonpath={.data.k}"));
        Assert.Contains("yes", await KubectlAsync("auth can-i create pods"));
        Assert.Contains("deleted", await KubectlAsync("delete namespace team --timeout=60s"));
    }

    [FactNeeds("kubectl")]
    public async Task The_kubeconfig_of_a_secure_server_works()
    {
        using var folder = new TempFolder();
        await using var secure = await SandboxApiServer.StartAsync(new SandboxApiOptions { Directory = folder.Path, Secure = true });
        Assert.Contains("default", await KubectlAsync("get namespaces", kubeconfig: secure.KubeconfigPath));
    }

    private async Task<string> WriteAsync(string yaml)
    {
        var path = Path.Combine(Folder, $"{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(path, yaml);
        return path;
    }

    private async Task<string> KubectlAsync(string arguments, bool fails = false, string? kubeconfig = null)
    {
        var start = new ProcessStartInfo("kubectl") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add($"--kubeconfig={kubeconfig ?? Server.KubeconfigPath}");
        start.ArgumentList.Add($"--cache-dir={Path.Combine(Folder, "cache")}");
        foreach (var argument in arguments.Split(' ')) start.ArgumentList.Add(argument);
        start.Environment["HOME"] = Folder;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        Assert.True(process.ExitCode == 0 != fails, $"kubectl {arguments}: exit {process.ExitCode}\n{await output}{await errors}");
        return fails ? await errors : await output;
    }
}
