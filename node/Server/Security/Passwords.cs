// requirepass: the default user's password. Compared in constant time over digests, so that neither length nor prefix
// of the secret shows in the time an answer takes.
using System.Security.Cryptography;
using System.Text;

namespace Shoal.Server.Security;

/// <summary>Who may log in. Engine thread.</summary>
public sealed class Passwords
{
    private byte[]? _digest;

    /// <summary>A client must AUTH before anything else.</summary>
    public bool Required => _digest is not null;

    /// <summary>Sets requirepass; empty lets everybody in.</summary>
    public void Set(string password) => _digest = password.Length == 0 ? null : SHA256.HashData(Encoding.UTF8.GetBytes(password));

    /// <summary>True when <paramref name="user"/> is known and <paramref name="password"/> fits.</summary>
    public bool Check(ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(password, digest);
        bool fits = _digest is null || CryptographicOperations.FixedTimeEquals(digest, _digest);
        return fits & user.SequenceEqual("default"u8);
    }
}
