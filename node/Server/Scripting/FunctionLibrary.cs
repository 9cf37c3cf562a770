// A function library: code with a name, and the functions it registered when it was loaded.
using Shoal.Lua;

namespace Shoal.Server.Scripting;

/// <summary>A registered function.</summary>
internal sealed record ScriptFunction(string Name, byte[]? Description, LuaFunction Callback, ScriptFlags Flags);

/// <summary>A loaded library.</summary>
internal sealed class FunctionLibrary(string name, byte[] code)
{
    private readonly Dictionary<string, ScriptFunction> _functions = new(StringComparer.Ordinal);

    public string Name => name;

    /// <summary>As it came, the shebang line included.</summary>
    public byte[] Code => code;

    public IReadOnlyCollection<ScriptFunction> Functions => _functions.Values;

    /// <summary>Bytes for INFO: the code and its entries.</summary>
    public long Bytes => 200 + code.Length + _functions.Values.Sum(f => 150L + f.Name.Length + (f.Description?.Length ?? 0));

    /// <summary>False when it has one of that name.</summary>
    public bool TryAdd(ScriptFunction function) => _functions.TryAdd(function.Name, function);
}
