// Collects what is wrong with an object, in the wording of Kubernetes's field errors, so that one 422 names all of it.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources;

internal sealed class FieldErrors
{
    private readonly List<Cause> causes = [];

    public bool Any => causes.Count > 0;

    public IReadOnlyList<Cause> Causes => causes;

    public void Required(string field, string detail = "") =>
        causes.Add(new Cause("FieldValueRequired", detail.Length == 0 ? "Required value" : $"Required value: {detail}", field));

    public void Invalid(string field, JsonNode? value, string detail) =>
        causes.Add(new Cause("FieldValueInvalid", $"Invalid value: {Show(value)}: {detail}", field));

    public void NotSupported(string field, JsonNode? value, IEnumerable<JsonNode?> allowed) =>
        causes.Add(new Cause("FieldValueNotSupported",
            $"Unsupported value: {Show(value)}: supported values: {string.Join(", ", allowed.Select(Show))}", field));

    public void Forbidden(string field, string detail) =>
        causes.Add(new Cause("FieldValueForbidden", $"Forbidden: {detail}", field));

    public void Duplicate(string field, JsonNode? value) =>
        causes.Add(new Cause("FieldValueDuplicate", $"Duplicate value: {Show(value)}", field));

    public void TooLong(string field, string detail) =>
        causes.Add(new Cause("FieldValueTooLong", $"Too long: {detail}", field));

    public void TypeInvalid(string field, string shown, string detail) =>
        causes.Add(new Cause("FieldValueTypeInvalid", $"Invalid value: \"{shown}\": {detail}", field));

    public void Add(Cause cause) => causes.Add(cause);

    public void ThrowIfAny(ResourceType type, string name)
    {
        if (Any) throw ApiError.Invalid(type, name, causes);
    }

    private static string Show(JsonNode? value) => value is null ? "null" : JsonTree.ToText(value);
}
