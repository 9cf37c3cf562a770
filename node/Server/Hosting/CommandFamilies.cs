// Every command family that works on the keyspace, in one list.
using Shoal.Server.Blocking;
using Shoal.Server.Commands;

namespace Shoal.Server.Hosting;

internal static class CommandFamilies
{
    public static void Register(CommandTable t)
    {
        KeyCommands.Register(t);
        ScanCommands.Register(t);
        HashCommands.Register(t);
        ListCommands.Register(t);
        BlockingListCommands.Register(t);
        SetCommands.Register(t);
        SortedSetCommands.Register(t);
        BlockingSortedSetCommands.Register(t);
        SortCommands.Register(t);
        StreamCommands.Register(t);
        GeoCommands.Register(t);
        StringCommands.Register(t);
        CounterCommands.Register(t);
        BitCommands.Register(t);
        HyperLogLogCommands.Register(t);
    }
}
