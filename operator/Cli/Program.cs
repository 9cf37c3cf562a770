// The command line people type: `shoal sandbox up`, `shoal sandbox run`. Also installed as kubectl-shoal.
using System.CommandLine;
using Shoal.Cli.Sandbox;

var root = new RootCommand("Shoal: caches that replace Redis, on Kubernetes or on this machine")
{
    SandboxCommands.Build(),
};

// Ctrl-C must leave time to stop every pod in order; the default is two seconds.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
