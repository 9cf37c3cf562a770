// Which names are visible where: the locals of the blocks of one function, and how names of enclosing functions become upvalues.
namespace Shoal.Lua.Syntax;

/// <summary>The names of one function while it is parsed.</summary>
internal sealed class FunctionScope(FunctionScope? outer, Lexer lexer)
{
    private const int MostLocals = 200, MostUpvalues = 60;

    private readonly List<LocalVariable> _active = [];

    public FunctionScope? Outer { get; } = outer;

    public FunctionBody Body { get; } = new();

    /// <summary>Loops around the current place, for `break`.</summary>
    public int Loops { get; set; }

    /// <summary>How many locals are visible: give it back to <see cref="CloseBlock"/>.</summary>
    public int OpenBlock() => _active.Count;

    public void CloseBlock(int mark) => _active.RemoveRange(mark, _active.Count - mark);

    public void Declare(LocalVariable variable)
    {
        if (_active.Count >= MostLocals) throw Limit(MostLocals, "local variables");
        _active.Add(variable);
    }

    /// <summary>What a name means here.</summary>
    public Expression Resolve(LuaString name, int line)
    {
        if (FindLocal(name) is { } local) return new LocalExpression(local, line);
        int upvalue = FindUpvalue(name);
        return upvalue >= 0 ? new UpvalueExpression(upvalue, name, line) : new GlobalExpression(name, line);
    }

    public LuaError Limit(int most, string what) => lexer.Error(Body.Line == 0
        ? $"main function has more than {most} {what}" : $"function at line {Body.Line} has more than {most} {what}");

    private LocalVariable? FindLocal(LuaString name)
    {
        for (int i = _active.Count - 1; i >= 0; i--)
            if (_active[i].Name.Equals(name)) return _active[i];
        return null;
    }

    private int FindUpvalue(LuaString name)
    {
        if (Outer is null) return -1;
        if (Outer.FindLocal(name) is { } local)
        {
            local.IsCaptured = true;
            return AddUpvalue(new UpvalueReference(name, local, -1));
        }
        int index = Outer.FindUpvalue(name);
        return index < 0 ? -1 : AddUpvalue(new UpvalueReference(name, null, index));
    }

    private int AddUpvalue(UpvalueReference upvalue)
    {
        int known = Body.Upvalues.FindIndex(u => ReferenceEquals(u.Local, upvalue.Local) && u.OuterIndex == upvalue.OuterIndex);
        if (known >= 0) return known;
        if (Body.Upvalues.Count >= MostUpvalues) throw Limit(MostUpvalues, "upvalues");
        Body.Upvalues.Add(upvalue);
        return Body.Upvalues.Count - 1;
    }
}
