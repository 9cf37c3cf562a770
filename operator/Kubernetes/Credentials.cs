// Turns the configured credential into what a request carries. Tokens expire and files are replaced under us, so nothing
// here is read only once: a token file is read again after a minute, an exec plugin is run again when its credential
// expires, and both at once when the server answers 401.

using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Shoal.Operator.Kubernetes;

internal sealed class Credentials(KubernetesConfig config, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan TokenFileLifetime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ExecTimeout = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private AuthenticationHeaderValue? _header;
    private DateTimeOffset _expires = DateTimeOffset.MinValue;

    /// <summary>The client certificate for the next TLS handshake; an exec plugin may have supplied it.</summary>
    public X509Certificate2? ClientCertificate { get; private set; } = config.ClientCertificate;

    /// <summary>The Authorization header, or null when none is configured.</summary>
    public async ValueTask<AuthenticationHeaderValue?> HeaderAsync(CancellationToken ct)
    {
        if (clock.GetUtcNow() < _expires)
        {
            return _header;
        }

        await _gate.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            if (clock.GetUtcNow() >= _expires)
            {
                await LoadAsync(ct).ConfigureAwait(false);
            }

            return _header;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Called after a 401: true when asking again may help, because the credential can be loaded anew.</summary>
    public bool Refresh()
    {
        _expires = DateTimeOffset.MinValue;
        return config.Exec is not null || config.TokenFile is not null;
    }

    public void Dispose() => _gate.Dispose();

    private async Task LoadAsync(CancellationToken ct)
    {
        if (config.Exec is { } exec)
        {
            await RunPluginAsync(exec, ct).ConfigureAwait(false);
        }
        else if (config.TokenFile is { } file)
        {
            var token = (await File.ReadAllTextAsync(file, ct).ConfigureAwait(false)).Trim();
            _header = new AuthenticationHeaderValue("Bearer", token);
            _expires = clock.GetUtcNow() + TokenFileLifetime;
        }
        else
        {
            _header = config switch
            {
                { Token.Length: > 0 } => new AuthenticationHeaderValue("Bearer", config.Token),
                { Username.Length: > 0 } => new AuthenticationHeaderValue(
                    "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{config.Username}:{config.Password}"))),
                _ => null,
            };
            _expires = DateTimeOffset.MaxValue;
        }
    }

    private async Task RunPluginAsync(ExecCredentialPlugin exec, CancellationToken ct)
    {
        var start = new ProcessStartInfo(exec.Command, exec.Args) { RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false };
        foreach (var (name, value) in exec.Env)
        {
            start.Environment[name] = value;
        }

        start.Environment["KUBERNETES_EXEC_INFO"] = ExecRequest(exec);
        using var process = Start(exec, start);
        process.StandardInput.Close();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(ExecTimeout);
        string output;
        try
        {
            output = await process.StandardOutput.ReadToEndAsync(limit.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            throw new KubernetesConfigException($"credential plugin {exec.Command} gave no answer within {ExecTimeout.TotalSeconds} s");
        }

        if (process.ExitCode != 0)
        {
            throw new KubernetesConfigException($"credential plugin {exec.Command} failed with exit code {process.ExitCode}");
        }

        Take(exec, output);
    }

    private static Process Start(ExecCredentialPlugin exec, ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new KubernetesConfigException($"credential plugin {exec.Command} cannot be started: {e.Message}. {exec.InstallHint}", e);
        }
    }

    private string ExecRequest(ExecCredentialPlugin exec)
    {
        var spec = new Dictionary<string, object> { ["interactive"] = false };
        if (exec.ProvideClusterInfo)
        {
            var cluster = new Dictionary<string, object> { ["server"] = config.Server.ToString().TrimEnd('/') };
            var pem = config.AuthorityPem ?? (config.AuthorityFile is { } file ? File.ReadAllText(file) : null);
            if (pem is not null)
            {
                cluster["certificate-authority-data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(pem));
            }

            spec["cluster"] = cluster;
        }

        return JsonSerializer.Serialize(new Dictionary<string, object> { ["apiVersion"] = exec.ApiVersion, ["kind"] = "ExecCredential", ["spec"] = spec });
    }

    private void Take(ExecCredentialPlugin exec, string output)
    {
        try
        {
            using var json = JsonDocument.Parse(output);
            var status = json.RootElement.GetProperty("status");
            var token = status.TryGetProperty("token", out var t) ? t.GetString() : null;
            _header = string.IsNullOrEmpty(token) ? null : new AuthenticationHeaderValue("Bearer", token);
            if (status.TryGetProperty("clientCertificateData", out var cert) && status.TryGetProperty("clientKeyData", out var key))
            {
                ClientCertificate = X509Certificate2.CreateFromPem(cert.GetString(), key.GetString());
            }

            // A credential without an expiry is good until the server refuses it.
            _expires = status.TryGetProperty("expirationTimestamp", out var at) && at.ValueKind == JsonValueKind.String
                ? at.GetDateTimeOffset() - TimeSpan.FromSeconds(10)
                : DateTimeOffset.MaxValue;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or System.Security.Cryptography.CryptographicException)
        {
            throw new KubernetesConfigException($"credential plugin {exec.Command} did not print an ExecCredential: {e.Message}", e);
        }
    }
}
