// The kubeconfig that leads kubectl and our operator to this server.
using System.Text;
using Shoal.Sandbox.Api.Http;

namespace Shoal.Sandbox.Api;

internal static class Kubeconfig
{
    private const string Name = "shoal-sandbox";

    public static void Write(string path, string url, Credentials credentials)
    {
        var text = new StringBuilder();
        text.Append($"# Written by the Shoal sandbox, a development tool. Use: kubectl --kubeconfig {path} get all\n");
        text.Append("apiVersion: v1\nkind: Config\nclusters:\n");
        text.Append($"- name: {Name}\n  cluster:\n    server: {url}\n");
        if (credentials.CertificatePem is { } pem)
            text.Append($"    certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(pem))}\n");
        text.Append($"users:\n- name: {Name}\n  user:");
        text.Append(credentials.Token is { } token ? $"\n    token: {token}\n" : " {}\n");
        text.Append($"contexts:\n- name: {Name}\n  context:\n    cluster: {Name}\n    user: {Name}\n    namespace: default\n");
        text.Append($"current-context: {Name}\n");
        PrivateFiles.Write(path, text.ToString());
    }
}
