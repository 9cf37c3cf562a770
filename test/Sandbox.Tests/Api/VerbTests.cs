// create, get, list, update and delete, as any client sees them.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Tests.Api;

public sealed class VerbTests : ApiTest
{
    [Fact]
    public async Task Create_gives_an_object_its_identity()
    {
        var made = await PostAsync(Maps, Map("a", """{"k":"v"}"""));
        Assert.Equal(201, made.Code);
        Assert.True(Guid.TryParse(made.Body.Str("metadata", "uid"), out _));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", made.Body.Str("metadata", "creationTimestamp"));
        Assert.Equal("default", made.Body.Str("metadata", "namespace"));
        var read = await GetAsync($"{Maps}/a");
        Assert.True(JsonTree.Same(made.Body, read.Body));
    }

    [Fact]
    public async Task Creating_twice_is_a_conflict_named_AlreadyExists()
    {
        await PostAsync(Maps, Map("a"));
        var again = await PostAsync(Maps, Map("a"));
        Assert.Equal((409, "AlreadyExists", "configmaps \"a\" already exists"), (again.Code, again.Reason, again.Message));
    }

    [Fact]
    public async Task GenerateName_makes_distinct_names()
    {
        const string Body = """{"metadata":{"generateName":"job-"}}""";
        var (one, two) = (await PostAsync(Maps, Body), await PostAsync(Maps, Body));
        Assert.Matches("^job-[a-z0-9]{5}$", one.Body.Str("metadata", "name"));
        Assert.NotEqual(one.Body.Str("metadata", "name"), two.Body.Str("metadata", "name"));
    }

    [Theory]
    [InlineData("/api/v1/namespaces/default/configmaps/none", "configmaps \"none\" not found")]
    [InlineData("/apis/apps/v1/namespaces/default/statefulsets/none", "statefulsets.apps \"none\" not found")]
    [InlineData("/apis/none.example/v1/things", "the server could not find the requested resource")]
    public async Task Missing_things_answer_NotFound(string path, string message)
    {
        var reply = await GetAsync(path);
        Assert.Equal((404, "NotFound", message), (reply.Code, reply.Reason, reply.Message));
    }

    [Theory]
    [InlineData("UPPER", "metadata.name: Invalid value: \"UPPER\"")]
    [InlineData("", "metadata.name: Required value: name or generateName is required")]
    public async Task A_bad_name_is_refused_with_the_rule(string name, string part)
    {
        var reply = await PostAsync(Maps, Map(name));
        Assert.Equal((422, "Invalid"), (reply.Code, reply.Reason));
        Assert.Contains(part, reply.Message);
    }

    [Fact]
    public async Task An_object_in_a_missing_namespace_is_refused()
    {
        var reply = await PostAsync("/api/v1/namespaces/nowhere/configmaps", Map("a"));
        Assert.Equal((404, "namespaces \"nowhere\" not found"), (reply.Code, reply.Message));
    }

    [Fact]
    public async Task Update_with_an_old_resourceVersion_is_a_conflict()
    {
        var made = await PostAsync(Maps, Map("a"));
        await MergeAsync($"{Maps}/a", """{"data":{"x":"1"}}""");
        var late = await PutAsync($"{Maps}/a", made.Body);
        Assert.Equal((409, "Conflict"), (late.Code, late.Reason));
        Assert.Contains("the object has been modified", late.Message);
    }

    [Fact]
    public async Task A_foreign_uid_is_a_conflict()
    {
        await PostAsync(Maps, Map("a"));
        var reply = await MergeAsync($"{Maps}/a", """{"metadata":{"uid":"11111111-1111-1111-1111-111111111111"},"data":{"x":"1"}}""");
        Assert.Equal((409, "Conflict"), (reply.Code, reply.Reason));
        Assert.Contains("Precondition failed: UID", reply.Message);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_keeps_the_resourceVersion()
    {
        var made = await PostAsync(Maps, Map("a", """{"x":"1"}"""));
        var same = await MergeAsync($"{Maps}/a", """{"data":{"x":"1"}}""");
        Assert.Equal(made.Revision, same.Revision);
        var put = await PutAsync($"{Maps}/a", made.Body);
        Assert.Equal(made.Revision, put.Revision);
    }

    [Fact]
    public async Task Generation_counts_changes_of_the_spec_only()
    {
        var made = await PostAsync(Sets, Set("web"));
        Assert.Equal(1, made.Body.Long("metadata", "generation"));
        var labelled = await MergeAsync($"{Sets}/web", """{"metadata":{"labels":{"a":"b"}}}""");
        Assert.Equal(1, labelled.Body.Long("metadata", "generation"));
        var reported = await MergeAsync($"{Sets}/web/status", """{"status":{"replicas":1}}""");
        Assert.Equal(1, reported.Body.Long("metadata", "generation"));
        var scaled = await MergeAsync($"{Sets}/web", """{"spec":{"replicas":2}}""");
        Assert.Equal(2, scaled.Body.Long("metadata", "generation"));
    }

    [Fact]
    public async Task Status_and_spec_are_written_by_their_own_endpoints_only()
    {
        await PostAsync(Sets, Set("web"));
        var main = await MergeAsync($"{Sets}/web", """{"status":{"replicas":9}}""");
        Assert.Equal(0, main.Body.Long("status", "replicas"));
        var status = await MergeAsync($"{Sets}/web/status", """{"spec":{"replicas":9},"status":{"replicas":3}}""");
        Assert.Equal((1, 3), (status.Body.Long("spec", "replicas"), status.Body.Long("status", "replicas")));
    }

    [Fact]
    public async Task Immutable_fields_of_a_StatefulSet_are_refused()
    {
        await PostAsync(Sets, Set("web"));
        var reply = await MergeAsync($"{Sets}/web", """{"spec":{"serviceName":"other"}}""");
        Assert.Equal((422, "Invalid"), (reply.Code, reply.Reason));
        Assert.StartsWith("StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than", reply.Message);
    }

    [Fact]
    public async Task A_claim_grows_but_does_not_shrink()
    {
        const string Claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        await PostAsync(Claims, """{"metadata":{"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}""");
        const string Bigger = """{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}""";
        Assert.Equal(422, (await MergeAsync($"{Claims}/d", Bigger)).Code);
        await MergeAsync($"{Claims}/d/status", """{"status":{"phase":"Bound"}}""");
        Assert.Equal(200, (await MergeAsync($"{Claims}/d", Bigger)).Code);
        var shrunk = await MergeAsync($"{Claims}/d", """{"spec":{"resources":{"requests":{"storage":"1536Mi"}}}}""");
        Assert.Equal(422, shrunk.Code);
        Assert.Contains("spec.resources.requests.storage: Forbidden", shrunk.Message);
        var moved = await MergeAsync($"{Claims}/d", """{"spec":{"accessModes":["ReadWriteMany"]}}""");
        Assert.Contains("spec is immutable after creation", moved.Message);
    }

    [Fact]
    public async Task Dry_run_answers_as_if_and_stores_nothing()
    {
        var tried = await PostAsync($"{Maps}?dryRun=All", Map("ghost"));
        Assert.Equal(201, tried.Code);
        Assert.Equal(404, (await GetAsync($"{Maps}/ghost")).Code);
        var made = await PostAsync(Maps, Map("a"));
        await SendAsync("PATCH", $"{Maps}/a?dryRun=All", """{"data":{"x":"1"}}""", "application/merge-patch+json");
        await DeleteAsync($"{Maps}/a?dryRun=All");
        Assert.Equal(made.Revision, (await GetAsync($"{Maps}/a")).Revision);
    }

    [Fact]
    public async Task Finalizers_hold_an_object_until_the_last_is_gone()
    {
        await PostAsync(Maps, """{"metadata":{"name":"a","finalizers":["example.com/hold"]}}""");
        var deleted = await DeleteAsync($"{Maps}/a");
        Assert.Equal(200, deleted.Code);
        Assert.NotNull((await GetAsync($"{Maps}/a")).Body.Str("metadata", "deletionTimestamp"));
        var added = await MergeAsync($"{Maps}/a", """{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}""");
        Assert.Equal(422, added.Code);
        Assert.Equal(200, (await MergeAsync($"{Maps}/a", """{"metadata":{"finalizers":null}}""")).Code);
        Assert.Equal(404, (await GetAsync($"{Maps}/a")).Code);
    }

    [Theory]
    [InlineData("Foreground", "foregroundDeletion")]
    [InlineData("Orphan", "orphan")]
    public async Task Propagation_leaves_the_garbage_collector_its_finalizer(string policy, string finalizer)
    {
        await PostAsync(Sets, Set("web"));
        await DeleteAsync($"{Sets}/web", $$"""{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"{{policy}}"}""");
        var left = await GetAsync($"{Sets}/web");
        Assert.Equal([finalizer], left.Body.Arr("metadata", "finalizers")!.Select(f => f.AsString()));
        await MergeAsync($"{Sets}/web", """{"metadata":{"finalizers":[]}}""");
        Assert.Equal(404, (await GetAsync($"{Sets}/web")).Code);
    }

    [Fact]
    public async Task Delete_honours_preconditions()
    {
        var made = await PostAsync(Maps, Map("a"));
        var wrong = await DeleteAsync($"{Maps}/a", """{"preconditions":{"uid":"11111111-1111-1111-1111-111111111111"}}""");
        Assert.Equal((409, "Conflict"), (wrong.Code, wrong.Reason));
        var stale = await DeleteAsync($"{Maps}/a", """{"preconditions":{"resourceVersion":"1"}}""");
        Assert.Equal(409, stale.Code);
        var right = await DeleteAsync($"{Maps}/a", $$$"""{"preconditions":{"uid":"{{{made.Body.Str("metadata", "uid")}}}","resourceVersion":"{{{made.Revision}}}"}}""");
        Assert.Equal(200, right.Code);
        Assert.Equal("Success", right.Body.Str("status"));
    }

    [Fact]
    public async Task Deletecollection_takes_what_its_selector_matches()
    {
        await PostAsync(Maps, """{"metadata":{"name":"a","labels":{"x":"1"}}}""");
        await PostAsync(Maps, """{"metadata":{"name":"b","labels":{"x":"2"}}}""");
        await DeleteAsync($"{Maps}?labelSelector=x%3D1");
        Assert.Equal(["b"], (await GetAsync(Maps)).Body.Arr("items")!.Select(i => i.Str("metadata", "name")));
    }

    [Fact]
    public async Task Lists_page_over_one_consistent_state()
    {
        for (var i = 0; i < 5; i++) await PostAsync(Maps, Map($"m{i}"));
        var first = await GetAsync($"{Maps}?limit=2");
        Assert.Equal(3, first.Body.Long("metadata", "remainingItemCount"));
        await DeleteAsync($"{Maps}/m3");
        var rest = await GetAsync($"{Maps}?limit=10&continue={first.Body.Str("metadata", "continue")}");
        Assert.Equal(["m2", "m3", "m4"], rest.Body.Arr("items")!.Select(i => i.Str("metadata", "name")));
        Assert.Equal(first.Revision, rest.Revision);
        Assert.Equal((410, "Expired"), (await GetAsync($"{Maps}?continue=eyJydiI6MSwic3RhcnQiOiJhIn0")) is var gone ? (gone.Code, gone.Reason) : default);
    }

    [Fact]
    public async Task A_list_from_the_future_times_out_with_its_cause()
    {
        var reply = await GetAsync($"{Maps}?resourceVersion=999999");
        Assert.Equal((504, "Timeout"), (reply.Code, reply.Reason));
        Assert.StartsWith("Too large resource version: 999999", reply.Message);
    }

    [Theory]
    [InlineData("labelSelector=x", "a,b")]
    [InlineData("labelSelector=!x", "c")]
    [InlineData("labelSelector=x%3D1", "a")]
    [InlineData("labelSelector=x!%3D1", "b,c")]
    [InlineData("labelSelector=x%20in%20(1,2)", "a,b")]
    [InlineData("labelSelector=x%20notin%20(1),y", "b")]
    [InlineData("fieldSelector=metadata.name%3Db", "b")]
    [InlineData("fieldSelector=metadata.name!%3Db", "a,c")]
    public async Task Selectors_choose(string query, string expected)
    {
        await PostAsync(Maps, """{"metadata":{"name":"a","labels":{"x":"1"}}}""");
        await PostAsync(Maps, """{"metadata":{"name":"b","labels":{"x":"2","y":"1"}}}""");
        await PostAsync(Maps, Map("c"));
        var list = await GetAsync($"{Maps}?{query}");
        Assert.Equal(expected, string.Join(",", list.Body.Arr("items")!.Select(i => i.Str("metadata", "name"))));
    }

    [Fact]
    public async Task Unknown_fields_cannot_be_selected_by()
    {
        var reply = await GetAsync($"{Pods}?fieldSelector=spec.other%3D1");
        Assert.Equal((400, "BadRequest", "field label not supported: spec.other"), (reply.Code, reply.Reason, reply.Message));
        Assert.Equal(400, (await GetAsync($"{Pods}?labelSelector=a%20in%20b")).Code);
    }

    [Fact]
    public async Task A_namespace_takes_its_content_along()
    {
        await PostAsync("/api/v1/namespaces", """{"metadata":{"name":"team"}}""");
        await PostAsync("/api/v1/namespaces/team/configmaps", """{"metadata":{"name":"held","finalizers":["example.com/hold"]}}""");
        await PostAsync("/api/v1/namespaces/team/configmaps", Map("free"));
        await DeleteAsync("/api/v1/namespaces/team");
        Assert.Equal("Terminating", (await GetAsync("/api/v1/namespaces/team")).Body.Str("status", "phase"));
        Assert.Equal(404, (await GetAsync("/api/v1/namespaces/team/configmaps/free")).Code);
        var late = await PostAsync("/api/v1/namespaces/team/configmaps", Map("late"));
        Assert.Equal((403, "Forbidden"), (late.Code, late.Reason));
        await MergeAsync("/api/v1/namespaces/team/configmaps/held", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(404, (await GetAsync("/api/v1/namespaces/team")).Code);
    }

    [Theory]
    [InlineData("{", "application/json", 400)]
    [InlineData("[]", "application/json", 400)]
    [InlineData("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", "application/json", 400)]
    [InlineData("x", "application/vnd.kubernetes.protobuf", 400)]
    [InlineData("x", "application/cbor", 415)]
    public async Task Bodies_that_make_no_sense_are_refused(string body, string contentType, int code)
    {
        var reply = await SendAsync("POST", Maps, body, contentType);
        Assert.Equal((code, "Failure"), (reply.Code, reply.Body.Str("status")));
    }

    [Fact]
    public async Task A_body_can_be_YAML()
    {
        var reply = await SendAsync("POST", Maps, "metadata:\n  name: y\ndata:\n  a: \"1\"\n  b: 'true'\n", "application/yaml");
        Assert.Equal(201, reply.Code);
        Assert.Equal(("1", "true"), (reply.Body.Str("data", "a"), reply.Body.Str("data", "b")));
    }

    [Fact]
    public async Task Only_loopback_names_are_answered()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api");
        request.Headers.Host = "evil.example:80";
        Assert.Equal(400, (int)(await Http.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Events_are_shown_by_both_of_their_APIs()
    {
        await PostAsync("/api/v1/namespaces/default/events", """{"metadata":{"name":"e.1"},"involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"reason":"R","message":"hello","type":"Normal"}""");
        var other = await GetAsync("/apis/events.k8s.io/v1/namespaces/default/events/e.1");
        Assert.Equal(("events.k8s.io/v1", "hello", "p"), (other.Body.Str("apiVersion"), other.Body.Str("note"), other.Body.Str("regarding", "name")));
        var found = await GetAsync("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod");
        Assert.Single(found.Body.Arr("items")!);
    }
}
