// shoal-node [redis.conf] [--directive value ...]
using System.Runtime.InteropServices;
using Shoal.Server.Hosting;
using Shoal.Server.Sessions;

if (args is ["--version" or "-v"])
{
    Console.WriteLine($"Shoal node v={InfoSections.ShoalVersion} redis={SessionCommands.RedisVersion} dotnet={Environment.Version}");
    return 0;
}
if (args is ["--help" or "-h"])
{
    Console.WriteLine("Usage: shoal-node [/path/to/redis.conf] [--directive value ...] [-]\n       shoal-node --port 7000 --appendonly yes --maxmemory 2gb\n       echo 'port 7000' | shoal-node -");
    return 0;
}
try
{
    using var host = NodeHost.Start(args);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Stop(c, "SIGTERM"));
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Stop(c, "SIGINT"));
    using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => c.Cancel = true);
    return await host.WaitAsync();

    void Stop(PosixSignalContext context, string signal)
    {
        context.Cancel = true;
        _ = host.ShutDownAsync(host.RequestFor(signal));
    }
}
catch (ConfigException e)
{
    Console.Error.WriteLine(e.Report);
    return 1;
}
catch (StartException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
