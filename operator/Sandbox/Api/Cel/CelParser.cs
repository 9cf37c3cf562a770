// Recursive descent over the tokens, lowest precedence first: ?: then || then && then relations, sums, products, unary, members.
namespace Shoal.Sandbox.Api.Cel;

/// <summary>A node of a parsed expression.</summary>
internal abstract record CelNode;

internal sealed record CelLiteral(object? Value) : CelNode;

internal sealed record CelName(string Name) : CelNode;

/// <summary>a.b, or a.?b when optional.</summary>
internal sealed record CelField(CelNode Target, string Name, bool Optional) : CelNode;

internal sealed record CelIndex(CelNode Target, CelNode Key, bool Optional) : CelNode;

/// <summary>f(x) or x.f(y); operators are calls too, by their sign.</summary>
internal sealed record CelCall(CelNode? Target, string Function, IReadOnlyList<CelNode> Arguments) : CelNode;

internal sealed record CelListNode(IReadOnlyList<CelNode> Elements) : CelNode;

internal sealed record CelMapNode(IReadOnlyList<(CelNode Key, CelNode Value)> Entries) : CelNode;

internal sealed class CelParser
{
    private const int DeepestNesting = 64;
    private static readonly string[] Relations = ["==", "!=", "<", "<=", ">", ">=", "in"];
    private readonly List<CelToken> tokens;
    private int at;
    private int depth;

    private CelParser(string text) => tokens = CelLexer.Split(text);

    /// <summary>Throws CelException with the place when the text is not an expression.</summary>
    public static CelNode Parse(string text)
    {
        var parser = new CelParser(text);
        var node = parser.Expression();
        return parser.Here.Kind == CelTokenKind.End ? node : throw parser.Unexpected();
    }

    private CelToken Here => tokens[at];

    private CelNode Expression()
    {
        if (++depth > DeepestNesting) throw new CelException("the expression is nested too deeply");
        var condition = Binary(0);
        if (Take("?"))
        {
            var yes = Binary(0);
            Expect(":");
            condition = new CelCall(null, "?:", [condition, yes, Expression()]);
        }
        depth--;
        return condition;
    }

    /// <param name="level">0 ||, 1 &amp;&amp;, 2 relations, 3 sums, 4 products.</param>
    private CelNode Binary(int level)
    {
        if (level == 5) return Unary();
        var left = Binary(level + 1);
        while (IsOperator(level))
        {
            var sign = tokens[at++].Text;
            left = new CelCall(null, sign, [left, Binary(level + 1)]);
        }
        return left;
    }

    private bool IsOperator(int level) => Here.Kind is CelTokenKind.Sign or CelTokenKind.Name && level switch
    {
        0 => Here.Text == "||",
        1 => Here.Text == "&&",
        2 => Relations.Contains(Here.Text),
        3 => Here.Text is "+" or "-",
        _ => Here.Text is "*" or "/" or "%",
    };

    private CelNode Unary()
    {
        if (Take("!")) return new CelCall(null, "!", [Unary()]);
        if (!Take("-")) return Member();
        var negated = Unary();
        return negated is CelLiteral { Value: long whole } ? new CelLiteral(-whole)
            : negated is CelLiteral { Value: double real } ? new CelLiteral(-real) : new CelCall(null, "neg", [negated]);
    }

    private CelNode Member()
    {
        var node = Primary();
        while (true)
        {
            if (Take("."))
            {
                var name = Name();
                node = Take("(") ? new CelCall(node, name, Arguments(")")) : new CelField(node, name, false);
            }
            else if (Take(".?")) node = new CelField(node, Name(), true);
            else if (Take("[")) node = Index(node, false);
            else if (Take("[?")) node = Index(node, true);
            else return node;
        }
    }

    private CelIndex Index(CelNode target, bool optional)
    {
        var key = Expression();
        Expect("]");
        return new CelIndex(target, key, optional);
    }

    private CelNode Primary()
    {
        var token = Here;
        at++;
        switch (token.Kind)
        {
            case CelTokenKind.Integer or CelTokenKind.Unsigned or CelTokenKind.Double or CelTokenKind.Text:
                return new CelLiteral(token.Value);
            case CelTokenKind.Name when token.Text is "true" or "false":
                return new CelLiteral(token.Text == "true");
            case CelTokenKind.Name when token.Text == "null":
                return new CelLiteral(null);
            case CelTokenKind.Name when token.Text == "in":
                break;
            case CelTokenKind.Name:
                return Take("(") ? new CelCall(null, token.Text, Arguments(")")) : new CelName(token.Text);
            case CelTokenKind.Sign when token.Text == "(":
                var inner = Expression();
                Expect(")");
                return inner;
            case CelTokenKind.Sign when token.Text == "[":
                return new CelListNode(Arguments("]"));
            case CelTokenKind.Sign when token.Text == "{":
                return Map();
        }
        at--;
        throw Unexpected();
    }

    private CelMapNode Map()
    {
        var entries = new List<(CelNode, CelNode)>();
        while (!Take("}"))
        {
            var key = Expression();
            Expect(":");
            entries.Add((key, Expression()));
            if (!Take(",") && Here.Text != "}") throw Unexpected();
        }
        return new CelMapNode(entries);
    }

    private List<CelNode> Arguments(string closing)
    {
        var arguments = new List<CelNode>();
        while (!Take(closing))
        {
            arguments.Add(Expression());
            if (!Take(",") && Here.Text != closing) throw Unexpected();
        }
        return arguments;
    }

    private string Name()
    {
        if (Here.Kind != CelTokenKind.Name) throw Unexpected();
        return tokens[at++].Text;
    }

    private bool Take(string sign)
    {
        if (Here.Kind != CelTokenKind.Sign || Here.Text != sign) return false;
        at++;
        return true;
    }

    private void Expect(string sign)
    {
        if (!Take(sign)) throw Unexpected();
    }

    private CelException Unexpected() => new(Here.Kind == CelTokenKind.End
        ? "Syntax error: unexpected end of the expression" : $"Syntax error: unexpected '{Here.Text}' at {Here.At}");
}
