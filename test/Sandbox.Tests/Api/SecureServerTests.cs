// The secure form: TLS, a token, and a kubeconfig nobody else may read.
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Shoal.Sandbox.Api;
using Shoal.TestKit;

namespace Shoal.Sandbox.Tests.Api;

public sealed class SecureServerTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Only_the_token_of_the_kubeconfig_gets_in()
    {
        await using var server = await SandboxApiServer.StartAsync(new SandboxApiOptions { Directory = folder.Path, Secure = true });
        Assert.StartsWith("https://127.0.0.1:", server.Url);
        using var http = Client(server);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(server.Url + "/api/v1/pods")).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", "wrong");
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(server.Url + "/api/v1/pods")).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", server.Token);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(server.Url + "/api/v1/pods")).StatusCode);
        var kubeconfig = await File.ReadAllTextAsync(server.KubeconfigPath);
        Assert.Contains($"token: {server.Token}", kubeconfig);
        Assert.Contains("certificate-authority-data: ", kubeconfig);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(server.KubeconfigPath));
    }

    [Fact]
    public async Task Token_and_certificate_survive_a_restart()
    {
        string? token, pem;
        await using (var first = await SandboxApiServer.StartAsync(new SandboxApiOptions { Directory = folder.Path, Secure = true }))
            (token, pem) = (first.Token, first.CertificatePem);
        await using var second = await SandboxApiServer.StartAsync(new SandboxApiOptions { Directory = folder.Path, Secure = true });
        Assert.Equal((token, pem), (second.Token, second.CertificatePem));
    }

    private static HttpClient Client(SandboxApiServer server)
    {
        var trusted = X509Certificate2.CreateFromPem(server.CertificatePem);
        return new HttpClient(new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown is not null && shown.RawDataMemory.Span.SequenceEqual(trusted.RawData),
        });
    }
}
