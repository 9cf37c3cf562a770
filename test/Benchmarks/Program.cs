// Benchmarks without sockets; each is one file and one word on the command line.
using Shoal.Benchmarks;

switch (args.FirstOrDefault())
{
    case "store":
        StoreBenchmark.Run(args[1..]);
        return 0;
    case "engine":
        EngineBenchmark.Run(args[1..]);
        return 0;
    case "bare-epoll":
        BareEpollLoop.Run(args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 7999);
        return 0;
    default:
        Console.Error.WriteLine("usage: Benchmarks store [keys] [expiry] [cluster] | engine [keys] | bare-epoll [port]");
        return 1;
}
