// Every way a kubeconfig can name a server and a credential, and what is said when it does not.

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Shoal.Operator.Kubernetes;

namespace Shoal.Operator.Tests.Kubernetes;

public sealed class KubeconfigTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("shoal-kubeconfig-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void The_current_context_is_used_unless_another_is_named()
    {
        var path = Write("config", Contexts("a", "b", current: "a"));

        Assert.Equal("https://a:6443/", KubernetesConfig.FromFile(path).Server.ToString());
        Assert.Equal("https://b:6443/", KubernetesConfig.FromFile(path, "b").Server.ToString());
        Assert.Equal("ns-b", KubernetesConfig.FromFile(path, "b").Namespace);
    }

    [Fact]
    public void Files_are_relative_to_the_kubeconfig_and_data_is_inline()
    {
        var (certificate, key) = SelfSigned();
        File.WriteAllText(Path.Combine(_directory.FullName, "c.pem"), certificate);
        File.WriteAllText(Path.Combine(_directory.FullName, "k.pem"), key);
        var files = Write("files", User("client-certificate: c.pem\n    client-key: k.pem\n    tokenFile: t"));
        var inline = Write("inline", User(
            $"client-certificate-data: {Base64(certificate)}\n    client-key-data: {Base64(key)}\n    token: abc", $"certificate-authority-data: {Base64(certificate)}"));

        var fromFiles = KubernetesConfig.FromFile(files);
        var fromInline = KubernetesConfig.FromFile(inline);

        Assert.True(fromFiles.ClientCertificate!.HasPrivateKey);
        Assert.Equal(Path.Combine(_directory.FullName, "t"), fromFiles.TokenFile);
        Assert.Equal(fromFiles.ClientCertificate.Thumbprint, fromInline.ClientCertificate!.Thumbprint);
        Assert.Equal(("abc", certificate), (fromInline.Token, fromInline.AuthorityPem));
    }

    [Fact]
    public void Several_files_merge_and_the_first_wins()
    {
        var first = Write("first", Contexts("a", "x", current: "a"));
        var second = Write("second", Contexts("b", "x", current: "b").Replace("https://x", "https://other", StringComparison.Ordinal));

        Assert.Equal("https://a:6443/", KubeconfigFile.Load([first, second], null).Server.ToString());
        Assert.Equal("https://b:6443/", KubeconfigFile.Load([first, second], "b").Server.ToString());
        Assert.Equal("https://x:6443/", KubeconfigFile.Load([first, second], "x").Server.ToString());
    }

    [Theory]
    [InlineData("", "no current-context")]
    [InlineData("current-context: nope\n", "there is no context 'nope'")]
    [InlineData("- a\n- b\n", "not a kubeconfig")]
    [InlineData("a: [", "cannot be read")]
    public void A_bad_file_says_what_is_wrong(string text, string message) =>
        Assert.Contains(message, Assert.Throws<KubernetesConfigException>(() => KubernetesConfig.FromFile(Write("bad", text))).Message, StringComparison.Ordinal);

    [Fact]
    public void Bad_credentials_are_named()
    {
        var noKey = Write("nokey", User($"client-certificate-data: {Base64(SelfSigned().Certificate)}"));
        var noBase64 = Write("nob64", User("client-certificate-data: '***'"));

        Assert.Contains("no key", Assert.Throws<KubernetesConfigException>(() => KubernetesConfig.FromFile(noKey)).Message, StringComparison.Ordinal);
        Assert.Contains("not base64", Assert.Throws<KubernetesConfigException>(() => KubernetesConfig.FromFile(noBase64)).Message, StringComparison.Ordinal);
    }

    private static string Contexts(string a, string b, string current) => $$"""
        current-context: {{current}}
        clusters:
        - {name: {{a}}, cluster: {server: 'https://{{a}}:6443'} }
        - {name: {{b}}, cluster: {server: 'https://{{b}}:6443'} }
        contexts:
        - {name: {{a}}, context: {cluster: {{a}}, namespace: ns-{{a}} } }
        - {name: {{b}}, context: {cluster: {{b}}, namespace: ns-{{b}} } }
        """;

    private static string User(string user, string cluster = "server: https://x:1") => $"""
        current-context: c
        clusters:
        - name: c
          cluster:
            {(cluster.StartsWith("server", StringComparison.Ordinal) ? cluster : "server: https://x:1\n    " + cluster)}
        users:
        - name: u
          user:
            {user}
        contexts:
        - name: c
          context:
            cluster: c
            user: u
        """;

    private static (string Certificate, string Key) SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private string Write(string name, string text)
    {
        var path = Path.Combine(_directory.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
