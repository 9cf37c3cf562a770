// Expressions in places where only their truth counts: conditions become jumps without a value in between.
using Shoal.Lua.Syntax;

namespace Shoal.Lua.Compiling;

/// <summary>Compiles conditions of one function.</summary>
internal sealed class ConditionCompiler(CodeBuilder code, ExpressionCompiler expressions)
{
    public static bool IsComparison(Expression e) =>
        e is BinaryExpression { Operator: >= BinaryOperator.Equal and <= BinaryOperator.GreaterOrEqual };

    public void Compile(Expression e, bool jumpWhen, List<int> jumps)
    {
        if (!System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw code.Error("chunk has too many syntax levels", e.Line);
        int mark = code.Free;
        switch (e)
        {
            case ParenthesizedExpression p:
                Compile(p.Inner, jumpWhen, jumps);
                break;
            case ConstantExpression c:
                if (c.Value.IsTruthy == jumpWhen) jumps.Add(code.Emit(Op.Jump, 0, 0, 0, e.Line));
                break;
            case UnaryExpression { Operator: UnaryOperator.Not } not:
                Compile(not.Operand, !jumpWhen, jumps);
                break;
            case BinaryExpression { Operator: BinaryOperator.And or BinaryOperator.Or } logical:
                Logical(logical, jumpWhen, jumps);
                break;
            case BinaryExpression when IsComparison(e):
                Comparison((BinaryExpression)e, jumpWhen, jumps);
                break;
            default:
                jumps.Add(code.Emit(jumpWhen ? Op.JumpIf : Op.JumpIfNot, expressions.ToRegister(e), 0, 0, e.Line));
                break;
        }
        code.Release(mark);
    }

    private void Logical(BinaryExpression e, bool jumpWhen, List<int> jumps)
    {
        bool decides = e.Operator == BinaryOperator.Or;   // the truth of the left side that settles the whole
        if (jumpWhen == decides)
        {
            Compile(e.Left, decides, jumps);
            Compile(e.Right, jumpWhen, jumps);
            return;
        }
        var settled = new List<int>();
        Compile(e.Left, decides, settled);
        Compile(e.Right, jumpWhen, jumps);
        code.PatchHere(settled);
    }

    private void Comparison(BinaryExpression e, bool jumpWhen, List<int> jumps)
    {
        if (e.Operator is BinaryOperator.Equal or BinaryOperator.NotEqual)
        {
            Equality(e, jumpWhen == (e.Operator == BinaryOperator.Equal), jumps);
            return;
        }
        bool swapped = e.Operator is BinaryOperator.Greater or BinaryOperator.GreaterOrEqual;
        var (small, large) = swapped ? (e.Right, e.Left) : (e.Left, e.Right);
        bool orEqual = e.Operator is BinaryOperator.LessOrEqual or BinaryOperator.GreaterOrEqual;
        int form = (orEqual ? 2 : 0) + (jumpWhen ? 0 : 1);
        if (NumberConstant(large) is { } above)
        {
            jumps.Add(code.Emit(Op.JumpLessConstant + form, expressions.ToRegister(small), above, 0, e.Line));
            return;
        }
        if (NumberConstant(small) is { } below)
        {
            jumps.Add(code.Emit(Op.JumpGreaterConstant + form, expressions.ToRegister(large), below, 0, e.Line));
            return;
        }
        int left = expressions.ToRegister(e.Left), right = expressions.ToRegister(e.Right);
        jumps.Add(code.Emit(Op.JumpLess + form, swapped ? right : left, swapped ? left : right, 0, e.Line));
    }

    private void Equality(BinaryExpression e, bool jumpWhenEqual, List<int> jumps)
    {
        var (left, right) = e.Left is ConstantExpression ? (e.Right, e.Left) : (e.Left, e.Right);
        if (Constant(right) is { } constant)
        {
            jumps.Add(code.Emit(jumpWhenEqual ? Op.JumpEqualConstant : Op.JumpNotEqualConstant, expressions.ToRegister(left), constant, 0, e.Line));
            return;
        }
        int a = expressions.ToRegister(left), b = expressions.ToRegister(right);
        jumps.Add(code.Emit(jumpWhenEqual ? Op.JumpEqual : Op.JumpNotEqual, a, b, 0, e.Line));
    }

    private int? NumberConstant(Expression e) => e is ConstantExpression { Value.IsNumber: true } ? Constant(e) : null;

    private int? Constant(Expression e)
    {
        if (e is not ConstantExpression { Value: var value }) return null;
        int index = value.IsNumber ? code.Constant(value.Num) : value.Ref is LuaString s ? code.Constant(s) : -1;
        return index is >= 0 and <= Instruction.MaxB ? index : null;
    }
}
