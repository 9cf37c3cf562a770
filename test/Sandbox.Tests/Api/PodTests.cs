// Pods: graceful deletion, binding, eviction, resize, logs, and what kubectl shows of them.
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Tables;

namespace Shoal.Sandbox.Tests.Api;

public sealed class PodTests : ApiTest
{
    private const string OnNode = ",\"nodeName\":\"n1\",\"terminationGracePeriodSeconds\":20";

    [Fact]
    public async Task A_pod_gets_the_defaults_controllers_expect()
    {
        var pod = (await PostAsync(Pods, Pod("p"))).Body;
        Assert.Equal(("Pending", "BestEffort"), (pod.Str("status", "phase"), pod.Str("status", "qosClass")));
        Assert.Equal(("Always", "ClusterFirst", 30), (pod.Str("spec", "restartPolicy"), pod.Str("spec", "dnsPolicy"), pod.Long("spec", "terminationGracePeriodSeconds")));
        Assert.Equal("IfNotPresent", pod.Arr("spec", "containers")![0].Str("imagePullPolicy"));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"p"},"spec":{"containers":[]}}""", "spec.containers: Required value")]
    [InlineData("""{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"x"},{"name":"a","image":"x"}]}}""", "spec.containers[1].name: Duplicate value: \"a\"")]
    [InlineData("""{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"x","volumeMounts":[{"name":"v","mountPath":"/v"}]}]}}""", "spec.containers[0].volumeMounts[0].name: Not found: \"v\"")]
    [InlineData("""{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a"}]}}""", "spec.containers[0].image: Required value")]
    public async Task Bad_pods_are_refused(string body, string sentence)
    {
        var reply = await PostAsync(Pods, body);
        Assert.Equal(422, reply.Code);
        Assert.Contains(sentence, reply.Message);
    }

    [Fact]
    public async Task A_running_pod_terminates_when_its_kubelet_says_so()
    {
        await PostAsync(Pods, Pod("p", OnNode));
        var deleted = await DeleteAsync($"{Pods}/p");
        Assert.Equal(20, deleted.Body.Long("metadata", "deletionGracePeriodSeconds"));
        var marked = await GetAsync($"{Pods}/p");
        Assert.NotNull(marked.Body.Str("metadata", "deletionTimestamp"));
        Assert.Equal(marked.Revision, (await DeleteAsync($"{Pods}/p")).Revision);
        Assert.Equal(5, (await DeleteAsync($"{Pods}/p", """{"gracePeriodSeconds":5}""")).Body.Long("metadata", "deletionGracePeriodSeconds"));
        await DeleteAsync($"{Pods}/p", $$$"""{"gracePeriodSeconds":0,"preconditions":{"uid":"{{{marked.Body.Str("metadata", "uid")}}}"}}""");
        Assert.Equal(404, (await GetAsync($"{Pods}/p")).Code);
    }

    [Fact]
    public async Task A_pod_nobody_runs_goes_at_once()
    {
        await PostAsync(Pods, Pod("p"));
        await DeleteAsync($"{Pods}/p");
        Assert.Equal(404, (await GetAsync($"{Pods}/p")).Code);
    }

    [Fact]
    public async Task A_finalizer_outlasts_the_grace_period()
    {
        await PostAsync(Pods, Pod("p", OnNode, ",\"finalizers\":[\"example.com/hold\"]"));
        await DeleteAsync($"{Pods}/p");
        await MergeAsync($"{Pods}/p", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(200, (await GetAsync($"{Pods}/p")).Code);
        await DeleteAsync($"{Pods}/p", """{"gracePeriodSeconds":0}""");
        Assert.Equal(404, (await GetAsync($"{Pods}/p")).Code);
    }

    [Fact]
    public async Task Binding_puts_a_pod_on_a_node_once()
    {
        await PostAsync(Pods, Pod("p"));
        const string Binding = """{"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}}""";
        Assert.Equal(201, (await PostAsync($"{Pods}/p/binding", Binding)).Code);
        var pod = await GetAsync($"{Pods}/p");
        Assert.Equal("n1", pod.Body.Str("spec", "nodeName"));
        Assert.Contains(pod.Body.Arr("status", "conditions")!, c => c.Str("type") == "PodScheduled" && c.Str("status") == "True");
        Assert.Equal(409, (await PostAsync($"{Pods}/p/binding", Binding)).Code);
    }

    [Fact]
    public async Task Resources_change_through_resize_only()
    {
        await PostAsync(Pods, """{"metadata":{"name":"p"},"spec":{"nodeName":"n1","containers":[{"name":"main","image":"x:1","resources":{"limits":{"memory":"64Mi"}}}]}}""");
        const string Bigger = """{"spec":{"containers":[{"name":"main","resources":{"limits":{"memory":"128Mi"},"requests":{"memory":"128Mi"}}}]}}""";
        var refused = await StrategicAsync($"{Pods}/p", Bigger);
        Assert.Equal(422, refused.Code);
        Assert.Contains("pod updates may not change fields other than", refused.Message);
        var resized = await StrategicAsync($"{Pods}/p/resize", Bigger);
        Assert.Equal(200, resized.Code);
        Assert.Equal("128Mi", resized.Body.Arr("spec", "containers")![0].Str("resources", "limits", "memory"));
        Assert.Equal(2, resized.Body.Long("metadata", "generation"));
        var other = await StrategicAsync($"{Pods}/p/resize", """{"spec":{"containers":[{"name":"main","image":"y:2"}]}}""");
        Assert.Equal("x:1", other.Body.Arr("spec", "containers")![0].Str("image"));
        Assert.Equal(200, (await StrategicAsync($"{Pods}/p", """{"spec":{"containers":[{"name":"main","image":"y:2"}]}}""")).Code);
    }

    [Fact]
    public async Task Eviction_respects_a_disruption_budget()
    {
        const string Budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
        await PostAsync(Pods, Pod("p", OnNode, ",\"labels\":{\"app\":\"a\"}"));
        await PostAsync(Budgets, """{"metadata":{"name":"b"},"spec":{"maxUnavailable":0,"selector":{"matchLabels":{"app":"a"}}}}""");
        const string Eviction = """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"}}""";
        var refused = await PostAsync($"{Pods}/p/eviction", Eviction);
        Assert.Equal((429, "TooManyRequests"), (refused.Code, refused.Reason));
        Assert.Contains("would violate the pod's disruption budget", refused.Message);
        await MergeAsync($"{Budgets}/b/status", """{"status":{"disruptionsAllowed":1}}""");
        Assert.Equal(201, (await PostAsync($"{Pods}/p/eviction", Eviction)).Code);
        Assert.NotNull((await GetAsync($"{Pods}/p")).Body.Str("metadata", "deletionTimestamp"));
        Assert.Equal(0, (await GetAsync($"{Budgets}/b")).Body.Long("status", "disruptionsAllowed"));
    }

    [Theory]
    [InlineData("", "1\n2\n3\n")]
    [InlineData("?tailLines=2", "2\n3\n")]
    [InlineData("?limitBytes=3", "1\n2")]
    [InlineData("?container=main&tailLines=0", "")]
    public async Task Logs_come_from_the_runners_file(string query, string expected)
    {
        await PostAsync(Pods, Pod("p", OnNode));
        Directory.CreateDirectory(Path.Combine(Folder, "logs"));
        await File.WriteAllTextAsync(Path.Combine(Folder, "logs", "default_p_main.log"), "1\n2\n3\n");
        Assert.Equal(expected, await Http.GetStringAsync($"{Pods}/p/log{query}"));
    }

    [Fact]
    public async Task Logs_follow_until_the_container_ends()
    {
        await PostAsync(Pods, Pod("p", OnNode));
        var path = Path.Combine(Folder, "logs", "default_p_main.log");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, "one\n");
        using var reply = await Http.GetAsync($"{Pods}/p/log?follow=true", HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await reply.Content.ReadAsStreamAsync());
        Assert.Equal("one", await lines.ReadLineAsync());
        await File.AppendAllTextAsync(path, "two\n");
        Assert.Equal("two", await lines.ReadLineAsync());
        await MergeAsync($"{Pods}/p/status", """{"status":{"phase":"Succeeded"}}""");
        Assert.Null(await lines.ReadLineAsync());
    }

    [Fact]
    public async Task Log_requests_that_make_no_sense_say_why()
    {
        await PostAsync(Pods, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"x"}]}}""");
        Assert.Equal("a container name must be specified for pod p, choose one of: [a b]", (await GetAsync($"{Pods}/p/log")).Message);
        Assert.Equal("container c is not valid for pod p", (await GetAsync($"{Pods}/p/log?container=c")).Message);
        Assert.Equal(404, (await GetAsync($"{Pods}/q/log")).Code);
    }

    [Fact]
    public async Task The_table_shows_ready_status_and_restarts()
    {
        await PostAsync(Pods, Pod("p", OnNode));
        await MergeAsync($"{Pods}/p/status", """{"status":{"phase":"Running","podIP":"127.1.0.1","containerStatuses":[{"name":"main","ready":true,"restartCount":2,"state":{"running":{}}}]}}""");
        var cells = (await GetAsync($"{Pods}/p", "application/json;as=Table;v=v1;g=meta.k8s.io")).Body.Arr("rows")![0].Arr("cells")!;
        Assert.Equal(["p", "1/1", "Running", "2"], cells.Take(4).Select(c => c.AsString()!));
        Assert.Equal(["127.1.0.1", "n1"], cells.Skip(5).Take(2).Select(c => c.AsString()!));
    }

    [Theory]
    [InlineData("""{"status":{"phase":"Pending"}}""", "Pending")]
    [InlineData("""{"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}""", "ImagePullBackOff")]
    [InlineData("""{"status":{"phase":"Running","containerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}""", "CrashLoopBackOff")]
    [InlineData("""{"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]}}""", "ExitCode:3")]
    [InlineData("""{"status":{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}""", "Completed")]
    [InlineData("""{"spec":{"initContainers":[{},{}]},"status":{"phase":"Pending","initContainerStatuses":[{"state":{"terminated":{"exitCode":0}}},{"state":{"running":{}}}]}}""", "Init:1/2")]
    [InlineData("""{"metadata":{"deletionTimestamp":"x"},"status":{"phase":"Running"}}""", "Terminating")]
    public void The_status_word_is_kubectls(string pod, string word) =>
        Assert.Equal(word, PodStatus.Word(JsonTree.ParseObject(System.Text.Encoding.UTF8.GetBytes(pod))));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData(3 * 3600 + 60, "3h1m")]
    [InlineData(30 * 3600, "30h")]
    [InlineData(50 * 3600, "2d2h")]
    [InlineData(40 * 86400, "40d")]
    public void Ages_are_worded_as_kubectl_words_them(int seconds, string text) => Assert.Equal(text, Ages.Text(TimeSpan.FromSeconds(seconds)));
}
