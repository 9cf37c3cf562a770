// The statements of the syntax tree, and what functions and variables are in it.
namespace Shoal.Lua.Syntax;

/// <summary>Any statement.</summary>
internal abstract class Statement(int line)
{
    public int Line { get; } = line;
}

/// <summary>`local a, b = ...`</summary>
internal sealed class LocalStatement(List<LocalVariable> variables, List<Expression> values, int line) : Statement(line)
{
    public List<LocalVariable> Variables { get; } = variables;

    public List<Expression> Values { get; } = values;
}

/// <summary>`local function f`</summary>
internal sealed class LocalFunctionStatement(LocalVariable variable, FunctionExpression function, int line) : Statement(line)
{
    public LocalVariable Variable { get; } = variable;

    public FunctionExpression Function { get; } = function;
}

internal sealed class AssignStatement(List<Expression> targets, List<Expression> values, int line) : Statement(line)
{
    public List<Expression> Targets { get; } = targets;

    public List<Expression> Values { get; } = values;
}

internal sealed class CallStatement(CallExpression call) : Statement(call.Line)
{
    public CallExpression Call { get; } = call;
}

internal sealed class DoStatement(List<Statement> body, int line) : Statement(line)
{
    public List<Statement> Body { get; } = body;
}

internal sealed class WhileStatement(Expression condition, List<Statement> body, int line) : Statement(line)
{
    public Expression Condition { get; } = condition;

    public List<Statement> Body { get; } = body;
}

internal sealed class RepeatStatement(List<Statement> body, Expression condition, int line) : Statement(line)
{
    public List<Statement> Body { get; } = body;

    public Expression Condition { get; } = condition;
}

internal sealed class IfStatement(List<(Expression Condition, List<Statement> Body)> branches, List<Statement>? otherwise, int line) : Statement(line)
{
    public List<(Expression Condition, List<Statement> Body)> Branches { get; } = branches;

    public List<Statement>? Otherwise { get; } = otherwise;
}

/// <summary>`for i = start, limit, step`; Step is null when it is 1.</summary>
internal sealed class NumericForStatement(
    LocalVariable variable, Expression start, Expression limit, Expression? step, List<Statement> body, int line) : Statement(line)
{
    public LocalVariable Variable { get; } = variable;

    public Expression Start { get; } = start;

    public Expression Limit { get; } = limit;

    public Expression? Step { get; } = step;

    public List<Statement> Body { get; } = body;
}

/// <summary>`for a, b in ...`</summary>
internal sealed class GenericForStatement(List<LocalVariable> variables, List<Expression> values, List<Statement> body, int line) : Statement(line)
{
    public List<LocalVariable> Variables { get; } = variables;

    public List<Expression> Values { get; } = values;

    public List<Statement> Body { get; } = body;
}

internal sealed class ReturnStatement(List<Expression> values, int line) : Statement(line)
{
    public List<Expression> Values { get; } = values;
}

internal sealed class BreakStatement(int line) : Statement(line);

/// <summary>A declared local; the compiler gives it its register.</summary>
internal sealed class LocalVariable(LuaString name)
{
    public LuaString Name { get; } = name;

    /// <summary>True when an inner function uses it: it then lives in a cell.</summary>
    public bool IsCaptured { get; set; }

    public int Register { get; set; }
}

/// <summary>An upvalue: the enclosing function's local, or (Local null) the enclosing function's upvalue of that index.</summary>
internal readonly record struct UpvalueReference(LuaString Name, LocalVariable? Local, int OuterIndex);

/// <summary>A function as parsed.</summary>
internal sealed class FunctionBody
{
    public List<LocalVariable> Parameters { get; } = [];

    public List<UpvalueReference> Upvalues { get; } = [];

    public List<Statement> Body { get; set; } = [];

    public bool IsVararg { get; set; }

    /// <summary>The hidden local `arg` of a vararg function that is not the main chunk.</summary>
    public LocalVariable? ArgTable { get; set; }

    public bool UsesDots { get; set; }

    public int Line { get; set; }

    public int EndLine { get; set; }
}
