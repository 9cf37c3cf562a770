// A container's environment and the expansion of $(NAME) in its command and arguments.

using System.Text;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Sandbox.Pods;

internal sealed class ContainerEnvironment(IKubernetes api, PodFields fields)
{
    // What a program needs of this machine to run at all; everything else comes from the pod.
    private static readonly string[] Inherited = ["PATH", "LANG", "TMPDIR", "DOTNET_ROOT", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "DOTNET_gcServer"];

    /// <exception cref="PodConfigException">A ConfigMap, Secret, key or field it refers to is missing.</exception>
    public async Task<Dictionary<string, string>> BuildAsync(V1Container container, MountPaths mounts, string home, CancellationToken ct)
    {
        var environment = new Dictionary<string, string>
        {
            ["HOME"] = home,
            ["HOSTNAME"] = fields.Pod.Spec?.Hostname ?? fields.Pod.Metadata.Name ?? "",
        };
        foreach (var name in Inherited)
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
            {
                environment[name] = value;
            }
        }

        foreach (var source in container.EnvFrom ?? [])
        {
            foreach (var (key, value) in await ReadAllAsync(source, ct).ConfigureAwait(false))
            {
                environment[source.Prefix + key] = value;
            }
        }

        foreach (var variable in container.Env ?? [])
        {
            var value = variable.ValueFrom is { } from
                ? await ReadAsync(from, container, ct).ConfigureAwait(false)
                : Expand(variable.Value ?? "", environment);
            if (value is not null)
            {
                environment[variable.Name] = mounts.Replace(value);
            }
        }

        return environment;
    }

    /// <summary>Replaces $(NAME) by the variable's value; an unknown name stays as it is, and $$(NAME) means a literal $(NAME).</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> environment)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 >= text.Length)
            {
                result.Append(text[i]);
            }
            else if (text[i + 1] == '$')
            {
                result.Append('$');
                i++;
            }
            else if (text[i + 1] == '(' && text.IndexOf(')', i) is var end and > 0)
            {
                var name = text[(i + 2)..end];
                result.Append(environment.TryGetValue(name, out var value) ? value : $"$({name})");
                i = end;
            }
            else
            {
                result.Append('$');
            }
        }

        return result.ToString();
    }

    private async Task<string?> ReadAsync(V1EnvVarSource source, V1Container container, CancellationToken ct) => source switch
    {
        { FieldRef: { } field } => fields.Field(field.FieldPath),
        { ResourceFieldRef: { } resource } => fields.Resource(resource, container),
        { ConfigMapKeyRef: { } key } => await ReadKeyAsync(key, false, ct).ConfigureAwait(false),
        { SecretKeyRef: { } key } => await ReadKeyAsync(key, true, ct).ConfigureAwait(false),
        _ => throw new PodConfigException("CreateContainerConfigError", "an environment variable has an unknown source"),
    };

    private async Task<string?> ReadKeyAsync(V1KeySelector key, bool secret, CancellationToken ct)
    {
        var values = await ReadObjectAsync(key.Name ?? "", secret, ct).ConfigureAwait(false);
        if (values?.TryGetValue(key.Key, out var value) == true)
        {
            return value;
        }

        return key.Optional == true ? null : throw new PodConfigException(
            "CreateContainerConfigError",
            values is null ? $"{Kind(secret)} \"{key.Name}\" not found" : $"couldn't find key {key.Key} in {Kind(secret)} {key.Name}");
    }

    private async Task<Dictionary<string, string>> ReadAllAsync(V1EnvFromSource source, CancellationToken ct)
    {
        var secret = source.SecretRef is not null;
        var reference = source.SecretRef ?? source.ConfigMapRef;
        return await ReadObjectAsync(reference?.Name ?? "", secret, ct).ConfigureAwait(false)
            ?? (reference?.Optional == true ? [] : throw new PodConfigException("CreateContainerConfigError", $"{Kind(secret)} \"{reference?.Name}\" not found"));
    }

    private async Task<Dictionary<string, string>?> ReadObjectAsync(string name, bool secret, CancellationToken ct)
    {
        var ns = fields.Pod.Metadata.Namespace;
        return secret
            ? (await api.GetAsync<V1Secret>(ns, name, ct).ConfigureAwait(false)) is { } s
                ? (s.Data ?? []).ToDictionary(e => e.Key, e => Encoding.UTF8.GetString(e.Value)) : null
            : (await api.GetAsync<V1ConfigMap>(ns, name, ct).ConfigureAwait(false)) is { } c ? c.Data ?? [] : null;
    }

    private static string Kind(bool secret) => secret ? "secret" : "configmap";
}
