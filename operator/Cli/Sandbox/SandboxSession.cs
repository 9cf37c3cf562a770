// Everything behind `shoal sandbox`: the API server, the controllers and the pod runner, with our CRDs installed. Disposing
// it stops every process it started.
using Microsoft.Extensions.Logging;
using Shoal.Operator.Api;
using Shoal.Operator.Kubernetes;
using Shoal.Operator.Kubernetes.Models;
using Shoal.Sandbox;
using Shoal.Sandbox.Api;
using Shoal.Sandbox.Pods;

namespace Shoal.Cli.Sandbox;

/// <summary>A running sandbox in this process.</summary>
internal sealed class SandboxSession : IAsyncDisposable
{
    private static readonly ResourceType CrdType =
        new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", Namespaced: false);

    private readonly SandboxApiServer server;
    private readonly KubernetesApi api;
    private readonly ILoggerFactory logs;
    private LocalControlPlane? plane;

    private SandboxSession(SandboxApiServer server, KubernetesApi api, string directory, ILoggerFactory logs)
    {
        (this.server, this.api, Directory, this.logs) = (server, api, directory, logs);
        Launcher = new ProcessLauncher();
    }

    /// <summary>Where state, volumes, logs and the kubeconfig are.</summary>
    public string Directory { get; }

    /// <summary>A client of the sandbox's API server.</summary>
    public IKubernetes Api => api;

    /// <summary>The kubeconfig for kubectl and the operator.</summary>
    public string Kubeconfig => server.KubeconfigPath;

    /// <summary>Starts processes that end with this one.</summary>
    public ProcessLauncher Launcher { get; }

    /// <summary>The folder of shoal-node and its siblings: where this program was started from.</summary>
    public static string BinDirectory { get; } = FindBinDirectory();

    /// <summary>Starts the sandbox on <paramref name="directory"/>, continuing the state it finds there.</summary>
    /// <exception cref="IOException">The port is taken, or the state cannot be read; the message says which.</exception>
    public static async Task<SandboxSession> StartAsync(string directory, int port, CancellationToken ct)
    {
        System.IO.Directory.CreateDirectory(Path.Combine(directory, "logs"));
        var logs = LoggerFactory.Create(b => b.AddFilter("Microsoft", LogLevel.Warning).AddProvider(new FileLog(Path.Combine(directory, "logs", "sandbox.log"), TimeProvider.System)));
        var server = await SandboxApiServer.StartAsync(
            new SandboxApiOptions { Directory = directory, Port = port, Secure = true, LoggerFactory = logs }, ct);
        var api = new KubernetesApi(KubernetesConfig.FromFile(server.KubeconfigPath), TimeProvider.System, logs.CreateLogger("api"));
        var session = new SandboxSession(server, api, directory, logs);
        try
        {
            await session.InstallCrdsAsync(ct);
            session.plane = await LocalControlPlane.StartAsync(
                api, new LocalControlPlaneOptions { Directory = directory, BinDirectory = BinDirectory, LoggerFactory = logs }, ct);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Applies every document of a manifest file, as <c>kubectl apply --server-side</c> does, and returns them as stored.</summary>
    /// <exception cref="InvalidDataException">A document is no Kubernetes object, or of a kind the server does not know.</exception>
    public async Task<IReadOnlyList<UntypedObject>> ApplyFileAsync(string file, CancellationToken ct)
    {
        var applied = new List<UntypedObject>();
        var served = await api.DiscoverAsync(ct);
        foreach (var document in ManifestFile.Read(file))
        {
            var type = served.FirstOrDefault(r => r.Type.ApiVersion == document.ApiVersion && r.Type.Kind == document.Kind)?.Type
                ?? throw new InvalidDataException($"{file}: the server knows no {document.Kind} of {document.ApiVersion}");
            if (type.Namespaced) document.Metadata.Namespace ??= api.DefaultNamespace;
            applied.Add(await api.ApplyAsync(type, document, new ApplyOptions("shoal-cli"), ct));
        }

        return applied;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (plane is not null) await plane.DisposeAsync();
        Launcher.Dispose();
        api.Dispose();
        await server.DisposeAsync();
        logs.Dispose();
    }

    private async Task InstallCrdsAsync(CancellationToken ct)
    {
        foreach (var definition in CrdWriter.Definitions())
        {
            var crd = KubernetesJson.Read<UntypedObject>(KubernetesJson.Write(definition));
            await api.ApplyAsync(CrdType, crd, new ApplyOptions("shoal-cli"), ct);
        }
    }

    private static string FindBinDirectory()
    {
        // artifacts/bin holds links to the published programs; started through one, we live in a sibling of it.
        if (Environment.GetEnvironmentVariable("SHOAL_BIN") is { Length: > 0 } named) return named;
        var beside = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "bin"));
        return File.Exists(Path.Combine(beside, "shoal-node")) ? beside : AppContext.BaseDirectory;
    }
}
