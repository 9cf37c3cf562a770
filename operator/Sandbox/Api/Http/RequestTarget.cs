// Takes a request path apart:
//
//   /api/v1/[namespaces/{ns}/]{resource}[/{name}[/{subresource}]]
//   /apis/{group}/{version}/[namespaces/{ns}/]{resource}[/{name}[/{subresource}]]
//
// Namespaces themselves are /api/v1/namespaces[/{name}[/status|finalize]].
namespace Shoal.Sandbox.Api.Http;

internal sealed record RequestTarget(string Group, string Version, string? Namespace, string Resource, string? Name, string? Subresource)
{
    /// <summary>Null when the path is not one of a resource.</summary>
    public static RequestTarget? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var isCore = parts is ["api", _, _, ..];
        if (!isCore && parts is not ["apis", _, _, _, ..]) return null;
        var (group, version) = isCore ? ("", parts[1]) : (parts[1], parts[2]);
        var rest = parts.AsSpan(isCore ? 2 : 3);

        string? ns = null;
        if (rest.Length >= 3 && rest[0] == "namespaces" && !(rest.Length == 3 && rest[2] is "status" or "finalize"))
        {
            ns = rest[1];
            rest = rest[2..];
        }
        return rest.Length switch
        {
            1 => new RequestTarget(group, version, ns, rest[0], null, null),
            2 => new RequestTarget(group, version, ns, rest[0], rest[1], null),
            3 => new RequestTarget(group, version, ns, rest[0], rest[1], rest[2]),
            _ => null,
        };
    }
}
