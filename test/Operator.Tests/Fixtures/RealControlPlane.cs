// Starts etcd, kube-apiserver and kube-controller-manager from a KUBEBUILDER_ASSETS directory: certificates and keys made
// for the occasion, loopback only, free ports, killed with us whatever happens. Claims and nodes are left to our pod runner.
// Each program is supervised: kube-apiserver 1.20 built with a newer Go crashes now and then (an old reflection library
// reads maps behind the runtime's back), its state is in etcd, so it is simply started again where it was.

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shoal.Sandbox.Pods;

namespace Shoal.Operator.Tests.Fixtures;

internal sealed class RealControlPlane : IAsyncDisposable
{
    private const string Token = "0f9c1a7be2d84c53";
    private readonly ProcessLauncher _launcher = new();
    private readonly List<Task> _supervised = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly string _assets;
    private int _restarts;
    private readonly string _directory;

    private RealControlPlane(string assets, string directory) => (_assets, _directory) = (assets, directory);

    public string KubeconfigPath => Path.Combine(_directory, "kubeconfig");

    public static async Task<RealControlPlane> StartAsync(string assets, string directory, bool withControllers, CancellationToken ct)
    {
        var plane = new RealControlPlane(assets, directory);
        try
        {
            await plane.StartAllAsync(withControllers, ct);
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
        await _stop.CancelAsync();
        await Task.WhenAll(_supervised);
        _launcher.Dispose();
        _stop.Dispose();
    }

    private async Task StartAllAsync(bool withControllers, CancellationToken ct)
    {
        var etcd = $"http://127.0.0.1:{FreePort()}";
        var peer = $"http://127.0.0.1:{FreePort()}";
        await RunAsync(
            "etcd", $"--data-dir={_directory}/etcd", $"--listen-client-urls={etcd}", $"--advertise-client-urls={etcd}",
            $"--listen-peer-urls={peer}", $"--initial-advertise-peer-urls={peer}", $"--initial-cluster=default={peer}", "--unsafe-no-fsync");

        var port = FreePort();
        WriteSecrets(port);
        await RunAsync(
            "kube-apiserver", $"--etcd-servers={etcd}", "--bind-address=127.0.0.1", $"--secure-port={port}", "--advertise-address=127.0.0.1",
            $"--tls-cert-file={_directory}/tls.crt", $"--tls-private-key-file={_directory}/tls.key", $"--cert-dir={_directory}/certs",
            $"--client-ca-file={_directory}/ca.crt",
            $"--token-auth-file={_directory}/tokens.csv", "--authorization-mode=AlwaysAllow", "--allow-privileged=true",
            $"--service-account-key-file={_directory}/sa.key", $"--service-account-signing-key-file={_directory}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=127.96.0.0/16", "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount,PersistentVolumeClaimResize,StorageObjectInUseProtection,TaintNodesByCondition");
        await WaitUntilReadyAsync($"https://127.0.0.1:{port}/readyz", ct);
        if (withControllers)
        {
            await RunAsync(
                "kube-controller-manager", $"--kubeconfig={KubeconfigPath}", $"--authentication-kubeconfig={KubeconfigPath}", $"--authorization-kubeconfig={KubeconfigPath}",
                "--bind-address=127.0.0.1", "--port=0", $"--secure-port={FreePort()}", $"--cert-dir={_directory}/kcm", "--leader-elect=false",
                $"--service-account-private-key-file={_directory}/sa.key", $"--root-ca-file={_directory}/ca.crt",
                "--controllers=*,-nodelifecycle,-nodeipam,-route,-persistentvolume-binder,-persistentvolume-expander,-pvc-protection,-pv-protection,-attachdetach,-service,-cloud-node-lifecycle");
        }
    }

    private async Task RunAsync(string program, params string[] args)
    {
        var options = new LaunchOptions
        {
            FileName = Path.Combine(_assets, program),
            Args = args,
            OutputFile = Path.Combine(_directory, program + ".log"),
            WorkingDirectory = _directory,
        };
        _supervised.Add(SuperviseAsync(program, options, await _launcher.StartAsync(options)));
    }

    private async Task SuperviseAsync(string program, LaunchOptions options, LocalProcess process)
    {
        while (true)
        {
            try
            {
                var code = await process.Exited.WaitAsync(_stop.Token);
                Interlocked.Increment(ref _restarts);
                await File.AppendAllTextAsync(
                    Path.Combine(_directory, "restarts.log"), $"{DateTimeOffset.UtcNow:HH:mm:ss} {program} ended with {code}, started again\n", _stop.Token);
                await Task.Delay(50, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                await process.TerminateAsync(TimeSpan.Zero, TimeProvider.System);
                return;
            }

            process = await _launcher.StartAsync(options);
        }
    }

    private async Task WaitUntilReadyAsync(string url, CancellationToken ct)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new System.Net.Security.SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
        // With AlwaysAllow the server switches anonymous requests off, so readiness needs the token too.
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        for (var deadline = DateTimeOffset.UtcNow.AddMinutes(2); DateTimeOffset.UtcNow < deadline;)
        {
            if (_restarts > 10)
            {
                throw new InvalidOperationException("the control plane did not start:\n" + LastLines());
            }

            try
            {
                if ((await http.GetAsync(url, ct)).IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(100, ct);
        }

        throw new TimeoutException("kube-apiserver is not ready after two minutes:\n" + LastLines());
    }

    private string LastLines() => string.Join('\n', Directory.EnumerateFiles(_directory, "*.log").SelectMany(f => File.ReadLines(f).TakeLast(10)));

    private void WriteSecrets(int port)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=shoal-test-ca", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        WriteCertificate(authority, "tls", "CN=127.0.0.1", isServer: true);
        WriteCertificate(authority, "client", "CN=client,O=system:masters", isServer: false);
        using var service = RSA.Create(2048);
        File.WriteAllText(Path.Combine(_directory, "sa.key"), service.ExportRSAPrivateKeyPem());
        File.WriteAllText(Path.Combine(_directory, "ca.crt"), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_directory, "tokens.csv"), $"{Token},admin,admin,system:masters\n");
        File.WriteAllText(KubeconfigPath, $"""
            apiVersion: v1
            kind: Config
            current-context: test
            contexts:
            - name: test
              context: {"{"}cluster: test, user: admin, namespace: default{"}"}
            clusters:
            - name: test
              cluster:
                server: https://127.0.0.1:{port}
                certificate-authority-data: {Convert.ToBase64String(File.ReadAllBytes(Path.Combine(_directory, "ca.crt")))}
            users:
            - name: admin
              user: {"{"}token: {Token}{"}"}
            """);
    }

    private void WriteCertificate(X509Certificate2 authority, string name, string subject, bool isServer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(isServer ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(Path.Combine(_directory, name + ".crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_directory, name + ".key"), key.ExportPkcs8PrivateKeyPem());
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
