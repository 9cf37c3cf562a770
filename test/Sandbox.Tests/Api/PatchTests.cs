// The three patch types that change what is there: JSON patch, merge patch, strategic merge patch.
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Patching;
using Shoal.Sandbox.Api.Resources;

namespace Shoal.Sandbox.Tests.Api;

public sealed class PatchTests : ApiTest
{
    [Theory]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":[1,3]}""", """[{"op":"add","path":"/a/1","value":2}]""", """{"a":[1,2,3]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/-","value":2}]""", """{"a":[1,2]}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"/a","value":{"x":1}}]""", """{"a":{"x":1}}""")]
    [InlineData("""{"a":{"x/y":1,"m~n":2}}""", """[{"op":"remove","path":"/a/x~1y"},{"op":"remove","path":"/a/m~0n"}]""", """{"a":{}}""")]
    [InlineData("""{"a":1}""", """[{"op":"move","from":"/a","path":"/b"}]""", """{"b":1}""")]
    [InlineData("""{"a":1}""", """[{"op":"copy","from":"/a","path":"/b"},{"op":"test","path":"/b","value":1}]""", """{"a":1,"b":1}""")]
    public void Json_patch_changes(string before, string patch, string after) =>
        Assert.True(JsonTree.Same(Read(after), JsonPatch.Apply(Read(before), (JsonArray)Read(patch)!)));

    [Theory]
    [InlineData("""[{"op":"remove","path":"/none"}]""")]
    [InlineData("""[{"op":"replace","path":"/none","value":1}]""")]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""")]
    [InlineData("""[{"op":"add","path":"/a/b/c","value":2}]""")]
    public void Json_patch_refuses_what_it_cannot_do(string patch) =>
        Assert.Throws<ApiError>(() => JsonPatch.Apply(Read("""{"a":1}"""), (JsonArray)Read(patch)!));

    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b","c":"d"}""", """{"a":null}""", """{"c":"d"}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null,"e":{"f":null}}}""", """{"a":{"b":"d","e":{}}}""")]
    public void Merge_patch_changes(string before, string patch, string after) =>
        Assert.True(JsonTree.Same(Read(after), JsonPatch.Merge(Read(before), Read(patch))));

    [Theory]
    [InlineData("""{"spec":{"containers":[{"name":"b","image":"y"}]}}""", """[{"name":"a","image":"1"},{"name":"b","image":"y"}]""")]
    [InlineData("""{"spec":{"containers":[{"name":"c","image":"3"}]}}""", """[{"name":"c","image":"3"},{"name":"a","image":"1"},{"name":"b","image":"2"}]""")]
    [InlineData("""{"spec":{"containers":[{"name":"z","image":"0"},{"name":"b"}]}}""", """[{"name":"z","image":"0"},{"name":"a","image":"1"},{"name":"b","image":"2"}]""")]
    [InlineData("""{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}}""", """[{"name":"b","image":"2"},{"name":"a","image":"1"}]""")]
    [InlineData("""{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}""", """[{"name":"b","image":"2"}]""")]
    [InlineData("""{"spec":{"containers":[{"$patch":"replace"},{"name":"z","image":"9"}]}}""", """[{"name":"z","image":"9"}]""")]
    [InlineData("""{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"a","image":"7"}]}}""", """[{"name":"b","image":"2"},{"name":"a","image":"7"}]""")]
    [InlineData("""{"spec":{"containers":[{"name":"a","$patch":"replace","env":[]}]}}""", """[{"name":"a","env":[]},{"name":"b","image":"2"}]""")]
    public void Strategic_merge_knows_the_keys_of_lists(string patch, string containers)
    {
        var before = (JsonObject)Read("""{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}}""")!;
        var after = StrategicMergePatch.Apply(before, (JsonObject)Read(patch)!, BuiltInShapes.Pod);
        Assert.Equal(containers, JsonTree.ToText(after.At("spec", "containers")));
    }

    [Theory]
    [InlineData("""{"metadata":{"finalizers":["b"]}}""", """{"metadata":{"finalizers":["b","a"]},"spec":{"x":{"k":1,"l":2}}}""")]
    [InlineData("""{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}""", """{"metadata":{"finalizers":[]},"spec":{"x":{"k":1,"l":2}}}""")]
    [InlineData("""{"spec":{"x":{"$retainKeys":["k"],"k":3}}}""", """{"metadata":{"finalizers":["a"]},"spec":{"x":{"k":3}}}""")]
    [InlineData("""{"spec":{"x":{"$patch":"replace","n":1}}}""", """{"metadata":{"finalizers":["a"]},"spec":{"x":{"n":1}}}""")]
    [InlineData("""{"spec":null}""", """{"metadata":{"finalizers":["a"]}}""")]
    public void Strategic_merge_obeys_its_directives(string patch, string after)
    {
        var before = (JsonObject)Read("""{"metadata":{"finalizers":["a"]},"spec":{"x":{"k":1,"l":2}}}""")!;
        var result = StrategicMergePatch.Apply(before, (JsonObject)Read(patch)!, BuiltInShapes.Plain);
        Assert.True(JsonTree.Same(Read(after), result), JsonTree.ToText(result));
    }

    [Fact]
    public async Task Strategic_merge_reaches_one_variable_of_one_container()
    {
        await PostAsync(Sets, Set("web"));
        var reply = await StrategicAsync($"{Sets}/web", """{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"B","value":"9"}]}]}}}}""");
        var container = reply.Body.Arr("spec", "template", "spec", "containers")![0];
        Assert.Equal("x:1", container.Str("image"));
        Assert.Equal("""[{"name":"A","value":"1"},{"name":"B","value":"9"}]""", JsonTree.ToText(container.At("env")));
    }

    [Fact]
    public async Task A_patch_of_no_known_type_is_refused()
    {
        await PostAsync(Maps, Map("a"));
        var reply = await SendAsync("PATCH", $"{Maps}/a", "{}", "application/json");
        Assert.Equal((415, "UnsupportedMediaType"), (reply.Code, reply.Reason));
        Assert.Equal(404, (await MergeAsync($"{Maps}/none", "{}")).Code);
        Assert.Equal(422, (await JsonPatchAsync($"{Maps}/a", """[{"op":"test","path":"/data","value":1}]""")).Code);
    }

    private static JsonNode? Read(string text) => JsonTree.Parse(Encoding.UTF8.GetBytes(text));
}
