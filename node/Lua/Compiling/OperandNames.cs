// Which variable an operand came from, for texts like "attempt to index local 'x' (a nil value)". Noted while compiling, per
// instruction and operand, and looked at only when an error is raised.
namespace Shoal.Lua.Compiling;

/// <summary>Names of operands by instruction.</summary>
internal sealed class OperandNames
{
    private readonly List<(long Key, string Kind, LuaString Name)> _names = [];

    /// <summary>Notes a name; instructions come in ascending order.</summary>
    public void Add(int pc, int operand, string kind, LuaString name) => _names.Add((Key(pc, operand), kind, name));

    /// <summary>Kind ("local", "global", "field", "upvalue", "method") and name, or null.</summary>
    public (string Kind, LuaString Name)? Find(int pc, int operand)
    {
        long key = Key(pc, operand);
        int low = 0, high = _names.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            long at = _names[middle].Key;
            if (at == key) return (_names[middle].Kind, _names[middle].Name);
            if (at < key) low = middle + 1;
            else high = middle - 1;
        }
        return null;
    }

    private static long Key(int pc, int operand) => ((long)pc << 8) | (uint)operand;
}
