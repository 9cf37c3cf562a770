// Custom resources: served at once, validated, defaulted, pruned, printed and scaled as their definition says.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Tests.Api;

public sealed class CustomResourceTests : ApiTest
{
    private const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string Things = "/apis/test.example/v1/namespaces/default/things";

    private const string Definition = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"things.test.example"},
        "spec":{"group":"test.example","scope":"Namespaced","names":{"plural":"things","kind":"Thing","shortNames":["th"]},
        "versions":[{"name":"v1","served":true,"storage":true,
          "subresources":{"status":{},"scale":{"specReplicasPath":".spec.count","statusReplicasPath":".status.count","labelSelectorPath":".status.selector"}},
          "additionalPrinterColumns":[{"name":"Count","type":"integer","jsonPath":".spec.count"},{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"},
            {"name":"Since","type":"date","jsonPath":".metadata.creationTimestamp"}],
          "schema":{"openAPIV3Schema":{"type":"object","required":["spec"],
            "x-kubernetes-validations":[{"rule":"size(self.metadata.name) <= 10","message":"name too long"}],
            "properties":{
            "spec":{"type":"object","required":["mode"],
              "x-kubernetes-validations":[{"rule":"!has(self.size) || self.count <= 5","message":"a sized thing has at most 5"},
                {"rule":"self.mode == oldSelf.mode","message":"mode is immutable"}],
              "properties":{
              "count":{"type":"integer","minimum":1,"maximum":10,"not":{"enum":[2]},"default":3},
              "mode":{"type":"string","enum":["A","B"]},
              "name":{"type":"string","pattern":"^[a-z]+$","maxLength":5},
              "size":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}],
                "x-kubernetes-validations":[{"rule":"quantity(string(self)).isGreaterThan(quantity('0'))","message":"must be positive"}]},
              "nested":{"type":"object","default":{},"properties":{"on":{"type":"boolean","default":true}}},
              "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
              "labels":{"type":"object","additionalProperties":{"type":"string"}},
              "parts":{"type":"array","maxItems":3,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["id"],
                "items":{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"v":{"type":"integer"}}}}}},
            "status":{"type":"object","properties":{"count":{"type":"integer"},"selector":{"type":"string"},
              "conditions":{"type":"array","items":{"type":"object","properties":{"type":{"type":"string"},"status":{"type":"string"}}}}}}}}}}]}}
        """;

    [Fact]
    public async Task A_definition_is_established_and_served_at_once()
    {
        var made = await PostAsync(Definitions, Definition);
        Assert.Equal(201, made.Code);
        Assert.Contains(made.Body.Arr("status", "conditions")!, c => c.Str("type") == "Established" && c.Str("status") == "True");
        Assert.Equal("thing", made.Body.Str("spec", "names", "singular"));
        var resources = (await GetAsync("/apis/test.example/v1")).Body.Arr("resources")!;
        Assert.Equal(["things", "things/status", "things/scale"], resources.Select(r => r.Str("name")!));
        Assert.Contains((await GetAsync("/apis")).Body.Arr("groups")!, g => g.Str("name") == "test.example");
    }

    [Fact]
    public async Task Defaults_fill_in_and_unknown_fields_go()
    {
        await PostAsync(Definitions, Definition);
        var made = await PostAsync(Things, Thing("""{"mode":"A","bogus":1,"free":{"any":{"thing":1}}}"""));
        Assert.Equal(201, made.Code);
        Assert.Equal("""{"mode":"A","free":{"any":{"thing":1}},"count":3,"nested":{"on":true}}""", JsonTree.ToText(made.Body.At("spec")));
        Assert.Contains("unknown field \\\"spec.bogus\\\"", made.Raw.Headers.GetValues("Warning").Single());
        Assert.Equal(1, made.Body.Long("metadata", "generation"));
        Assert.Null(made.Body.At("status"));
    }

    [Fact]
    public async Task Strict_validation_refuses_unknown_fields()
    {
        await PostAsync(Definitions, Definition);
        var reply = await PostAsync($"{Things}?fieldValidation=Strict", Thing("""{"mode":"A","bogus":1}"""));
        Assert.Equal((400, "BadRequest"), (reply.Code, reply.Reason));
        Assert.Contains("strict decoding error: unknown field \"spec.bogus\"", reply.Message);
    }

    [Theory]
    [InlineData("""{"mode":"A","count":0}""", "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1")]
    [InlineData("""{"mode":"A","count":11}""", "spec.count: Invalid value: 11: spec.count in body should be less than or equal to 10")]
    [InlineData("""{"mode":"A","count":2}""", "spec.count: Invalid value: \"\": \"spec.count\" must not validate the schema (not)")]
    [InlineData("""{"mode":"A","count":"many"}""", "spec.count: Invalid value: \"string\": spec.count in body must be of type integer: \"string\"")]
    [InlineData("""{"mode":"C"}""", "spec.mode: Unsupported value: \"C\": supported values: \"A\", \"B\"")]
    [InlineData("""{}""", "spec.mode: Required value")]
    [InlineData("""{"mode":"A","name":"X1"}""", "spec.name: Invalid value: \"X1\": spec.name in body should match '^[a-z]+$'")]
    [InlineData("""{"mode":"A","name":"abcdef"}""", "spec.name: Too long: may not be more than 5 bytes")]
    [InlineData("""{"mode":"A","size":true}""", "spec.size in body must be of type integer or string: \"boolean\"")]
    [InlineData("""{"mode":"A","size":"0"}""", "spec.size: Invalid value: \"0\": must be positive")]
    [InlineData("""{"mode":"A","size":"1Gi","count":6}""", "spec: Invalid value: \"object\": a sized thing has at most 5")]
    [InlineData("""{"mode":"A","labels":{"a":1}}""", "spec.labels.a: Invalid value: \"integer\": spec.labels.a in body must be of type string: \"integer\"")]
    [InlineData("""{"mode":"A","parts":[{"id":"a"},{"id":"a"}]}""", "spec.parts[1]: Duplicate value: {\"id\":\"a\"}")]
    [InlineData("""{"mode":"A","parts":[{"v":1}]}""", "spec.parts[0].id: Required value")]
    public async Task Bad_values_are_refused_by_field_and_rule(string spec, string sentence)
    {
        await PostAsync(Definitions, Definition);
        var reply = await PostAsync(Things, Thing(spec));
        Assert.Equal((422, "Invalid"), (reply.Code, reply.Reason));
        Assert.StartsWith("Thing.test.example \"t\" is invalid: ", reply.Message);
        Assert.Contains(sentence, reply.Message);
    }

    [Fact]
    public async Task Transition_rules_compare_with_the_old_object()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, Thing("""{"mode":"A"}"""));
        var reply = await MergeAsync($"{Things}/t", """{"spec":{"mode":"B"}}""");
        Assert.Equal(422, reply.Code);
        Assert.Contains("spec: Invalid value: \"object\": mode is immutable", reply.Message);
        Assert.Equal(200, (await MergeAsync($"{Things}/t", """{"spec":{"count":4}}""")).Code);
    }

    [Fact]
    public async Task Rules_on_the_root_see_the_name()
    {
        await PostAsync(Definitions, Definition);
        var reply = await PostAsync(Things, Thing("""{"mode":"A"}""", "a-very-long-name"));
        Assert.Contains("name too long", reply.Message);
    }

    [Fact]
    public async Task Replacing_without_a_resourceVersion_is_refused()
    {
        await PostAsync(Definitions, Definition);
        var made = await PostAsync(Things, Thing("""{"mode":"A"}"""));
        made.Body["metadata"]!.AsObject().Remove("resourceVersion");
        var reply = await PutAsync($"{Things}/t", made.Body);
        Assert.Contains("metadata.resourceVersion: Invalid value: 0: must be specified for an update", reply.Message);
    }

    [Fact]
    public async Task The_scale_subresource_reads_and_writes_the_declared_paths()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, Thing("""{"mode":"A"}"""));
        await MergeAsync($"{Things}/t/status", """{"status":{"count":3,"selector":"a=b"}}""");
        var scale = await GetAsync($"{Things}/t/scale");
        Assert.Equal(("Scale", 3, 3, "a=b"), (scale.Body.Str("kind"), scale.Body.Long("spec", "replicas"), scale.Body.Long("status", "replicas"), scale.Body.Str("status", "selector")));
        var put = await PutAsync($"{Things}/t/scale", (JsonObject)scale.Body.DeepClone().AsObject().With("spec", new JsonObject { ["replicas"] = 5 }));
        Assert.Equal((200, 5), (put.Code, put.Body.Long("spec", "replicas")));
        var thing = await GetAsync($"{Things}/t");
        Assert.Equal((5, 2), (thing.Body.Long("spec", "count"), thing.Body.Long("metadata", "generation")));
        var refused = await MergeAsync($"{Things}/t/scale", """{"spec":{"replicas":2}}""");
        Assert.Contains("must not validate the schema (not)", refused.Message);
        Assert.Equal(409, (await PutAsync($"{Things}/t/scale", scale.Body)).Code);
    }

    [Fact]
    public async Task Printer_columns_make_the_table()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, Thing("""{"mode":"A"}"""));
        await MergeAsync($"{Things}/t/status", """{"status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}}""");
        var table = await GetAsync(Things, "application/json;as=Table;v=v1;g=meta.k8s.io");
        Assert.Equal(["Name", "Count", "Ready", "Since"], table.Body.Arr("columnDefinitions")!.Select(c => c.Str("name")!));
        var cells = table.Body.Arr("rows")![0].Arr("cells")!;
        Assert.Equal(("t", 3, "True"), (cells[0].AsString(), cells[1].AsLong(), cells[2].AsString()));
        Assert.Matches(@"^\d+s$", cells[3].AsString());
    }

    [Fact]
    public async Task Apply_merges_map_lists_by_the_declared_keys()
    {
        await PostAsync(Definitions, Definition);
        await ApplyAsync($"{Things}/t", "one", Thing("""{"mode":"A","parts":[{"id":"a","v":1}]}"""));
        var both = await ApplyAsync($"{Things}/t", "two", Thing("""{"mode":"A","parts":[{"id":"b","v":2}]}"""));
        Assert.Equal(200, both.Code);
        Assert.Equal(["a", "b"], both.Body.Arr("spec", "parts")!.Select(p => p.Str("id")!).Order());
        Assert.Equal(both.Revision, (await ApplyAsync($"{Things}/t", "two", Thing("""{"mode":"A","parts":[{"id":"b","v":2}]}"""))).Revision);
    }

    [Fact]
    public async Task Deleting_a_definition_deletes_its_objects_and_its_paths()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, """{"apiVersion":"test.example/v1","kind":"Thing","metadata":{"name":"t","finalizers":["example.com/hold"]},"spec":{"mode":"A"}}""");
        await PostAsync(Things, Thing("""{"mode":"A"}""", "u"));
        await DeleteAsync($"{Definitions}/things.test.example");
        Assert.Equal(404, (await GetAsync($"{Things}/u")).Code);
        Assert.Equal(200, (await GetAsync($"{Definitions}/things.test.example")).Code);
        await MergeAsync($"{Things}/t", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(404, (await GetAsync($"{Definitions}/things.test.example")).Code);
        Assert.Equal(404, (await GetAsync(Things)).Code);
    }

    [Theory]
    [InlineData("\"name\":\"things.test.example\"", "\"name\":\"other.test.example\"", "metadata.name: Invalid value")]
    [InlineData("\"storage\":true", "\"storage\":false", "must have exactly one version marked as storage version")]
    [InlineData("self.mode == oldSelf.mode", "self.mode = 1", "compilation failed: unexpected character '='")]
    [InlineData("self.mode == oldSelf.mode", "nobody.mode", "undeclared reference to 'nobody'")]
    [InlineData("\"pattern\":\"^[a-z]+$\"", "\"pattern\":\"[\"", "invalid pattern")]
    [InlineData("\"type\":\"boolean\",", "", "properties[on].type: Required value")]
    public async Task Definitions_that_cannot_be_served_are_refused(string part, string wrong, string sentence)
    {
        var reply = await PostAsync(Definitions, Definition.Replace(part, wrong));
        Assert.Equal(422, reply.Code);
        Assert.Contains(sentence, reply.Message);
    }

    [Fact]
    public async Task Definitions_survive_a_restart()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, Thing("""{"mode":"A"}"""));
        await StopAsync();
        await StartAsync();
        Assert.Equal(200, (await GetAsync($"{Things}/t")).Code);
        Assert.Equal(422, (await PostAsync(Things, Thing("""{"mode":"Z"}""", "v"))).Code);
    }

    [Fact]
    public async Task Strategic_merge_is_not_for_custom_resources()
    {
        await PostAsync(Definitions, Definition);
        await PostAsync(Things, Thing("""{"mode":"A"}"""));
        Assert.Equal(415, (await StrategicAsync($"{Things}/t", "{}")).Code);
    }

    private static string Thing(string spec, string name = "t") =>
        $$$"""{"apiVersion":"test.example/v1","kind":"Thing","metadata":{"name":"{{{name}}}"},"spec":{{{spec}}}}""";
}

internal static class TreeExtensions
{
    public static JsonObject With(this JsonObject tree, string name, JsonNode value)
    {
        tree[name] = value;
        return tree;
    }
}
