// Server-side apply: who owns which field, and what happens when two want the same.
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Tests.Api;

public sealed class ApplyTests : ApiTest
{
    [Fact]
    public async Task Apply_creates_what_is_not_there()
    {
        var made = await ApplyAsync($"{Maps}/a", "me", Map("a", """{"x":"1"}"""));
        Assert.Equal(201, made.Code);
        var entry = made.Body.Arr("metadata", "managedFields")!.Single();
        Assert.Equal(("me", "Apply", "v1"), (entry.Str("manager"), entry.Str("operation"), entry.Str("apiVersion")));
        Assert.Equal("""{"f:data":{"f:x":{}}}""", JsonTree.ToText(entry.At("fieldsV1")));
    }

    [Fact]
    public async Task Applying_the_same_again_changes_nothing()
    {
        var made = await ApplyAsync($"{Sets}/web", "me", Set("web"));
        var again = await ApplyAsync($"{Sets}/web", "me", Set("web"));
        Assert.Equal((200, made.Revision), (again.Code, again.Revision));
    }

    [Fact]
    public async Task Fields_no_longer_applied_go_and_those_of_others_stay()
    {
        await ApplyAsync($"{Maps}/a", "me", Map("a", """{"x":"1","y":"2"}"""));
        await MergeAsync($"{Maps}/a", """{"data":{"z":"3"}}""");
        var less = await ApplyAsync($"{Maps}/a", "me", Map("a", """{"x":"1"}"""));
        Assert.Equal("""{"x":"1","z":"3"}""", JsonTree.ToText(less.Body.At("data")));
    }

    [Fact]
    public async Task A_field_of_another_manager_is_a_conflict_that_names_both()
    {
        await ApplyAsync($"{Maps}/a", "one", Map("a", """{"x":"1"}"""));
        var refused = await ApplyAsync($"{Maps}/a", "two", Map("a", """{"x":"2"}"""));
        Assert.Equal((409, "Conflict"), (refused.Code, refused.Reason));
        Assert.Equal("Apply failed with 1 conflict: conflict with \"one\": .data.x", refused.Message);
        var cause = refused.Body.Arr("details", "causes")!.Single();
        Assert.Equal(("FieldManagerConflict", ".data.x"), (cause.Str("reason"), cause.Str("field")));
    }

    [Fact]
    public async Task Force_takes_the_field_over()
    {
        await ApplyAsync($"{Maps}/a", "one", Map("a", """{"x":"1"}"""));
        var forced = await ApplyAsync($"{Maps}/a", "two", Map("a", """{"x":"2"}"""), force: true);
        Assert.Equal("2", forced.Body.Str("data", "x"));
        var back = await ApplyAsync($"{Maps}/a", "one", Map("a", """{"x":"1"}"""));
        Assert.Equal(409, back.Code);
        Assert.Contains("conflict with \"two\"", back.Message);
    }

    [Fact]
    public async Task The_same_value_is_shared_and_stays_until_both_let_go()
    {
        await ApplyAsync($"{Maps}/a", "one", Map("a", """{"x":"1","own":"1"}"""));
        Assert.Equal(200, (await ApplyAsync($"{Maps}/a", "two", Map("a", """{"x":"1"}"""))).Code);
        var one = await ApplyAsync($"{Maps}/a", "one", Map("a", """{"own":"1"}"""));
        Assert.Equal("1", one.Body.Str("data", "x"));
        var two = await ApplyAsync($"{Maps}/a", "two", Map("a"));
        Assert.Null(two.Body.Str("data", "x"));
    }

    [Fact]
    public async Task An_update_takes_ownership_from_an_applier()
    {
        await ApplyAsync($"{Sets}/web", "me", Set("web", replicas: 1));
        await SendAsync("PATCH", $"{Sets}/web/scale?fieldManager=scaler", """{"spec":{"replicas":4}}""", "application/merge-patch+json");
        var refused = await ApplyAsync($"{Sets}/web", "me", Set("web", replicas: 2));
        Assert.Equal(409, refused.Code);
        Assert.Matches("conflict with \"scaler\" with subresource \"scale\" using apps/v1: .spec.replicas", refused.Message);
    }

    [Fact]
    public async Task Keyed_lists_merge_by_their_keys()
    {
        await ApplyAsync($"{Sets}/web", "me", Set("web"));
        const string Sidecar = """
            {"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[
            {"name":"side","image":"s:1"},{"name":"main","env":[{"name":"C","value":"3"}]}]}}}}
            """;
        var both = await ApplyAsync($"{Sets}/web", "side", Sidecar);
        Assert.Equal(200, both.Code);
        var containers = both.Body.Arr("spec", "template", "spec", "containers")!;
        Assert.Equal(["main", "side"], containers.Select(c => c.Str("name")!).Order());
        var main = containers.Single(c => c.Str("name") == "main");
        Assert.Equal(["A", "B", "C"], main.Arr("env")!.Select(e => e.Str("name")!));
        var without = await ApplyAsync($"{Sets}/web", "side", """{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web"}}""");
        var left = without.Body.Arr("spec", "template", "spec", "containers")!.Single();
        Assert.Equal(["A", "B"], left.Arr("env")!.Select(e => e.Str("name")!));
        Assert.Equal("x:1", left.Str("image"));
    }

    [Fact]
    public async Task Two_appliers_conflict_inside_a_keyed_list_by_path()
    {
        await ApplyAsync($"{Sets}/web", "me", Set("web"));
        var refused = await ApplyAsync($"{Sets}/web", "you", """{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[{"name":"main","image":"y:2"}]}}}}""");
        Assert.Equal(409, refused.Code);
        Assert.EndsWith(".spec.template.spec.containers[name=\"main\"].image", refused.Message);
    }

    [Fact]
    public async Task Status_is_applied_through_its_own_endpoint()
    {
        await ApplyAsync($"{Sets}/web", "me", Set("web"));
        var reply = await ApplyAsync($"{Sets}/web/status", "ctl", """{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web"},"status":{"replicas":1,"readyReplicas":1}}""");
        Assert.Equal(200, reply.Code);
        Assert.Equal((1, 1), (reply.Body.Long("status", "readyReplicas"), reply.Body.Long("spec", "replicas")));
        var again = await ApplyAsync($"{Sets}/web/status", "ctl", """{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web"},"status":{"replicas":1,"readyReplicas":1}}""");
        Assert.Equal(reply.Revision, again.Revision);
        var spec = await ApplyAsync($"{Sets}/web", "me", Set("web"));
        Assert.Equal(reply.Revision, spec.Revision);
    }

    [Fact]
    public async Task Apply_needs_a_manager_and_no_managedFields()
    {
        var nameless = await SendAsync("PATCH", $"{Maps}/a", Map("a"), "application/apply-patch+yaml");
        Assert.Equal(422, nameless.Code);
        Assert.Contains("fieldManager: Required value: is required for apply patch", nameless.Message);
        var made = await ApplyAsync($"{Maps}/a", "me", Map("a", """{"x":"1"}"""));
        var echoed = await ApplyAsync($"{Maps}/a", "me", JsonTree.ToText(made.Body));
        Assert.Equal((400, "metadata.managedFields must be nil"), (echoed.Code, echoed.Message));
    }

    [Fact]
    public async Task A_creator_owns_what_it_made_map_by_map()
    {
        var made = await PostAsync(Maps, """{"metadata":{"name":"a","labels":{"l":"1"}},"data":{"x":"1"}}""");
        Assert.Equal("""{"f:data":{".":{},"f:x":{}},"f:metadata":{"f:labels":{".":{},"f:l":{}}}}""", JsonTree.ToText(made.Body.Arr("metadata", "managedFields")![0].At("fieldsV1")));
    }

    [Fact]
    public async Task A_removed_map_leaves_no_empty_shell()
    {
        await ApplyAsync($"{Maps}/a", "me", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"1"}},"data":{"k":"v"}}""");
        var reply = await ApplyAsync($"{Maps}/a", "me", Map("a", """{"k":"v"}"""));
        Assert.Null(reply.Body.At("metadata", "labels"));
    }
}
