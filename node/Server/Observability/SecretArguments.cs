// Passwords inside requests: whatever shows requests to people (SLOWLOG) writes "(redacted)" in their place.
using Shoal.Server.Commands;

namespace Shoal.Server.Observability;

internal static class SecretArguments
{
    public static ReadOnlySpan<byte> Redacted => "(redacted)"u8;

    /// <summary>True when argument <paramref name="i"/> of the running command must not be shown.</summary>
    public static bool Hides(ref CommandContext c, int i)
    {
        switch (c.Command.FullName)
        {
            case "acl|setuser" or "acl|deluser" or "acl|getuser":
                return i >= 2;
            case "config|set":
                return i >= 3 && i % 2 == 1 && c.Node.Config.Find(System.Text.Encoding.Latin1.GetString(c[i - 1])) is { IsSecret: true };
            case "migrate":
                return (i > 6 && (c[i - 1].Is("AUTH"u8) || c[i - 1].Is("AUTH2"u8))) || (i > 7 && c[i - 2].Is("AUTH2"u8));
            default:
                return false;
        }
    }
}
