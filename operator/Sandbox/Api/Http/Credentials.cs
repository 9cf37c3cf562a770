// Who may talk to a secure server: whoever has the token of its kubeconfig. Certificate and token are made once and kept in the
// sandbox's directory, readable by its owner only, so that a kubeconfig stays good across restarts.
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Shoal.Sandbox.Api.Http;

internal sealed class Credentials : IDisposable
{
    private const int TokenBytes = 24;
    private const int ValidYears = 10;
    private readonly byte[]? expected;

    private Credentials(string? token, X509Certificate2? certificate)
    {
        (Token, Certificate) = (token, certificate);
        expected = token is null ? null : Encoding.UTF8.GetBytes("Bearer " + token);
    }

    public string? Token { get; }

    public X509Certificate2? Certificate { get; }

    public string? CertificatePem => Certificate?.ExportCertificatePem();

    public static Credentials Open() => new(null, null);

    /// <summary>Reads them, or makes them where they are missing or about to expire.</summary>
    public static Credentials Load(string directory, TimeProvider time)
    {
        PrivateFiles.CreateDirectory(directory);
        var (tokenPath, keyPath) = (Path.Combine(directory, "token"), Path.Combine(directory, "server.pem"));
        if (!File.Exists(tokenPath)) PrivateFiles.Write(tokenPath, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes)));
        var now = time.GetUtcNow();
        var certificate = File.Exists(keyPath) ? Read(keyPath) : null;
        if (certificate is null || certificate.NotAfter.ToUniversalTime() < now.UtcDateTime.AddDays(1))
        {
            PrivateFiles.Write(keyPath, MakePem(now));
            certificate = Read(keyPath);
        }
        return new Credentials(File.ReadAllText(tokenPath).Trim(), certificate);
    }

    public bool Accept(HttpRequest request) => expected is null
        || CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(request.Headers.Authorization.ToString()), expected);

    public void Dispose() => Certificate?.Dispose();

    private static X509Certificate2 Read(string path)
    {
        using var pem = X509Certificate2.CreateFromPemFile(path, path);
        // TLS on some platforms cannot use an ephemeral key; a round trip through PKCS#12 gives it a usable one.
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    private static string MakePem(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=shoal-sandbox", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        using var certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(ValidYears));
        return certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
    }
}

/// <summary>Files and directories only their owner may read.</summary>
internal static class PrivateFiles
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
    }

    /// <summary>Replaces the file whole: a reader sees the old text or the new.</summary>
    public static void Write(string path, string text)
    {
        var draft = path + ".tmp";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(draft, options)) file.Write(Encoding.UTF8.GetBytes(text));
        File.Move(draft, path, overwrite: true);
    }
}
