// What statements and expressions share while one function is compiled: the code so far, constants, and the registers as a stack:
// locals below, temporaries above. A temporary may be overwritten early; a local's register only by the last instruction of its
// assignment.
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Compiling;

/// <summary>Code and registers of one function.</summary>
internal sealed class CodeBuilder(string shownChunk, ConstantPool pool)
{
    private const int MostRegisters = 250;

    private readonly List<Instruction> _code = [];
    private readonly List<int> _lines = [];
    private readonly List<LuaValue> _constants = [];
    private readonly Dictionary<LuaString, int> _strings = [];
    private readonly Dictionary<long, int> _numbers = [];

    public List<Prototype> Functions { get; } = [];

    public OperandNames Names { get; } = new();

    /// <summary>Index of the next instruction.</summary>
    public int Here => _code.Count;

    /// <summary>The first free register.</summary>
    public int Free { get; private set; }

    /// <summary>Registers below this hold locals.</summary>
    public int Locals { get; set; }

    public int FrameSize { get; private set; } = 2;

    public Instruction[] Code => _code.ToArray();

    public int[] Lines => _lines.ToArray();

    public LuaValue[] Constants => _constants.ToArray();

    public bool IsTemporary(int register) => register >= Locals;

    public bool IsTop(int register) => register == Free - 1 && IsTemporary(register);

    /// <summary>Takes registers from the stack; the first one.</summary>
    public int Allocate(int count, int line)
    {
        int first = Free;
        Reserve(Free + count, line);
        Free += count;
        return first;
    }

    /// <summary>Makes sure the frame has so many registers.</summary>
    public void Reserve(int size, int line)
    {
        if (size > MostRegisters) throw Error("function or expression too complex", line);
        FrameSize = Math.Max(FrameSize, size);
    }

    public void Release(int mark) => Free = mark;

    public int Emit(Op op, int a, int b, int c, int line)
    {
        _code.Add(new Instruction(op, a, b, c));
        _lines.Add(line);
        return _code.Count - 1;
    }

    public void PatchHere(int jump) => PatchTo(jump, Here);

    public void PatchHere(List<int> jumps)
    {
        foreach (int jump in jumps) PatchTo(jump, Here);
    }

    public void PatchTo(int jump, int target) => _code[jump] = _code[jump].WithTarget(target);

    public int Constant(LuaString s)
    {
        if (_strings.TryGetValue(s, out int known)) return known;
        s = pool.Share(s);
        _strings.Add(s, _constants.Count);
        _constants.Add(s);
        return _constants.Count - 1;
    }

    public int Constant(double number)
    {
        long bits = BitConverter.DoubleToInt64Bits(number);
        if (_numbers.TryGetValue(bits, out int known)) return known;
        _numbers.Add(bits, _constants.Count);
        _constants.Add(number);
        return _constants.Count - 1;
    }

    /// <summary>Notes where the operand of the latest instruction came from.</summary>
    public void Name(int operand, Expression source) => Name(Here - 1, operand, source);

    public LuaError Error(string message, int line) => new($"{shownChunk}:{line}: {message}");

    private void Name(int pc, int operand, Expression source)
    {
        switch (source)
        {
            case ParenthesizedExpression p:
                Name(pc, operand, p.Inner);
                break;
            case LocalExpression l:
                Names.Add(pc, operand, "local", l.Variable.Name);
                break;
            case UpvalueExpression u:
                Names.Add(pc, operand, "upvalue", u.Name);
                break;
            case GlobalExpression g:
                Names.Add(pc, operand, "global", g.Name);
                break;
            case IndexExpression i:
                Names.Add(pc, operand, "field", i.Key is ConstantExpression { Value.Ref: LuaString key } ? key : "?");
                break;
        }
    }
}
