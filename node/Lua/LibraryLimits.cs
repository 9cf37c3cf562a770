namespace Shoal.Lua;

/// <summary>Bounds that hold whatever the memory limit is.</summary>
internal static class LibraryLimits
{
    /// <summary>Bytes of one string: what one managed array can hold, rounded down.</summary>
    public const int MaxString = 0x7FFFFF00;

    /// <summary>Values one host function may give back (LUAI_MAXCSTACK of Lua 5.1).</summary>
    public const int MaxResults = 8000;
}
