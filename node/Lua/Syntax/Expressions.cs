// The expressions of the syntax tree. Names are already resolved: a name is a local, an upvalue or a global.
namespace Shoal.Lua.Syntax;

/// <summary>Any expression; Line is where errors of its evaluation are reported.</summary>
internal abstract class Expression(int line)
{
    public int Line { get; } = line;
}

/// <summary>nil, a boolean, a number or a string.</summary>
internal sealed class ConstantExpression(LuaValue value, int line) : Expression(line)
{
    public LuaValue Value { get; } = value;
}

/// <summary>`...`</summary>
internal sealed class VarargExpression(int line) : Expression(line);

internal sealed class FunctionExpression(FunctionBody body, int line) : Expression(line)
{
    public FunctionBody Body { get; } = body;
}

internal sealed class LocalExpression(LocalVariable variable, int line) : Expression(line)
{
    public LocalVariable Variable { get; } = variable;
}

internal sealed class UpvalueExpression(int index, LuaString name, int line) : Expression(line)
{
    public int Index { get; } = index;

    public LuaString Name { get; } = name;
}

internal sealed class GlobalExpression(LuaString name, int line) : Expression(line)
{
    public LuaString Name { get; } = name;
}

/// <summary>`a.b`, `a[b]`</summary>
internal sealed class IndexExpression(Expression target, Expression key, int line) : Expression(line)
{
    public Expression Target { get; } = target;

    public Expression Key { get; } = key;
}

/// <summary>`f(...)`; with a method name, `f:name(...)`.</summary>
internal sealed class CallExpression(Expression function, LuaString? method, List<Expression> arguments, int line) : Expression(line)
{
    public Expression Function { get; } = function;

    public LuaString? Method { get; } = method;

    public List<Expression> Arguments { get; } = arguments;
}

/// <summary>A table constructor: list items have no key.</summary>
internal sealed class TableExpression(List<(Expression? Key, Expression Value)> fields, int line) : Expression(line)
{
    public List<(Expression? Key, Expression Value)> Fields { get; } = fields;
}

internal sealed class UnaryExpression(UnaryOperator operation, Expression operand, int line) : Expression(line)
{
    public UnaryOperator Operator { get; } = operation;

    public Expression Operand { get; } = operand;
}

internal sealed class BinaryExpression(BinaryOperator operation, Expression left, Expression right, int line) : Expression(line)
{
    public BinaryOperator Operator { get; } = operation;

    public Expression Left { get; } = left;

    public Expression Right { get; } = right;
}

/// <summary>`(e)`: cuts several values to one.</summary>
internal sealed class ParenthesizedExpression(Expression inner) : Expression(inner.Line)
{
    public Expression Inner { get; } = inner;
}

internal enum UnaryOperator
{
    Negate,
    Not,
    Length,
}

/// <summary>Binary operators; arithmetic first, in the order of the VM's instructions.</summary>
internal enum BinaryOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}
