// A control plane for a test: the real one (etcd, kube-apiserver, kube-controller-manager) when KUBEBUILDER_ASSETS names
// its programs, the cluster of KUBECONFIG when that is set, else our sandbox API server in this process. Pods run as local
// processes in all but the second case. Everything is on loopback, on free ports, in a temporary directory, and ends with
// the test.

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Operator.Kubernetes;
using Shoal.Sandbox;
using Shoal.Sandbox.Api;

namespace Shoal.Operator.Tests.Fixtures;

public enum ControlPlaneKind { Sandbox, Real, Existing }

public sealed record ControlPlaneOptions
{
    /// <summary>Null decides by the environment.</summary>
    public ControlPlaneKind? Kind { get; init; }

    /// <summary>Where shoal-node and the others are; null = <c>artifacts/bin</c> of the repository when it exists.</summary>
    public string? BinDirectory { get; init; }

    /// <summary>False leaves pods alone: for tests that only need the API.</summary>
    public bool RunPods { get; init; } = true;

    public IReadOnlyList<string> Nodes { get; init; } = ["sandbox"];

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}

public sealed class ControlPlane : IAsyncDisposable
{
    private readonly List<Func<ValueTask>> _closing = [];

    private ControlPlane(ControlPlaneKind kind, string directory) => (Kind, Directory) = (kind, directory);

    public ControlPlaneKind Kind { get; }

    /// <summary>Logs, volumes and everything else.</summary>
    public string Directory { get; }

    /// <summary>For kubectl and for the operator as a process.</summary>
    public string KubeconfigPath { get; private set; } = "";

    public KubernetesApi Api { get; private set; } = null!;

    /// <summary>The programs of a real control plane, or null: for <c>if (ControlPlane.RealAssets is null) return;</c>.</summary>
    public static string? RealAssets =>
        Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } assets && File.Exists(Path.Combine(assets, "kube-apiserver")) ? assets : null;

    public static ControlPlaneKind DefaultKind => RealAssets is not null ? ControlPlaneKind.Real
        : Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } ? ControlPlaneKind.Existing
        : ControlPlaneKind.Sandbox;

    public static async Task<ControlPlane> StartAsync(ControlPlaneOptions? options = null, CancellationToken ct = default)
    {
        options ??= new ControlPlaneOptions();
        var plane = new ControlPlane(options.Kind ?? DefaultKind, System.IO.Directory.CreateTempSubdirectory("shoal-plane-").FullName);
        plane._closing.Add(() =>
        {
            // A file may be in use for a moment longer; the directory is in /tmp either way.
            try { System.IO.Directory.Delete(plane.Directory, recursive: true); } catch (IOException) { } catch (UnauthorizedAccessException) { }
            return ValueTask.CompletedTask;
        });
        try
        {
            await plane.StartServerAsync(options, ct);
            plane.Api = new KubernetesApi(KubernetesConfig.FromFile(plane.KubeconfigPath), TimeProvider.System, NullLogger.Instance) { Patience = TimeSpan.FromSeconds(30) };
            plane._closing.Add(() =>
            {
                plane.Api.Dispose();
                return ValueTask.CompletedTask;
            });
            if (options.RunPods && plane.Kind != ControlPlaneKind.Existing)
            {
                var local = await LocalControlPlane.StartAsync(plane.Api, plane.LocalOptions(options), ct);
                plane._closing.Add(local.DisposeAsync);
            }

            return plane;
        }
        catch
        {
            await plane.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = _closing.Count - 1; i >= 0; i--)
        {
            await _closing[i]();
        }

        _closing.Clear();
    }

    private async Task StartServerAsync(ControlPlaneOptions options, CancellationToken ct)
    {
        switch (Kind)
        {
            case ControlPlaneKind.Real:
                var real = await RealControlPlane.StartAsync(
                    RealAssets ?? throw new InvalidOperationException("KUBEBUILDER_ASSETS is not set"), Directory, withControllers: options.RunPods, ct);
                _closing.Add(real.DisposeAsync);
                KubeconfigPath = real.KubeconfigPath;
                break;
            case ControlPlaneKind.Existing:
                KubeconfigPath = Environment.GetEnvironmentVariable("KUBECONFIG")!;
                break;
            default:
                var server = await SandboxApiServer.StartAsync(new SandboxApiOptions { Directory = Directory }, ct);
                _closing.Add(server.DisposeAsync);
                KubeconfigPath = server.KubeconfigPath;
                break;
        }
    }

    private LocalControlPlaneOptions LocalOptions(ControlPlaneOptions options) => new()
    {
        Directory = Directory,
        BinDirectory = options.BinDirectory ?? FindBinDirectory(),
        RunControllers = Kind == ControlPlaneKind.Sandbox,
        Nodes = options.Nodes,
        LoggerFactory = options.LoggerFactory,
    };

    private static string? FindBinDirectory()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Shoal.slnx")))
            {
                var bin = Path.Combine(directory.FullName, "artifacts", "bin");
                return System.IO.Directory.Exists(bin) ? bin : null;
            }
        }

        return null;
    }
}
