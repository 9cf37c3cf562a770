// The embedded, Kubernetes-API-compatible server: a development tool, bound to loopback, whose clients are kubectl,
// our operator and the sandbox controllers. It owns the store and the listener; behaviour lives in the folders below.
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shoal.Sandbox.Api.Http;
using Shoal.Sandbox.Api.Resources;
using Shoal.Sandbox.Api.Storage;
using Shoal.Sandbox.Api.Writing;

namespace Shoal.Sandbox.Api;

/// <summary>
/// An API server in this process. Start, use <see cref="Url"/> or <see cref="KubeconfigPath"/>, dispose. State survives in
/// <see cref="SandboxApiOptions.Directory"/>: the next start on the same directory continues its resource versions.
/// </summary>
public sealed class SandboxApiServer : IAsyncDisposable
{
    private static readonly string[] FirstNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    private readonly WebApplication web;
    private readonly ObjectStore store;
    private readonly Credentials credentials;
    private readonly CancellationTokenSource stopping;
    private readonly EventExpiry eventExpiry;

    private SandboxApiServer(
        SandboxApiOptions options, WebApplication web, ObjectStore store, Credentials credentials, CancellationTokenSource stopping, EventExpiry eventExpiry)
    {
        (this.web, this.store, this.credentials, this.stopping, this.eventExpiry) = (web, store, credentials, stopping, eventExpiry);
        KubeconfigPath = options.KubeconfigPath;
        Url = web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single().TrimEnd('/');
    }

    /// <summary>Base address, for example <c>http://127.0.0.1:40123</c>, without a trailing slash.</summary>
    public string Url { get; }

    /// <summary>A kubeconfig (mode 0600) naming this server, with its CA and token when secure.</summary>
    public string KubeconfigPath { get; }

    /// <summary>The bearer token, null when the server is not secure.</summary>
    public string? Token => credentials.Token;

    /// <summary>PEM of the certificate to trust, null when the server is not secure.</summary>
    public string? CertificatePem => credentials.CertificatePem;

    /// <summary>
    /// Loads the state and listens. Throws IOException when the port or the directory is taken, InvalidDataException when the state is corrupt.
    /// </summary>
    public static async Task<SandboxApiServer> StartAsync(SandboxApiOptions options, CancellationToken ct = default)
    {
        var logs = options.LoggerFactory ?? NullLoggerFactory.Instance;
        var logger = logs.CreateLogger("Shoal.Sandbox.Api");
        var store = new ObjectStore(options.StateDirectory, options.HistoryWindow);
        var credentials = options.Secure ? Credentials.Load(options.CredentialsDirectory, options.TimeProvider) : Credentials.Open();
        var stopping = new CancellationTokenSource();
        WebApplication? web = null;
        try
        {
            var catalog = new ResourceCatalog();
            var definitions = new CustomDefinitions(store, catalog, logger);
            definitions.Reload();
            var writer = new ObjectWriter(store, catalog, options.TimeProvider) { DefinitionChanged = definitions.Notice };
            var remover = new ObjectRemover(store, catalog, options.TimeProvider) { DefinitionChanged = definitions.Notice };
            var lifecycles = new Lifecycles(store, catalog, writer, remover);
            CreateNamespaces(writer, store, catalog);
            lifecycles.Resume();
            var handler = Handler(options, store, catalog, writer, remover, lifecycles, credentials, logger, stopping.Token);
            web = Listen(options, credentials, logs, handler);
            await web.StartAsync(ct);
            var server = new SandboxApiServer(options, web, store, credentials, stopping, new EventExpiry(store, options));
            Kubeconfig.Write(options.KubeconfigPath, server.Url, credentials);
            logger.LogWarning("Shoal sandbox API at {Url}: a development tool on loopback, not a cluster. Never point production at it", server.Url);
            return server;
        }
        catch
        {
            if (web is not null) await web.DisposeAsync();
            store.Dispose();
            credentials.Dispose();
            stopping.Dispose();
            throw;
        }
    }

    /// <summary>Ends every watch, stops listening and closes the state files.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        eventExpiry.Dispose();
        await web.StopAsync();
        await web.DisposeAsync();
        store.Dispose();
        credentials.Dispose();
        stopping.Dispose();
    }

    private static ApiHandler Handler(
        SandboxApiOptions options, ObjectStore store, ResourceCatalog catalog, ObjectWriter writer, ObjectRemover remover, Lifecycles lifecycles,
        Credentials credentials, ILogger logger, CancellationToken stopping)
    {
        var time = options.TimeProvider;
        var writes = new WriteVerbs(writer, remover, lifecycles);
        return new ApiHandler(catalog, new Discovery(catalog), new OpenApi(catalog), new ReadVerbs(store, time),
            new WatchVerb(store, catalog, time, options.BookmarkInterval, stopping), writes,
            new Subresources(store, writer, remover, writes, lifecycles, time), new LogVerb(store, options.LogDirectory, time, stopping), credentials, logger);
    }

    private static WebApplication Listen(SandboxApiOptions options, Credentials credentials, ILoggerFactory logs, ApiHandler handler)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "shoal-sandbox" });
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, options.Port, listen =>
            {
                if (credentials.Certificate is { } certificate) listen.UseHttps(certificate);
            });
        });
        var web = builder.Build();
        web.Run(handler.HandleAsync);
        return web;
    }

    private static void CreateNamespaces(ObjectWriter writer, ObjectStore store, ResourceCatalog catalog)
    {
        var type = catalog.Find("", "v1", "namespaces")!;
        foreach (var name in FirstNamespaces)
        {
            if (store.Get(type.Storage, null, name) is not null) continue;
            writer.Create(new WriteRequest(type, null, null, null) { Manager = "shoal-sandbox" }, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        }
    }
}
