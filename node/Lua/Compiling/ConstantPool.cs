// Equal string constants of all chunks of a state are one object, so that a table lookup with a constant key ends at the first
// comparison of references. The pool starts over when it is large: a host that loads ever new scripts must not fill the memory.
namespace Shoal.Lua.Compiling;

/// <summary>String constants by content.</summary>
internal sealed class ConstantPool
{
    private const int Most = 16384;

    private readonly Dictionary<LuaString, LuaString> _strings = [];

    public LuaString Share(LuaString s)
    {
        if (_strings.TryGetValue(s, out var known)) return known;
        if (_strings.Count >= Most) _strings.Clear();
        _strings.Add(s, s);
        return s;
    }
}
