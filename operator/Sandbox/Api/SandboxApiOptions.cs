// Everything the embedded API server can be told; a record so that tests change one thing with `with`.
using Microsoft.Extensions.Logging;

namespace Shoal.Sandbox.Api;

/// <summary>Settings of <see cref="SandboxApiServer"/>.</summary>
public sealed record SandboxApiOptions
{
    /// <summary>
    /// The sandbox root. The server keeps its state in <c>state/</c>, certificate and token in <c>credentials/</c>,
    /// writes <c>kubeconfig</c>, and reads pod logs from <c>logs/&lt;ns&gt;_&lt;pod&gt;_&lt;container&gt;.log</c>
    /// (the previous run of a container: <c>....previous.log</c>).
    /// </summary>
    public required string Directory { get; init; }

    /// <summary>Port on 127.0.0.1; 0 picks a free one. The server never listens anywhere else.</summary>
    public int Port { get; init; }

    /// <summary>
    /// True: HTTPS with a generated certificate and a bearer token, both in the kubeconfig (mode 0600).
    /// False: plain HTTP without credentials, for tests.
    /// </summary>
    public bool Secure { get; init; }

    /// <summary>The clock of timestamps, watch timeouts and bookmarks.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>How many past events per resource a watch can resume over; older positions answer 410 Gone.</summary>
    public int HistoryWindow { get; init; } = 4096;

    /// <summary>How often an idle watch that asked for bookmarks gets one.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Events older than this are dropped, as a real API server does after an hour.</summary>
    public TimeSpan EventTimeToLive { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Where the server's own log lines go; null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    internal string StateDirectory => Path.Combine(Directory, "state");
    internal string LogDirectory => Path.Combine(Directory, "logs");
    internal string CredentialsDirectory => Path.Combine(Directory, "credentials");
    internal string KubeconfigPath => Path.Combine(Directory, "kubeconfig");
}
