// Reads kubeconfig files. Several files merge as kubectl merges them: the first to name a cluster, user, context or the
// current context wins. Relative paths are relative to the file that holds them.

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Shoal.Operator.Kubernetes;

internal static class KubeconfigFile
{
    private sealed record Named(string Name, YamlMappingNode Body, string Directory);

    public static KubernetesConfig Load(IReadOnlyList<string> paths, string? context)
    {
        if (paths.Count == 0)
        {
            throw new KubernetesConfigException("KUBECONFIG names no file that exists");
        }

        var clusters = new List<Named>();
        var users = new List<Named>();
        var contexts = new List<Named>();
        foreach (var path in paths)
        {
            var root = Parse(path);
            var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
            Collect(root, "clusters", "cluster", directory, clusters);
            Collect(root, "users", "user", directory, users);
            Collect(root, "contexts", "context", directory, contexts);
            context = string.IsNullOrEmpty(context) ? Text(root, "current-context") : context;
        }

        var where = string.Join(", ", paths);
        if (string.IsNullOrEmpty(context))
        {
            throw new KubernetesConfigException($"{where}: no current-context; name one with --context");
        }

        var chosen = Find(contexts, context, "context", where);
        var cluster = Find(clusters, Text(chosen.Body, "cluster") ?? "", "cluster", where);
        var user = Text(chosen.Body, "user") is { Length: > 0 } name ? Find(users, name, "user", where) : null;
        return Build(chosen, cluster, user, where);
    }

    private static KubernetesConfig Build(Named context, Named cluster, Named? user, string where)
    {
        if (!Uri.TryCreate(Text(cluster.Body, "server"), UriKind.Absolute, out var server))
        {
            throw new KubernetesConfigException($"{where}: cluster {cluster.Name} has no usable server address");
        }

        var authority = Text(cluster.Body, "certificate-authority-data");
        var body = user?.Body ?? [];
        return new KubernetesConfig
        {
            Server = server,
            Namespace = Text(context.Body, "namespace") ?? "default",
            AuthorityPem = authority is { Length: > 0 } ? Encoding.UTF8.GetString(Base64(authority, $"{where}: certificate-authority-data")) : null,
            AuthorityFile = FilePath(cluster, "certificate-authority"),
            SkipTlsVerify = Text(cluster.Body, "insecure-skip-tls-verify") == "true",
            TlsServerName = Text(cluster.Body, "tls-server-name"),
            Token = Text(body, "token"),
            TokenFile = user is null ? null : FilePath(user, "tokenFile"),
            Username = Text(body, "username"),
            Password = Text(body, "password"),
            ClientCertificate = user is null ? null : ClientCertificate(user, where),
            Exec = ExecPlugin(body, user?.Directory, where),
        };
    }

    private static X509Certificate2? ClientCertificate(Named user, string where)
    {
        var certificate = Pem(user, "client-certificate", where);
        var key = Pem(user, "client-key", where);
        if (certificate is null)
        {
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPem(certificate, key ?? throw new KubernetesConfigException($"{where}: user {user.Name} has a client certificate but no key"));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new KubernetesConfigException($"{where}: client certificate of user {user.Name} cannot be read: {e.Message}", e);
        }
    }

    private static string? Pem(Named user, string key, string where)
    {
        if (Text(user.Body, key + "-data") is { Length: > 0 } inline)
        {
            return Encoding.UTF8.GetString(Base64(inline, $"{where}: {key}-data"));
        }

        if (FilePath(user, key) is not { } path)
        {
            return null;
        }

        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException e)
        {
            throw new KubernetesConfigException($"{where}: {key} cannot be read: {e.Message}", e);
        }
    }

    private static ExecCredentialPlugin? ExecPlugin(YamlMappingNode user, string? directory, string where)
    {
        if (Child(user, "exec") is not YamlMappingNode exec)
        {
            return null;
        }

        var command = Text(exec, "command") ?? throw new KubernetesConfigException($"{where}: exec plugin without a command");
        var hasPath = command.Contains('/', StringComparison.Ordinal);
        return new ExecCredentialPlugin
        {
            ApiVersion = Text(exec, "apiVersion") ?? "client.authentication.k8s.io/v1",
            Command = hasPath && !Path.IsPathRooted(command) ? Path.GetFullPath(Path.Combine(directory!, command)) : command,
            Args = [.. Items(exec, "args").Select(a => a.ToString())],
            Env = Items(exec, "env").OfType<YamlMappingNode>()
                .GroupBy(e => Text(e, "name") ?? "")
                .ToDictionary(g => g.Key, g => Text(g.Last(), "value") ?? ""),
            InstallHint = Text(exec, "installHint"),
            ProvideClusterInfo = Text(exec, "provideClusterInfo") == "true",
        };
    }

    private static YamlMappingNode Parse(string path)
    {
        try
        {
            using var reader = File.OpenText(path);
            var yaml = new YamlStream();
            yaml.Load(reader);
            return yaml.Documents.Count == 0 ? [] : yaml.Documents[0].RootNode as YamlMappingNode
                ?? throw new KubernetesConfigException($"{path} is not a kubeconfig: its top level is not a mapping");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or YamlException)
        {
            throw new KubernetesConfigException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static void Collect(YamlMappingNode root, string list, string member, string directory, List<Named> into)
    {
        foreach (var entry in Items(root, list).OfType<YamlMappingNode>())
        {
            var name = Text(entry, "name") ?? "";
            if (Child(entry, member) is YamlMappingNode body && !into.Exists(n => n.Name == name))
            {
                into.Add(new Named(name, body, directory));
            }
        }
    }

    private static Named Find(List<Named> all, string name, string kind, string where) =>
        all.Find(n => n.Name == name) ?? throw new KubernetesConfigException(
            $"{where}: there is no {kind} '{name}'; there are: {string.Join(", ", all.Select(n => n.Name))}");

    private static string? FilePath(Named owner, string key) =>
        Text(owner.Body, key) is { Length: > 0 } path ? Path.GetFullPath(Path.Combine(owner.Directory, path)) : null;

    private static YamlNode? Child(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(new YamlScalarNode(key), out var child) ? child : null;

    private static string? Text(YamlMappingNode node, string key) => (Child(node, key) as YamlScalarNode)?.Value;

    private static IEnumerable<YamlNode> Items(YamlMappingNode node, string key) =>
        Child(node, key) is YamlSequenceNode list ? list : [];

    private static byte[] Base64(string text, string what)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException e)
        {
            throw new KubernetesConfigException($"{what} is not base64", e);
        }
    }
}
