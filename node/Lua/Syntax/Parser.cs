// Statements. Recursive descent with one token of lookahead; ExpressionParser has the other half. Texts of errors are Lua 5.1's.
using System.Text;

namespace Shoal.Lua.Syntax;

/// <summary>Source text to syntax tree.</summary>
internal sealed class Parser
{
    private static readonly LuaString Self = "self", Arg = "arg";

    private readonly Lexer _lexer;
    private readonly int _maxNesting;
    private readonly ExpressionParser _expressions;
    private FunctionScope _scope;
    private int _nesting;

    /// <param name="source">The text.</param>
    /// <param name="chunk">The chunk's name as errors show it.</param>
    /// <param name="maxNesting">Levels of syntax before "chunk has too many syntax levels".</param>
    public Parser(byte[] source, string chunk, int maxNesting)
    {
        _lexer = new Lexer(source, chunk);
        _maxNesting = maxNesting;
        _scope = new FunctionScope(null, _lexer);
        _expressions = new ExpressionParser(_lexer, this);
    }

    public FunctionScope Scope => _scope;

    /// <exception cref="LuaError">A syntax error.</exception>
    public FunctionBody ParseChunk()
    {
        _scope.Body.IsVararg = true;
        _lexer.Advance();
        _scope.Body.Body = ParseBlock();
        Expect(Token.EndOfSource);
        _scope.Body.EndLine = _lexer.Line;
        return _scope.Body;
    }

    /// <summary>Parameters, body and `end`; the word `function` and the name are read.</summary>
    public FunctionExpression ParseFunction(bool isMethod, int line)
    {
        var scope = _scope = new FunctionScope(_scope, _lexer);
        scope.Body.Line = line;
        if (isMethod) AddParameter(Self);
        Require((Token)'(');
        ParseParameters();
        Require((Token)')');
        scope.Body.Body = ParseBlock();
        scope.Body.EndLine = _lexer.Line;
        RequireMatch(Token.End, Token.Function, line);
        _scope = scope.Outer!;
        return new FunctionExpression(scope.Body, _lexer.LastLine);
    }

    /// <summary>Guards recursion; every Enter has its Leave.</summary>
    public void Enter()
    {
        if (++_nesting > _maxNesting) throw _lexer.ErrorAlone("chunk has too many syntax levels");
    }

    public void Leave() => _nesting--;

    public bool Accept(Token token)
    {
        if (_lexer.Current != token) return false;
        _lexer.Advance();
        return true;
    }

    public void Expect(Token token)
    {
        if (_lexer.Current != token) throw _lexer.Error($"'{TokenText.Of(token)}' expected");
    }

    public void Require(Token token)
    {
        Expect(token);
        _lexer.Advance();
    }

    /// <summary>Requires what closes something opened at a line.</summary>
    public void RequireMatch(Token token, Token opener, int line)
    {
        if (Accept(token)) return;
        throw _lexer.Error(line == _lexer.Line
            ? $"'{TokenText.Of(token)}' expected"
            : $"'{TokenText.Of(token)}' expected (to close '{TokenText.Of(opener)}' at line {line})");
    }

    public LuaString RequireName()
    {
        Expect(Token.Name);
        var name = _lexer.Value.AsString()!;
        _lexer.Advance();
        return name;
    }

    private List<Statement> ParseBlock()
    {
        int mark = _scope.OpenBlock();
        var statements = ParseStatements();
        _scope.CloseBlock(mark);
        return statements;
    }

    private List<Statement> ParseStatements()
    {
        var statements = new List<Statement>();
        Enter();
        while (!EndsBlock(_lexer.Current))
        {
            var statement = ParseStatement();
            statements.Add(statement);
            Accept((Token)';');
            if (statement is ReturnStatement or BreakStatement) break;
        }
        Leave();
        return statements;
    }

    private static bool EndsBlock(Token token) =>
        token is Token.Else or Token.ElseIf or Token.End or Token.EndOfSource or Token.Until;

    private Statement ParseStatement()
    {
        int line = _lexer.Line;
        switch (_lexer.Current)
        {
            case Token.If:
                return ParseIf(line);
            case Token.While:
                return ParseWhile(line);
            case Token.Do:
                _lexer.Advance();
                var body = ParseBlock();
                RequireMatch(Token.End, Token.Do, line);
                return new DoStatement(body, line);
            case Token.For:
                return ParseFor(line);
            case Token.Repeat:
                return ParseRepeat(line);
            case Token.Function:
                return ParseFunctionStatement(line);
            case Token.Local:
                _lexer.Advance();
                return Accept(Token.Function) ? ParseLocalFunction(line) : ParseLocal(line);
            case Token.Return:
                _lexer.Advance();
                var values = EndsBlock(_lexer.Current) || _lexer.Current == (Token)';' ? [] : _expressions.ParseList();
                return new ReturnStatement(values, line);
            case Token.Break:
                _lexer.Advance();
                if (_scope.Loops == 0) throw _lexer.Error("no loop to break");
                return new BreakStatement(line);
            default:
                return ParseExpressionStatement(line);
        }
    }

    private IfStatement ParseIf(int line)
    {
        var branches = new List<(Expression, List<Statement>)>();
        do
        {
            _lexer.Advance();
            var condition = _expressions.Parse();
            Require(Token.Then);
            branches.Add((condition, ParseBlock()));
        }
        while (_lexer.Current == Token.ElseIf);
        var otherwise = Accept(Token.Else) ? ParseBlock() : null;
        RequireMatch(Token.End, Token.If, line);
        return new IfStatement(branches, otherwise, line);
    }

    private WhileStatement ParseWhile(int line)
    {
        _lexer.Advance();
        var condition = _expressions.Parse();
        Require(Token.Do);
        var body = ParseLoopBody();
        RequireMatch(Token.End, Token.While, line);
        return new WhileStatement(condition, body, line);
    }

    private List<Statement> ParseLoopBody()
    {
        _scope.Loops++;
        var body = ParseBlock();
        _scope.Loops--;
        return body;
    }

    private RepeatStatement ParseRepeat(int line)
    {
        _lexer.Advance();
        int mark = _scope.OpenBlock();
        _scope.Loops++;
        var body = ParseStatements();
        _scope.Loops--;
        RequireMatch(Token.Until, Token.Repeat, line);
        var condition = _expressions.Parse();   // sees the locals of the body
        _scope.CloseBlock(mark);
        return new RepeatStatement(body, condition, line);
    }

    private Statement ParseFor(int line)
    {
        _lexer.Advance();
        var first = new LocalVariable(RequireName());
        return _lexer.Current switch
        {
            (Token)'=' => ParseNumericFor(first, line),
            (Token)',' or Token.In => ParseGenericFor(first, line),
            _ => throw _lexer.Error("'=' or 'in' expected"),
        };
    }

    private NumericForStatement ParseNumericFor(LocalVariable variable, int line)
    {
        _lexer.Advance();
        var start = _expressions.Parse();
        Require((Token)',');
        var limit = _expressions.Parse();
        var step = Accept((Token)',') ? _expressions.Parse() : null;
        return new NumericForStatement(variable, start, limit, step, ParseForBody([variable], line), line);
    }

    private GenericForStatement ParseGenericFor(LocalVariable first, int line)
    {
        var variables = new List<LocalVariable> { first };
        while (Accept((Token)',')) variables.Add(new LocalVariable(RequireName()));
        Require(Token.In);
        var values = _expressions.ParseList();
        return new GenericForStatement(variables, values, ParseForBody(variables, line), line);
    }

    private List<Statement> ParseForBody(List<LocalVariable> variables, int line)
    {
        Require(Token.Do);
        int mark = _scope.OpenBlock();
        foreach (var v in variables) _scope.Declare(v);
        var body = ParseLoopBody();
        _scope.CloseBlock(mark);
        RequireMatch(Token.End, Token.For, line);
        return body;
    }

    private AssignStatement ParseFunctionStatement(int line)
    {
        _lexer.Advance();
        var target = _scope.Resolve(RequireName(), line);
        bool isMethod = false;
        while (_lexer.Current == (Token)'.' || _lexer.Current == (Token)':')
        {
            isMethod = _lexer.Current == (Token)':';
            _lexer.Advance();
            target = new IndexExpression(target, new ConstantExpression(RequireName(), line), line);
            if (isMethod) break;
        }
        return new AssignStatement([target], [ParseFunction(isMethod, line)], line);
    }

    private LocalFunctionStatement ParseLocalFunction(int line)
    {
        var variable = new LocalVariable(RequireName());
        _scope.Declare(variable);
        return new LocalFunctionStatement(variable, ParseFunction(isMethod: false, _lexer.Line), line);
    }

    private LocalStatement ParseLocal(int line)
    {
        var variables = new List<LocalVariable>();
        do variables.Add(new LocalVariable(RequireName()));
        while (Accept((Token)','));
        var values = Accept((Token)'=') ? _expressions.ParseList() : [];
        foreach (var v in variables) _scope.Declare(v);
        return new LocalStatement(variables, values, line);
    }

    private Statement ParseExpressionStatement(int line)
    {
        var expression = _expressions.ParsePrimary();
        if (expression is CallExpression call) return new CallStatement(call);
        var targets = new List<Expression>();
        while (true)
        {
            if (expression is not (LocalExpression or UpvalueExpression or GlobalExpression or IndexExpression)) throw _lexer.Error("syntax error");
            targets.Add(expression);
            if (targets.Count > _maxNesting) throw _lexer.Error("variables in assignment");
            if (!Accept((Token)',')) break;
            expression = _expressions.ParsePrimary();
        }
        Require((Token)'=');
        return new AssignStatement(targets, _expressions.ParseList(), line);
    }

    private void AddParameter(LuaString name)
    {
        var parameter = new LocalVariable(name);
        _scope.Body.Parameters.Add(parameter);
        _scope.Declare(parameter);
    }

    private void ParseParameters()
    {
        if (_lexer.Current == (Token)')') return;
        do
        {
            if (Accept(Token.Dots))
            {
                _scope.Body.IsVararg = true;
                _scope.Body.ArgTable = new LocalVariable(Arg);
                _scope.Declare(_scope.Body.ArgTable);
                return;
            }
            if (_lexer.Current != Token.Name) throw _lexer.Error("<name> or '...' expected");
            AddParameter(RequireName());
        }
        while (Accept((Token)','));
    }
}
