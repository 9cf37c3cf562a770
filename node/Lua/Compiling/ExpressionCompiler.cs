// Expressions to code. Into puts a value in a given register; ToRegister finds it one, which for a local is its own.
using System.Runtime.CompilerServices;
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Compiling;

/// <summary>Compiles expressions of one function.</summary>
internal sealed class ExpressionCompiler(CodeBuilder code, Func<FunctionBody, Prototype> compileFunction)
{
    private const int ListBatch = 50;

    private ConditionCompiler? _conditions;

    private ConditionCompiler Conditions => _conditions ??= new ConditionCompiler(code, this);

    /// <summary>Jumps, to be patched, when the truth of the expression is as given; else falls through.</summary>
    public void Condition(Expression e, bool jumpWhen, List<int> jumps) => Conditions.Compile(e, jumpWhen, jumps);

    /// <summary>A register with the value: a plain local's own, else a new temporary.</summary>
    public int ToRegister(Expression e)
    {
        if (e is LocalExpression { Variable.IsCaptured: false } local) return local.Variable.Register;
        int register = code.Allocate(1, e.Line);
        Into(e, register);
        return register;
    }

    /// <summary>A new temporary with the value.</summary>
    public int ToTemporary(Expression e)
    {
        int register = code.Allocate(1, e.Line);
        Into(e, register);
        return register;
    }

    public void Into(Expression e, int to)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw code.Error("chunk has too many syntax levels", e.Line);
        int mark = code.Free;
        switch (e)
        {
            case ConstantExpression constant:
                Constant(constant, to);
                break;
            case LocalExpression local:
                if (local.Variable.IsCaptured) code.Emit(Op.GetCell, to, local.Variable.Register, 0, e.Line);
                else if (local.Variable.Register != to) code.Emit(Op.Move, to, local.Variable.Register, 0, e.Line);
                break;
            case UpvalueExpression upvalue:
                code.Emit(Op.GetUpvalue, to, upvalue.Index, 0, e.Line);
                break;
            case GlobalExpression global:
                code.Emit(Op.GetGlobal, to, 0, code.Constant(global.Name), e.Line);
                break;
            case IndexExpression index:
                Index(index, to);
                break;
            case ParenthesizedExpression inner:
                Into(inner.Inner, to);
                break;
            case FunctionExpression function:
                code.Functions.Add(compileFunction(function.Body));
                code.Emit(Op.Closure, to, 0, code.Functions.Count - 1, e.Line);
                break;
            case VarargExpression:
                code.Emit(Op.Varargs, to, 2, 0, e.Line);
                break;
            case CallExpression call:
                AtTop(to, e.Line, at => Call(call, at, 1));
                break;
            case TableExpression table:
                AtTop(to, e.Line, at => Table(table, at));
                break;
            case UnaryExpression unary:
                int operand = ToRegisterOr(unary.Operand, to);
                code.Emit(Op.Negate + (int)unary.Operator, to, operand, 0, e.Line);
                code.Name(0, unary.Operand);
                break;
            case BinaryExpression binary:
                Binary(binary, to);
                break;
        }
        code.Release(mark);
    }

    /// <summary>All values of a call or `...` into the registers from the top on; the count is known only when it runs.</summary>
    public void AllAtTop(Expression e)
    {
        int at = code.Allocate(1, e.Line);
        if (e is CallExpression call) Call(call, at, -1);
        else code.Emit(Op.Varargs, at, 0, 0, e.Line);
    }

    public static bool IsMultiple(Expression e) => e is CallExpression or VarargExpression;

    /// <summary>So many values of a list into new registers.</summary>
    public int Adjusted(List<Expression> values, int wanted, int line)
    {
        int first = code.Free;
        for (int i = 0; i < values.Count; i++)
        {
            if (i == values.Count - 1 && IsMultiple(values[i]) && wanted > i)
            {
                SeveralAtTop(values[i], wanted - i);
                return first;
            }
            int mark = code.Free;
            int register = ToTemporary(values[i]);
            if (i >= wanted) code.Release(mark);
        }
        if (values.Count < wanted)
        {
            int missing = wanted - values.Count;
            code.Emit(Op.LoadNil, code.Allocate(missing, line), missing - 1, 0, line);
        }
        return first;
    }

    /// <summary>The values of a list in new registers; true when the last one is open (up to the top).</summary>
    public bool List(List<Expression> values)
    {
        for (int i = 0; i < values.Count; i++)
        {
            if (i == values.Count - 1 && IsMultiple(values[i]))
            {
                AllAtTop(values[i]);
                return true;
            }
            ToTemporary(values[i]);
        }
        return false;
    }

    /// <summary>A call whose function goes to the top register <paramref name="at"/>, with its results from there on.</summary>
    public void Call(CallExpression call, int at, int wanted, bool isTail = false)
    {
        if (call.Method is { } method)
        {
            int target = ToRegisterOr(call.Function, at);
            code.Release(at + 1);
            code.Allocate(1, call.Line);
            code.Emit(Op.Self, at, target, code.Constant(method), call.Line);
            code.Name(0, call.Function);
        }
        else
        {
            Into(call.Function, at);
        }
        bool open = List(call.Arguments);
        int count = open ? 0 : code.Free - at;
        code.Emit(isTail ? Op.TailCall : Op.Call, at, count, wanted + 1, call.Line);
        if (call.Method is { } name) code.Names.Add(code.Here - 1, 0, "method", name);
        else code.Name(0, call.Function);
        code.Release(at + 1);
    }

    private void SeveralAtTop(Expression e, int wanted)
    {
        int at = code.Allocate(1, e.Line);
        if (e is CallExpression call) Call(call, at, wanted);
        else code.Emit(Op.Varargs, at, wanted + 1, 0, e.Line);
        code.Allocate(wanted - 1, e.Line);
    }

    private int ToRegisterOr(Expression e, int to)
    {
        if (e is LocalExpression { Variable.IsCaptured: false } || !code.IsTemporary(to)) return ToRegister(e);
        Into(e, to);
        return to;
    }

    private void AtTop(int to, int line, Action<int> compile)
    {
        if (code.IsTop(to))
        {
            compile(to);
            return;
        }
        int at = code.Allocate(1, line);
        compile(at);
        code.Emit(Op.Move, to, at, 0, line);
    }

    private void Constant(ConstantExpression constant, int to)
    {
        var value = constant.Value;
        if (value.IsNil) code.Emit(Op.LoadNil, to, 0, 0, constant.Line);
        else if (value.IsBoolean) code.Emit(Op.LoadBoolean, to, value.IsTruthy ? 1 : 0, 0, constant.Line);
        else code.Emit(Op.LoadConstant, to, 0, value.IsNumber ? code.Constant(value.Num) : code.Constant(value.AsString()!), constant.Line);
    }

    private void Index(IndexExpression index, int to)
    {
        int target = ToRegisterOr(index.Target, to);
        if (index.Key is ConstantExpression { Value.Ref: LuaString name })
            code.Emit(Op.GetField, to, target, code.Constant(name), index.Line);
        else if (IsSmallInteger(index.Key, out int number))
            code.Emit(Op.GetInteger, to, target, number, index.Line);
        else
            code.Emit(Op.GetTable, to, target, ToRegister(index.Key), index.Line);
        code.Name(0, index.Target);
    }

    public static bool IsSmallInteger(Expression e, out int number)
    {
        number = 0;
        if (e is not ConstantExpression { Value: { IsNumber: true } value }) return false;
        number = (int)value.Num;
        return number == value.Num;
    }

    private void Binary(BinaryExpression e, int to)
    {
        switch (e.Operator)
        {
            case <= BinaryOperator.Power:
                Arithmetic(e, to);
                break;
            case BinaryOperator.Concat:
                Concat(e, to);
                break;
            case BinaryOperator.And or BinaryOperator.Or:
                Logical(e, to);
                break;
            default:
                var whenTrue = new List<int>();
                Condition(e, true, whenTrue);
                code.Emit(Op.LoadBoolean, to, 0, 0, e.Line);
                int end = code.Emit(Op.Jump, 0, 0, 0, e.Line);
                code.PatchHere(whenTrue);
                code.Emit(Op.LoadBoolean, to, 1, 0, e.Line);
                code.PatchHere(end);
                break;
        }
    }

    private void Arithmetic(BinaryExpression e, int to)
    {
        int left = ToRegisterOr(e.Left, to);
        if (e.Right is ConstantExpression { Value: { IsNumber: true } number })
            code.Emit(Op.AddConstant + (int)e.Operator, to, left, code.Constant(number.Num), e.Line);
        else
            code.Emit(Op.Add + (int)e.Operator, to, left, ToRegister(e.Right), e.Line);
        code.Name(0, e.Left);
        code.Name(1, e.Right);
    }

    private void Concat(BinaryExpression e, int to)
    {
        var operands = new List<Expression>();
        Expression rest = e;
        for (; rest is BinaryExpression { Operator: BinaryOperator.Concat } b; rest = b.Right) operands.Add(b.Left);
        operands.Add(rest);
        int first = code.Free;
        foreach (var operand in operands) ToTemporary(operand);
        code.Emit(Op.Concat, to, first, code.Free - 1, e.Line);
        for (int i = 0; i < operands.Count; i++) code.Name(i, operands[i]);
    }

    private void Logical(BinaryExpression e, int to)
    {
        int at = code.IsTemporary(to) ? to : code.Allocate(1, e.Line);
        bool isOr = e.Operator == BinaryOperator.Or;
        if (!isOr && ConditionCompiler.IsComparison(e.Left))
        {
            var whenFalse = new List<int>();
            Condition(e.Left, false, whenFalse);
            Into(e.Right, at);
            int end = code.Emit(Op.Jump, 0, 0, 0, e.Line);
            code.PatchHere(whenFalse);
            code.Emit(Op.LoadBoolean, at, 0, 0, e.Line);
            code.PatchHere(end);
        }
        else
        {
            Into(e.Left, at);
            int skip = code.Emit(isOr ? Op.JumpIf : Op.JumpIfNot, at, 0, 0, e.Line);
            Into(e.Right, at);
            code.PatchHere(skip);
        }
        if (at != to) code.Emit(Op.Move, to, at, 0, e.Line);
    }

    private void Table(TableExpression table, int at)
    {
        int listed = 0, pending = 0, items = table.Fields.Count(f => f.Key is null);
        bool openEnd = table.Fields.Count > 0 && table.Fields[^1] is { Key: null } last && IsMultiple(last.Value);
        int hashSize = SizeHint.Round(table.Fields.Count - items);
        code.Emit(Op.NewTable, at, Math.Min(SizeHint.Round(openEnd ? items - 1 : items), Instruction.MaxB), hashSize, table.Line);
        for (int i = 0; i < table.Fields.Count; i++)
        {
            var (key, value) = table.Fields[i];
            if (key is not null)
            {
                int mark = code.Free;
                Store(at, key, value, table);
                code.Release(mark);
                continue;
            }
            if (pending == ListBatch)
            {
                code.Emit(Op.SetList, at, pending, listed, value.Line);
                listed += pending;
                pending = 0;
                code.Release(at + 1);
            }
            if (openEnd && i == table.Fields.Count - 1)
            {
                AllAtTop(value);
                code.Emit(Op.SetList, at, 0, listed, value.Line);
                code.Release(at + 1);
                return;
            }
            ToTemporary(value);
            pending++;
        }
        if (pending > 0) code.Emit(Op.SetList, at, pending, listed, table.Line);
        code.Release(at + 1);
    }

    private void Store(int table, Expression key, Expression value, Expression at)
    {
        if (key is ConstantExpression { Value.Ref: LuaString name })
        {
            code.Emit(Op.SetField, table, ToRegister(value), code.Constant(name), value.Line);
            return;
        }
        int k = ToRegister(key);
        code.Emit(Op.SetTable, table, k, ToRegister(value), at.Line);
    }
}
