// Passwords are kept as SHA-256 in lower-case hex, the form ACL rules and files carry.
using System.Security.Cryptography;

namespace Shoal.Server.Security;

internal static class PasswordHash
{
    public static string Of(ReadOnlySpan<byte> password)
    {
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(password, digest);
        return Convert.ToHexStringLower(digest);
    }

    public static bool IsValid(string hash) => hash.Length == 64 && hash.All(char.IsAsciiHexDigitLower);
}
