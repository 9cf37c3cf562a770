// Where the API server is and who we are there, read from a kubeconfig or from the files a pod is given.

using System.Security.Cryptography.X509Certificates;

namespace Shoal.Operator.Kubernetes;

/// <summary>Connection settings of an API server. Exactly one kind of credential is used: exec, token file, token, basic; a client certificate may come on top.</summary>
public sealed record KubernetesConfig
{
    /// <summary>Files the kubelet mounts into every pod.</summary>
    public const string ServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>For example <c>https://127.0.0.1:6443</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>Namespace of the context, or of the pod.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>PEM of the authorities to trust; null = the system's.</summary>
    public string? AuthorityPem { get; init; }

    /// <summary>As <see cref="AuthorityPem"/>, in a file that may be replaced while we run.</summary>
    public string? AuthorityFile { get; init; }

    public bool SkipTlsVerify { get; init; }

    /// <summary>Name expected in the server's certificate when it differs from the host.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Client certificate with its private key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>A bearer token.</summary>
    public string? Token { get; init; }

    /// <summary>A file with a bearer token, re-read at least once a minute and after a 401.</summary>
    public string? TokenFile { get; init; }

    public string? Username { get; init; }
    public string? Password { get; init; }

    /// <summary>A program that prints credentials.</summary>
    public ExecCredentialPlugin? Exec { get; init; }

    /// <summary>
    /// Settings from the given file, else from KUBECONFIG, else the pod's service account, else <c>~/.kube/config</c>.
    /// </summary>
    /// <exception cref="KubernetesConfigException">None of them is there, or the one found is not usable.</exception>
    public static KubernetesConfig Detect(string? kubeconfig = null, string? context = null)
    {
        if (!string.IsNullOrEmpty(kubeconfig))
        {
            return FromFile(kubeconfig, context);
        }

        if (Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } paths)
        {
            return KubeconfigFile.Load([.. paths.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(File.Exists)], context);
        }

        if (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is { Length: > 0 }
            && File.Exists(Path.Combine(ServiceAccountDirectory, "token")))
        {
            return InCluster();
        }

        var home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");
        return File.Exists(home)
            ? FromFile(home, context)
            : throw new KubernetesConfigException($"no Kubernetes configuration: no KUBECONFIG, not in a pod, and no {home}; give --kubeconfig");
    }

    /// <summary>Settings of a context (default: the current one) of a kubeconfig file.</summary>
    /// <exception cref="KubernetesConfigException">The file or the context is not usable; the message says what is wrong.</exception>
    public static KubernetesConfig FromFile(string path, string? context = null) => KubeconfigFile.Load([path], context);

    /// <summary>Settings of a pod: address from the environment, authority and token from the mounted service account.</summary>
    /// <param name="directory">The mounted service account, for tests.</param>
    /// <exception cref="KubernetesConfigException">Not in a pod.</exception>
    public static KubernetesConfig InCluster(string directory = ServiceAccountDirectory)
    {
        var host = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST");
        var port = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT") ?? "443";
        var token = Path.Combine(directory, "token");
        if (string.IsNullOrEmpty(host) || !File.Exists(token))
        {
            throw new KubernetesConfigException($"not in a pod: KUBERNETES_SERVICE_HOST or {token} is missing");
        }

        var authority = Path.Combine(directory, "ca.crt");
        var ns = Path.Combine(directory, "namespace");
        return new KubernetesConfig
        {
            Server = new Uri($"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}"),
            TokenFile = token,
            AuthorityFile = File.Exists(authority) ? authority : null,
            Namespace = File.Exists(ns) ? File.ReadAllText(ns).Trim() : "default",
        };
    }
}

/// <summary>A client-go credential plugin: a command that prints an ExecCredential.</summary>
public sealed record ExecCredentialPlugin
{
    /// <summary><c>client.authentication.k8s.io/v1</c>, <c>v1beta1</c> or <c>v1alpha1</c>.</summary>
    public required string ApiVersion { get; init; }

    public required string Command { get; init; }
    public IReadOnlyList<string> Args { get; init; } = [];
    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();

    /// <summary>Printed when the command is not installed.</summary>
    public string? InstallHint { get; init; }

    public bool ProvideClusterInfo { get; init; }
}

/// <summary>The configuration cannot be used; the message says why.</summary>
public sealed class KubernetesConfigException(string message, Exception? inner = null) : Exception(message, inner);
