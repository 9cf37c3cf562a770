// Which arguments name channels that need a permission. Leaving a channel needs none.
using Shoal.Server.Commands;

namespace Shoal.Server.Security;

internal static class ChannelArguments
{
    /// <summary>The channels of a command from argument <paramref name="first"/> to <paramref name="last"/>; false when it has none.</summary>
    public static bool Of(Command command, out int first, out int last, out bool arePatterns)
    {
        first = 1;
        last = int.MaxValue;
        arePatterns = false;
        if (!command.Has(CommandFlags.PubSub)) return false;
        switch (command.Name)
        {
            case "publish" or "spublish":
                last = 1;
                return true;
            case "psubscribe":
                arePatterns = true;
                return true;
            default:
                return command.Name is "subscribe" or "ssubscribe";
        }
    }
}
