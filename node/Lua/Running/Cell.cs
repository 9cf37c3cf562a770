namespace Shoal.Lua.Running;

/// <summary>
/// A local variable that closures share. The compiler knows which locals are captured and keeps those in cells from their
/// declaration on, so no closure ever points into a stack and nothing must be closed when a block ends.
/// </summary>
internal sealed class Cell
{
    /// <summary>Bytes, for the memory meter.</summary>
    public const int Size = 32;

    public LuaValue Value;
}
