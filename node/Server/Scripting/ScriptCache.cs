// EVAL's scripts by their SHA1. Those a client loaded by SCRIPT LOAD stay until SCRIPT FLUSH; those that only came with an EVAL are
// kept while they are among the 500 used last, as Redis does since 7.4: programs that paste values into their script text would
// otherwise fill the memory.
using Shoal.Lua;

namespace Shoal.Server.Scripting;

/// <summary>A compiled EVAL script.</summary>
internal sealed class Script(string name, ScriptFlags flags, LuaFunction function, int bodyLength)
{
    /// <summary>Its SHA1 in hexadecimal.</summary>
    public string Name => name;

    public ScriptFlags Flags => flags;

    public LuaFunction Function => function;

    public int BodyLength => bodyLength;

    /// <summary>Its place among scripts that may be dropped; null once SCRIPT LOAD has asked for it.</summary>
    public LinkedListNode<ScriptHash>? Recency { get; set; }
}

/// <summary>The script cache. Engine thread.</summary>
internal sealed class ScriptCache
{
    private const int MostEvaluated = 500;
    private const int EntryBytes = 200;
    private readonly Dictionary<ScriptHash, Script> _scripts = [];
    private readonly LinkedList<ScriptHash> _evaluated = [];

    public int Count => _scripts.Count;

    /// <summary>Scripts dropped because newer ones came (evicted_scripts).</summary>
    public long Evicted { get; private set; }

    /// <summary>Bytes of script texts and their entries.</summary>
    public long Bytes { get; private set; }

    public Script? Find(ScriptHash hash)
    {
        if (!_scripts.TryGetValue(hash, out var script)) return null;
        if (script.Recency is { } node && node != _evaluated.Last)
        {
            _evaluated.Remove(node);
            _evaluated.AddLast(node);
        }
        return script;
    }

    public void Add(ScriptHash hash, Script script, bool isEvaluated)
    {
        _scripts.Add(hash, script);
        Bytes += script.BodyLength + EntryBytes;
        if (!isEvaluated) return;
        script.Recency = _evaluated.AddLast(hash);
        if (_evaluated.Count <= MostEvaluated) return;
        var oldest = _evaluated.First!.Value;
        _evaluated.RemoveFirst();
        Bytes -= _scripts[oldest].BodyLength + EntryBytes;
        _scripts.Remove(oldest);
        Evicted++;
    }

    /// <summary>SCRIPT LOAD of a script an EVAL had brought: it stays from now on.</summary>
    public void Keep(Script script)
    {
        if (script.Recency is not { } node) return;
        _evaluated.Remove(node);
        script.Recency = null;
    }

    public void Clear()
    {
        _scripts.Clear();
        _evaluated.Clear();
        Bytes = 0;
    }
}
