// The arguments of a command as one line of commands.tsv, read into the tree COMMAND DOCS answers with (redis-cli makes its hints of it).
//   name            an argument; behind it its type  :i integer  :d double  :u unix time  :p pattern  :t the token alone  :k key
//   :k0             the key that key specification 0 finds (patterns may have one too)
//   ~text           how to show it when not by its name
//   TOKEN=name      a word stands before it ("" for an empty word)
//   name<a|b>       one of these            name(a b)  all of these
//   *  ** [ ]       repeated; repeated together with its token; may be left out
using System.Globalization;

namespace Shoal.Server.Commands;

/// <summary>One argument of a command's documentation.</summary>
/// <param name="Type">Redis's word: string, integer, key, oneof, block...</param>
/// <param name="KeySpec">Index of the key specification that finds it; -1 when none does.</param>
public sealed record SyntaxArgument(
    string Name, string Type, string? Token, string Display, int KeySpec, IReadOnlyList<string> Flags,
    IReadOnlyList<SyntaxArgument> Arguments);

/// <summary>Reads the notation. Throws <see cref="FormatException"/> for a line that is none.</summary>
public sealed class SyntaxNotation
{
    private readonly string _text;
    private int _at;

    private SyntaxNotation(string text) => _text = text;

    public static IReadOnlyList<SyntaxArgument> Parse(string text) => text.Length == 0 ? [] : new SyntaxNotation(text).All();

    private IReadOnlyList<SyntaxArgument> All()
    {
        var all = Several(' ', '\0');
        return _at == _text.Length ? all : throw new FormatException($"'{_text}' at {_at}");
    }

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    private List<SyntaxArgument> Several(char between, char end)
    {
        var list = new List<SyntaxArgument> { One() };
        while (Next == between)
        {
            _at++;
            list.Add(One());
        }
        if (end != '\0') Expect(end);
        return list;
    }

    private SyntaxArgument One()
    {
        var flags = new List<string>();
        if (Take('[')) flags.Add("optional");
        string? token = Token();
        string name = Word(), type = "string", display = name;
        int keySpec = -1;
        IReadOnlyList<SyntaxArgument> inner = [];
        if (Take('<')) (type, inner) = ("oneof", Several('|', '>'));
        else if (Take('(')) (type, inner) = ("block", Several(' ', ')'));
        else
        {
            if (Take(':')) type = Type(out keySpec);
            if (Take('~')) display = Word();
        }
        if (Take('*')) flags.Add("multiple");
        if (Take('*')) flags.Add("multiple_token");
        if (flags is ["optional", ..]) Expect(']');
        return new SyntaxArgument(name, type, token, display, keySpec, flags, inner);
    }

    /// <summary>Tokens hold no lower-case letter and names begin with one.</summary>
    private string? Token()
    {
        int end = _at;
        while (end < _text.Length && !char.IsAsciiLetterLower(_text[end])) end++;
        if (end == _at) return null;
        string token = _text[_at..(end - 1)];
        _at = end;
        return token == "\"\"" ? "" : token;
    }

    private string Word()
    {
        int begin = _at;
        while (char.IsAsciiLetterLower(Next) || char.IsAsciiDigit(Next) || Next is '-' or '_' || IsInnerColon()) _at++;
        return _text[begin.._at];
    }

    /// <summary>"ip:port" is one word; a type is a single letter.</summary>
    private bool IsInnerColon() => Next == ':' && _at + 2 < _text.Length && char.IsAsciiLetterLower(_text[_at + 2]);

    private string Type(out int keySpec)
    {
        char letter = Next;
        _at++;
        int begin = _at;
        while (char.IsAsciiDigit(Next)) _at++;
        keySpec = begin == _at ? -1 : int.Parse(_text[begin.._at], CultureInfo.InvariantCulture);
        return letter switch
        {
            'i' => "integer", 'd' => "double", 'u' => "unix-time", 'p' => "pattern", 't' => "pure-token", 'k' => "key",
            _ => throw new FormatException($"'{_text}' at {_at}: no such type"),
        };
    }

    private bool Take(char c)
    {
        if (Next != c) return false;
        _at++;
        return true;
    }

    private void Expect(char c)
    {
        if (!Take(c)) throw new FormatException($"'{_text}' at {_at}: '{c}' expected");
    }
}
