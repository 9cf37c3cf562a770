// Statements to code, one function at a time.
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Compiling;

/// <summary>Compiles one function of the syntax tree.</summary>
internal sealed class FunctionCompiler
{
    private readonly FunctionBody _body;
    private readonly string _chunk, _shownChunk;
    private readonly CodeBuilder _code;
    private readonly ExpressionCompiler _expressions;
    private readonly Stack<List<int>> _breaks = new();

    public FunctionCompiler(FunctionBody body, string chunk, ConstantPool pool)
    {
        _body = body;
        _chunk = chunk;
        _shownChunk = ChunkName.ForPeople(chunk);
        _code = new CodeBuilder(_shownChunk, pool);
        _expressions = new ExpressionCompiler(_code, inner => new FunctionCompiler(inner, chunk, pool).Compile());
    }

    /// <exception cref="LuaError">"function or expression too complex"</exception>
    public Prototype Compile()
    {
        foreach (var parameter in _body.Parameters) Declare(parameter, _code.Allocate(1, _body.Line), _body.Line);
        if (_body.ArgTable is { } arg)
        {
            int register = _code.Allocate(1, _body.Line);
            if (_body.UsesDots) _code.Emit(Op.LoadNil, register, 0, 0, _body.Line);
            Declare(arg, register, _body.Line);
        }
        Statements(_body.Body);
        _code.Emit(Op.Return, 0, 1, 0, _body.EndLine);
        return new Prototype
        {
            Chunk = _chunk,
            ShownChunk = _shownChunk,
            Code = _code.Code,
            Lines = _code.Lines,
            Constants = _code.Constants,
            Functions = [.. _code.Functions],
            Upvalues = [.. _body.Upvalues.Select(u => u.Local is { } local ? new UpvalueSource(true, local.Register) : new UpvalueSource(false, u.OuterIndex))],
            Names = _code.Names,
            Parameters = _body.Parameters.Count,
            FrameSize = _code.FrameSize,
            IsVararg = _body.IsVararg,
            NeedsArgTable = _body is { ArgTable: not null, UsesDots: false },
            LineDefined = _body.Line,
        };
    }

    private void Declare(LocalVariable variable, int register, int line)
    {
        variable.Register = register;
        if (variable.IsCaptured) _code.Emit(Op.NewCell, register, 0, 0, line);
        _code.Locals = register + 1;
    }

    private void Block(List<Statement> statements)
    {
        int free = _code.Free, locals = _code.Locals;
        Statements(statements);
        _code.Release(free);
        _code.Locals = locals;
    }

    private void Statements(List<Statement> statements)
    {
        foreach (var s in statements)
        {
            Statement(s);
            _code.Release(_code.Locals);
        }
    }

    private void Statement(Statement statement)
    {
        switch (statement)
        {
            case LocalStatement local:
                int first = _expressions.Adjusted(local.Values, local.Variables.Count, local.Line);
                for (int i = 0; i < local.Variables.Count; i++) Declare(local.Variables[i], first + i, local.Line);
                break;
            case LocalFunctionStatement function:
                LocalFunction(function);
                break;
            case AssignStatement assign:
                if (assign.Targets.Count == 1 && assign.Values.Count == 1) AssignOne(assign.Targets[0], assign.Values[0]);
                else AssignMany(assign);
                break;
            case CallStatement { Call: var call }:
                _expressions.Call(call, _code.Allocate(1, call.Line), 0);
                break;
            case DoStatement block:
                Block(block.Body);
                break;
            case WhileStatement loop:
                While(loop);
                break;
            case RepeatStatement loop:
                Repeat(loop);
                break;
            case IfStatement choice:
                If(choice);
                break;
            case NumericForStatement loop:
                NumericFor(loop);
                break;
            case GenericForStatement loop:
                GenericFor(loop);
                break;
            case ReturnStatement result:
                Return(result);
                break;
            case BreakStatement:
                _breaks.Peek().Add(_code.Emit(Op.Jump, 0, 0, 0, statement.Line));
                break;
        }
    }

    private void LocalFunction(LocalFunctionStatement statement)
    {
        int register = _code.Allocate(1, statement.Line);
        if (!statement.Variable.IsCaptured)
        {
            _expressions.Into(statement.Function, register);
            Declare(statement.Variable, register, statement.Line);
            return;
        }
        _code.Emit(Op.LoadNil, register, 0, 0, statement.Line);
        Declare(statement.Variable, register, statement.Line);
        _code.Emit(Op.SetCell, register, _expressions.ToTemporary(statement.Function), 0, statement.Line);
    }

    private void AssignOne(Expression target, Expression value)
    {
        if (target is LocalExpression { Variable: { IsCaptured: false } local })
        {
            _expressions.Into(value, local.Register);
            return;
        }
        var place = Place(target, []);
        Store(place, _expressions.ToRegister(value), value.Line);
    }

    private void AssignMany(AssignStatement assign)
    {
        var assigned = assign.Targets.OfType<LocalExpression>().Select(l => l.Variable).ToHashSet();
        var places = assign.Targets.ConvertAll(t => Place(t, assigned));
        int first = _expressions.Adjusted(assign.Values, assign.Targets.Count, assign.Line);
        for (int i = places.Count - 1; i >= 0; i--) Store(places[i], first + i, assign.Line);
    }

    /// <summary>Evaluates what an assignment needs of its target; a local assigned in the same statement is copied.</summary>
    private (Expression Target, int Table, int Key) Place(Expression target, HashSet<LocalVariable> assigned)
    {
        if (target is not IndexExpression index) return (target, 0, 0);
        int table = Operand(index.Target, assigned);
        bool immediate = index.Key is ConstantExpression { Value.Ref: LuaString } || ExpressionCompiler.IsSmallInteger(index.Key, out _);
        return (target, table, immediate ? 0 : Operand(index.Key, assigned));
    }

    private int Operand(Expression e, HashSet<LocalVariable> assigned) =>
        e is LocalExpression l && assigned.Contains(l.Variable) ? _expressions.ToTemporary(e) : _expressions.ToRegister(e);

    private void Store((Expression Target, int Table, int Key) place, int value, int line)
    {
        switch (place.Target)
        {
            case LocalExpression local:
                _code.Emit(local.Variable.IsCaptured ? Op.SetCell : Op.Move, local.Variable.Register, value, 0, line);
                break;
            case UpvalueExpression upvalue:
                _code.Emit(Op.SetUpvalue, value, upvalue.Index, 0, line);
                break;
            case GlobalExpression global:
                _code.Emit(Op.SetGlobal, value, 0, _code.Constant(global.Name), line);
                break;
            case IndexExpression index:
                if (index.Key is ConstantExpression { Value.Ref: LuaString name })
                    _code.Emit(Op.SetField, place.Table, value, _code.Constant(name), line);
                else if (ExpressionCompiler.IsSmallInteger(index.Key, out int number))
                    _code.Emit(Op.SetInteger, place.Table, value, number, line);
                else
                    _code.Emit(Op.SetTable, place.Table, place.Key, value, line);
                _code.Name(0, index.Target);
                break;
        }
    }

    private void While(WhileStatement loop)
    {
        int start = _code.Here;
        var exits = new List<int>();
        _expressions.Condition(loop.Condition, false, exits);
        LoopBody(loop.Body, exits);
        _code.Emit(Op.Loop, 0, 0, start, loop.Line);
        _code.PatchHere(exits);
    }

    private void Repeat(RepeatStatement loop)
    {
        int start = _code.Here, free = _code.Free, locals = _code.Locals;
        var exits = new List<int>();
        _breaks.Push(exits);
        Statements(loop.Body);
        _breaks.Pop();
        _expressions.Condition(loop.Condition, true, exits);
        _code.Emit(Op.Loop, 0, 0, start, loop.Condition.Line);
        _code.PatchHere(exits);
        _code.Release(free);
        _code.Locals = locals;
    }

    private void LoopBody(List<Statement> body, List<int> exits)
    {
        _breaks.Push(exits);
        Block(body);
        _breaks.Pop();
    }

    private void If(IfStatement choice)
    {
        var ends = new List<int>();
        for (int i = 0; i < choice.Branches.Count; i++)
        {
            var (condition, body) = choice.Branches[i];
            var skip = new List<int>();
            _expressions.Condition(condition, false, skip);
            Block(body);
            if (i < choice.Branches.Count - 1 || choice.Otherwise is not null) ends.Add(_code.Emit(Op.Jump, 0, 0, 0, choice.Line));
            _code.PatchHere(skip);
        }
        if (choice.Otherwise is { } otherwise) Block(otherwise);
        _code.PatchHere(ends);
    }

    private void NumericFor(NumericForStatement loop)
    {
        int free = _code.Free, locals = _code.Locals;
        int at = _expressions.ToTemporary(loop.Start);
        _expressions.ToTemporary(loop.Limit);
        _expressions.ToTemporary(loop.Step ?? new ConstantExpression(1, loop.Line));
        int variable = _code.Allocate(1, loop.Line);
        _code.Locals = variable;
        int prepare = _code.Emit(Op.ForPrepare, at, 0, 0, loop.Line);
        int start = _code.Here;
        Declare(loop.Variable, variable, loop.Line);
        var exits = new List<int>();
        LoopBody(loop.Body, exits);
        _code.Emit(Op.ForLoop, at, 0, start, loop.Line);
        _code.PatchHere(prepare);
        _code.PatchHere(exits);
        _code.Release(free);
        _code.Locals = locals;
    }

    private void GenericFor(GenericForStatement loop)
    {
        int free = _code.Free, locals = _code.Locals;
        int at = _expressions.Adjusted(loop.Values, 3, loop.Line);
        _code.Reserve(at + 6, loop.Line);   // the iterator and its two arguments lie where the variables will
        int first = _code.Allocate(loop.Variables.Count, loop.Line);
        int test = _code.Emit(Op.Jump, 0, 0, 0, loop.Line);
        int start = _code.Here;
        for (int i = 0; i < loop.Variables.Count; i++) Declare(loop.Variables[i], first + i, loop.Line);
        var exits = new List<int>();
        LoopBody(loop.Body, exits);
        _code.PatchHere(test);
        _code.Emit(Op.IteratorCall, at, loop.Variables.Count, 0, loop.Line);
        _code.Emit(Op.IteratorLoop, at, 0, start, loop.Line);
        _code.PatchHere(exits);
        _code.Release(free);
        _code.Locals = locals;
    }

    private void Return(ReturnStatement result)
    {
        if (result.Values is [CallExpression call])
        {
            int at = _code.Allocate(1, call.Line);
            _expressions.Call(call, at, -1, isTail: true);
            _code.Emit(Op.Return, at, 0, 0, call.Line);   // where the callee turns out to be no Lua function
            return;
        }
        if (result.Values is [LocalExpression { Variable: { IsCaptured: false } local }])
        {
            _code.Emit(Op.Return, local.Register, 2, 0, result.Line);
            return;
        }
        int first = _code.Free;
        bool open = _expressions.List(result.Values);
        _code.Emit(Op.Return, first, open ? 0 : result.Values.Count + 1, 0, result.Line);
    }
}
