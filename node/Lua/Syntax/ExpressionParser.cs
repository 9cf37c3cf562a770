// Expressions, by operator precedence. Arithmetic on number constants is done here, as Lua's compiler does.
namespace Shoal.Lua.Syntax;

/// <summary>The expression half of the parser.</summary>
internal sealed class ExpressionParser(Lexer lexer, Parser parser)
{
    private const int UnaryPriority = 8;

    // Left and right priority by operator; a lower right one makes it right-associative.
    private static readonly (int Left, int Right)[] Priorities =
    [
        (6, 6), (6, 6), (7, 7), (7, 7), (7, 7), (10, 9), (5, 4), (3, 3), (3, 3), (3, 3), (3, 3), (3, 3), (3, 3), (2, 2), (1, 1),
    ];

    public Expression Parse() => ParseSub(0);

    public List<Expression> ParseList()
    {
        var list = new List<Expression> { Parse() };
        while (parser.Accept((Token)',')) list.Add(Parse());
        return list;
    }

    /// <summary>A variable, a call, or a parenthesized expression with what follows it.</summary>
    public Expression ParsePrimary()
    {
        var expression = ParsePrefix();
        while (true)
        {
            switch (lexer.Current)
            {
                case (Token)'.':
                    lexer.Advance();
                    int line = lexer.Line;
                    expression = new IndexExpression(expression, new ConstantExpression(parser.RequireName(), line), line);
                    break;
                case (Token)'[':
                    lexer.Advance();
                    var key = Parse();
                    expression = new IndexExpression(expression, key, lexer.Line);
                    parser.Require((Token)']');
                    break;
                case (Token)':':
                    lexer.Advance();
                    var method = parser.RequireName();
                    expression = ParseArguments(expression, method);
                    break;
                case (Token)'(' or (Token)'{' or Token.String:
                    expression = ParseArguments(expression, null);
                    break;
                default:
                    return expression;
            }
        }
    }

    private Expression ParsePrefix()
    {
        int line = lexer.Line;
        if (lexer.Current == Token.Name) return parser.Scope.Resolve(parser.RequireName(), line);
        if (lexer.Current != (Token)'(') throw lexer.Error("unexpected symbol");
        lexer.Advance();
        var inner = Parse();
        parser.RequireMatch((Token)')', (Token)'(', line);
        return new ParenthesizedExpression(inner);
    }

    private CallExpression ParseArguments(Expression function, LuaString? method)
    {
        int line = lexer.Line;
        List<Expression> arguments;
        switch (lexer.Current)
        {
            case (Token)'(':
                if (line != lexer.LastLine) throw lexer.Error("ambiguous syntax (function call x new statement)");
                lexer.Advance();
                arguments = lexer.Current == (Token)')' ? [] : ParseList();
                parser.RequireMatch((Token)')', (Token)'(', line);
                break;
            case (Token)'{':
                arguments = [ParseTable()];
                break;
            case Token.String:
                arguments = [new ConstantExpression(lexer.Value, line)];
                lexer.Advance();
                break;
            default:
                throw lexer.Error("function arguments expected");
        }
        return new CallExpression(function, method, arguments, line);
    }

    private Expression ParseSub(int limit)
    {
        parser.Enter();
        Expression left;
        if (UnaryOf(lexer.Current) is { } unary)
        {
            lexer.Advance();
            left = MakeUnary(unary, ParseSub(UnaryPriority));
        }
        else
        {
            left = ParseSimple();
        }
        while (BinaryOf(lexer.Current) is { } binary && Priorities[(int)binary].Left > limit)
        {
            lexer.Advance();
            left = MakeBinary(binary, left, ParseSub(Priorities[(int)binary].Right));
        }
        parser.Leave();
        return left;
    }

    private Expression ParseSimple()
    {
        int line = lexer.Line;
        switch (lexer.Current)
        {
            case Token.Number or Token.String:
                var value = lexer.Value;
                lexer.Advance();
                return new ConstantExpression(value, line);
            case Token.Nil:
                return Constant(default, line);
            case Token.True:
                return Constant(true, line);
            case Token.False:
                return Constant(false, line);
            case Token.Dots:
                if (!parser.Scope.Body.IsVararg) throw lexer.Error("cannot use '...' outside a vararg function");
                parser.Scope.Body.UsesDots = true;
                lexer.Advance();
                return new VarargExpression(line);
            case (Token)'{':
                return ParseTable();
            case Token.Function:
                lexer.Advance();
                return parser.ParseFunction(isMethod: false, line);
            default:
                return ParsePrimary();
        }
    }

    private ConstantExpression Constant(LuaValue value, int line)
    {
        lexer.Advance();
        return new ConstantExpression(value, line);
    }

    private TableExpression ParseTable()
    {
        int line = lexer.Line;
        var fields = new List<(Expression?, Expression)>();
        parser.Require((Token)'{');
        while (lexer.Current != (Token)'}')
        {
            if (lexer.Current == Token.Name && lexer.Peek() == (Token)'=')
            {
                var key = new ConstantExpression(parser.RequireName(), lexer.Line);
                lexer.Advance();
                fields.Add((key, Parse()));
            }
            else if (parser.Accept((Token)'['))
            {
                var key = Parse();
                parser.Require((Token)']');
                parser.Require((Token)'=');
                fields.Add((key, Parse()));
            }
            else
            {
                fields.Add((null, Parse()));
            }
            if (!parser.Accept((Token)',') && !parser.Accept((Token)';')) break;
        }
        parser.RequireMatch((Token)'}', (Token)'{', line);
        return new TableExpression(fields, line);
    }

    private Expression MakeUnary(UnaryOperator operation, Expression operand)
    {
        if (operation == UnaryOperator.Negate && operand is ConstantExpression { Value.IsNumber: true } number && !double.IsNaN(number.Value.Num))
            return new ConstantExpression(-number.Value.Num, number.Line);
        return new UnaryExpression(operation, operand, lexer.LastLine);
    }

    private Expression MakeBinary(BinaryOperator operation, Expression left, Expression right)
    {
        if (operation <= BinaryOperator.Power && left is ConstantExpression { Value.IsNumber: true } a && right is ConstantExpression { Value.IsNumber: true } b
            && !(operation is BinaryOperator.Divide or BinaryOperator.Modulo && b.Value.Num == 0))
        {
            double folded = Arithmetic.Compute(operation, a.Value.Num, b.Value.Num);
            if (!double.IsNaN(folded)) return new ConstantExpression(folded, lexer.LastLine);
        }
        return new BinaryExpression(operation, left, right, lexer.LastLine);
    }

    private static UnaryOperator? UnaryOf(Token token) => token switch
    {
        (Token)'-' => UnaryOperator.Negate,
        Token.Not => UnaryOperator.Not,
        (Token)'#' => UnaryOperator.Length,
        _ => null,
    };

    private static BinaryOperator? BinaryOf(Token token) => token switch
    {
        (Token)'+' => BinaryOperator.Add,
        (Token)'-' => BinaryOperator.Subtract,
        (Token)'*' => BinaryOperator.Multiply,
        (Token)'/' => BinaryOperator.Divide,
        (Token)'%' => BinaryOperator.Modulo,
        (Token)'^' => BinaryOperator.Power,
        Token.Concat => BinaryOperator.Concat,
        Token.Equal => BinaryOperator.Equal,
        Token.NotEqual => BinaryOperator.NotEqual,
        (Token)'<' => BinaryOperator.Less,
        Token.LessOrEqual => BinaryOperator.LessOrEqual,
        (Token)'>' => BinaryOperator.Greater,
        Token.GreaterOrEqual => BinaryOperator.GreaterOrEqual,
        Token.And => BinaryOperator.And,
        Token.Or => BinaryOperator.Or,
        _ => null,
    };
}
