// Sets one entry of status.conditions; the transition time moves only when the status does.
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Resources;

internal static class Conditions
{
    public static void Set(JsonObject tree, string type, string status, string? reason, string? message, TimeProvider time)
    {
        var owner = tree.Ensure("status");
        if (owner["conditions"] is not JsonArray list) owner["conditions"] = list = [];
        var existing = list.FirstOrDefault(c => c.Str("type") == type) as JsonObject;
        var condition = existing ?? [];
        if (existing is null) list.Add(condition);
        if (condition.Str("status") != status) condition["lastTransitionTime"] = JsonTree.Timestamp(time.GetUtcNow());
        condition["type"] = type;
        condition["status"] = status;
        if (reason is not null) condition["reason"] = reason;
        if (message is not null) condition["message"] = message;
    }
}
