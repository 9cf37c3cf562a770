// A key pattern of an ACL rule: a glob, and what may be done with keys it matches.
using Shoal.Server.Commands;
using Shoal.Store;

namespace Shoal.Server.Security;

/// <summary>What a key pattern permits.</summary>
[Flags]
internal enum KeyAccess : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    All = Read | Write,
}

internal sealed record KeyPattern(byte[] Glob, KeyAccess Access)
{
    /// <summary>The rule's text: ~glob, %R~glob, %W~glob.</summary>
    public string Text => (Access switch { KeyAccess.Read => "%R~", KeyAccess.Write => "%W~", _ => "~" }) + AclText.Of(Glob);

    /// <summary>Permits all of <paramref name="needed"/> for <paramref name="key"/>.</summary>
    public bool Permits(ReadOnlySpan<byte> key, KeyAccess needed) => (Access & needed) == needed && GlobPattern.Matches(Glob, key);

    /// <summary>What a key with these flags needs. A key that is only looked at for existence needs neither.</summary>
    public static KeyAccess NeededFor(KeyFlags flags) =>
        ((flags & KeyFlags.Access) != 0 ? KeyAccess.Read : KeyAccess.None)
        | ((flags & (KeyFlags.Insert | KeyFlags.Delete | KeyFlags.Update)) != 0 ? KeyAccess.Write : KeyAccess.None);
}
