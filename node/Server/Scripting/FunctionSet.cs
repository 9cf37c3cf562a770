// The libraries of a node, or of a payload that is being restored. Names of functions are the node's, not the library's, in any case.
using System.Text;

namespace Shoal.Server.Scripting;

/// <summary>Libraries and their functions by name. Errors are Redis's texts without their code.</summary>
internal sealed class FunctionSet
{
    private readonly Dictionary<string, FunctionLibrary> _libraries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScriptFunction> _functions = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyCollection<FunctionLibrary> Libraries => _libraries.Values;

    public int FunctionCount => _functions.Count;

    public ScriptFunction? Find(ReadOnlySpan<byte> function)
    {
        if (function.Length > 256) return _functions.GetValueOrDefault(Encoding.Latin1.GetString(function));
        Span<char> name = stackalloc char[function.Length];
        for (int i = 0; i < name.Length; i++) name[i] = (char)function[i];
        return _functions.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var found) ? found : null;
    }

    public FunctionLibrary? FindLibrary(string name) => _libraries.GetValueOrDefault(name);

    /// <summary>Adds a library whose name is free: null, or why not.</summary>
    public string? Add(FunctionLibrary library)
    {
        foreach (var function in library.Functions)
            if (_functions.ContainsKey(function.Name)) return $"Function {function.Name} already exists";
        _libraries.Add(library.Name, library);
        foreach (var function in library.Functions) _functions.Add(function.Name, function);
        return null;
    }

    public void Remove(FunctionLibrary library)
    {
        _libraries.Remove(library.Name);
        foreach (var function in library.Functions) _functions.Remove(function.Name);
    }

    /// <summary>Adds all of another set's libraries, or none: null, or why none.</summary>
    public string? Join(FunctionSet other, bool replaces)
    {
        var replaced = new List<FunctionLibrary>();
        string? error = null;
        foreach (var library in other.Libraries)
        {
            if (FindLibrary(library.Name) is not { } old) continue;
            if (!replaces)
            {
                error = $"Library {library.Name} already exists";
                break;
            }
            Remove(old);
            replaced.Add(old);
        }
        var added = new List<FunctionLibrary>();
        foreach (var library in other.Libraries)
        {
            error ??= Add(library);
            if (error is not null) break;
            added.Add(library);
        }
        if (error is null) return null;
        foreach (var library in added) Remove(library);
        foreach (var library in replaced) Add(library);
        return error;
    }

    public void Clear()
    {
        _libraries.Clear();
        _functions.Clear();
    }
}
