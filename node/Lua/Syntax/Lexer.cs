// Source bytes to tokens. One token of lookahead. Texts of errors are Lua 5.1's, with the raw bytes of the token they stand near.
using System.Text;

namespace Shoal.Lua.Syntax;

/// <summary>The scanner.</summary>
internal sealed class Lexer
{
    private const int MaxLine = int.MaxValue - 2;

    private readonly byte[] _source;
    private readonly string _chunk;
    private int _at;
    private int _start;
    private (Token Token, int Line, int Start, int End, LuaValue Value)? _ahead;

    public Lexer(byte[] source, string chunk)
    {
        _source = source;
        _chunk = chunk;
        if (source.Length > 0 && source[0] == '#') SkipLine();
    }

    /// <summary>The current token.</summary>
    public Token Current { get; private set; } = Token.EndOfSource;

    /// <summary>Name, string or number of the current token.</summary>
    public LuaValue Value { get; private set; }

    public int Line { get; private set; } = 1;

    /// <summary>Line of the token before the current one.</summary>
    public int LastLine { get; private set; } = 1;

    private int TokenStart { get; set; }

    private int TokenEnd { get; set; }

    public void Advance()
    {
        LastLine = Line;
        if (_ahead is { } ahead)
        {
            (Current, Line, TokenStart, TokenEnd, Value) = ahead;
            _ahead = null;
            return;
        }
        Current = Scan();
        TokenStart = _start;
        TokenEnd = _at;
    }

    /// <summary>The token behind the current one.</summary>
    public Token Peek()
    {
        if (_ahead is { } known) return known.Token;
        int line = Line;
        var value = Value;
        var token = Scan();
        _ahead = (token, Line, _start, _at, Value);
        Line = line;
        Value = value;
        return token;
    }

    /// <summary>An error near the current token.</summary>
    public LuaError Error(string message) => ErrorNear(message, Near(Current));

    /// <summary>An error without a token.</summary>
    public LuaError ErrorAlone(string message) => ErrorNear(message, null);

    private string Near(Token token) => token is Token.Name or Token.String or Token.Number
        ? Encoding.Latin1.GetString(_source, TokenStart, TokenEnd - TokenStart) : TokenText.Of(token);

    private LuaError ErrorHere(string message) => ErrorNear(message, Encoding.Latin1.GetString(_source, _start, _at - _start));

    private LuaError ErrorNear(string message, string? near)
    {
        string text = near is null ? $"{_chunk}:{Line}: {message}" : $"{_chunk}:{Line}: {message} near '{near}'";
        return new LuaError(new LuaValue(new LuaString(Encoding.Latin1.GetBytes(text))));
    }

    private Token Scan()
    {
        while (true)
        {
            _start = _at;
            if (_at >= _source.Length) return Token.EndOfSource;
            byte b = _source[_at];
            switch (b)
            {
                case (byte)'\n' or (byte)'\r':
                    NewLine();
                    continue;
                case (byte)'-':
                    _at++;
                    if (!Accept('-')) return (Token)'-';
                    SkipComment();
                    continue;
                case (byte)'[':
                    int level = LongBracketLevel(out bool isLong);
                    if (isLong)
                    {
                        Value = ReadLong(level, isComment: false);
                        return Token.String;
                    }
                    if (level == 0)
                    {
                        _at++;
                        return (Token)'[';
                    }
                    _at += level + 1;
                    throw ErrorHere("invalid long string delimiter");
                case (byte)'=':
                    return One(Token.Equal, b);
                case (byte)'<':
                    return One(Token.LessOrEqual, b);
                case (byte)'>':
                    return One(Token.GreaterOrEqual, b);
                case (byte)'~':
                    return One(Token.NotEqual, b);
                case (byte)'"' or (byte)'\'':
                    Value = new StringReader(this).Read(b);
                    return Token.String;
                case (byte)'.':
                    return ScanDot();
                case >= (byte)'0' and <= (byte)'9':
                    return ReadNumber();
                default:
                    if (NumberText.IsSpace(b))
                    {
                        _at++;
                        continue;
                    }
                    if (IsNameByte(b)) return ReadName();
                    _at++;
                    return (Token)b;
            }
        }
    }

    private Token One(Token withEquals, byte alone)
    {
        _at++;
        return Accept('=') ? withEquals : (Token)alone;
    }

    private Token ScanDot()
    {
        if (_at + 1 < _source.Length && _source[_at + 1] is >= (byte)'0' and <= (byte)'9') return ReadNumber();
        _at++;
        if (!Accept('.')) return (Token)'.';
        return Accept('.') ? Token.Dots : Token.Concat;
    }

    private bool Accept(char c)
    {
        if (_at >= _source.Length || _source[_at] != c) return false;
        _at++;
        return true;
    }

    private void NewLine()
    {
        byte first = _source[_at++];
        if (_at < _source.Length && _source[_at] is (byte)'\n' or (byte)'\r' && _source[_at] != first) _at++;
        if (++Line >= MaxLine) throw Error("chunk has too many lines");
    }

    private void SkipLine()
    {
        while (_at < _source.Length && _source[_at] is not ((byte)'\n' or (byte)'\r')) _at++;
    }

    private void SkipComment()
    {
        if (_at < _source.Length && _source[_at] == '[')
        {
            int level = LongBracketLevel(out bool isLong);
            if (isLong)
            {
                ReadLong(level, isComment: true);
                return;
            }
        }
        SkipLine();
    }

    /// <summary>Counts the '=' of "[==[" at the current place without moving.</summary>
    private int LongBracketLevel(out bool isLong)
    {
        int at = _at + 1;
        while (at < _source.Length && _source[at] == '=') at++;
        isLong = at < _source.Length && _source[at] == '[';
        return at - _at - 1;
    }

    private LuaValue ReadLong(int level, bool isComment)
    {
        _at += level + 2;
        if (_at < _source.Length && _source[_at] is (byte)'\n' or (byte)'\r') NewLine();
        var text = new List<byte>();
        while (true)
        {
            if (_at >= _source.Length)
                throw ErrorNear(isComment ? "unfinished long comment" : "unfinished long string", TokenText.Of(Token.EndOfSource));
            byte b = _source[_at];
            if (b == ']' && ClosesLong(level))
            {
                _at += level + 2;
                return isComment ? default : new LuaValue(new LuaString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text)));
            }
            if (b == '[' && level == 0 && _at + 1 < _source.Length && _source[_at + 1] == '[')
                throw ErrorNear("nesting of [[...]] is deprecated", "[");
            if (b is (byte)'\n' or (byte)'\r')
            {
                NewLine();
                text.Add((byte)'\n');
                continue;
            }
            text.Add(b);
            _at++;
        }
    }

    private bool ClosesLong(int level)
    {
        int end = _at + level + 1;
        if (end >= _source.Length || _source[end] != ']') return false;
        for (int i = 1; i <= level; i++)
            if (_source[_at + i] != '=') return false;
        return true;
    }

    private Token ReadNumber()
    {
        while (_at < _source.Length && _source[_at] is (>= (byte)'0' and <= (byte)'9') or (byte)'.') _at++;
        if (_at < _source.Length && (_source[_at] | 0x20) == 'e')
        {
            _at++;
            if (_at < _source.Length && _source[_at] is (byte)'+' or (byte)'-') _at++;
        }
        while (_at < _source.Length && IsNameByte(_source[_at])) _at++;
        if (!NumberText.TryParse(_source.AsSpan(_start.._at), out double number)) throw ErrorHere("malformed number");
        Value = number;
        return Token.Number;
    }

    private Token ReadName()
    {
        while (_at < _source.Length && IsNameByte(_source[_at])) _at++;
        var name = new LuaString(_source.AsSpan(_start.._at));
        if (TokenText.IsReserved(name, out var reserved)) return reserved;
        Value = name;
        return Token.Name;
    }

    private static bool IsNameByte(byte b) => b == '_' || char.IsAsciiLetterOrDigit((char)b);

    /// <summary>Reads one quoted string.</summary>
    private readonly ref struct StringReader(Lexer lexer)
    {
        public LuaValue Read(byte quote)
        {
            var text = new List<byte>();
            lexer._at++;
            while (true)
            {
                if (lexer._at >= lexer._source.Length) throw lexer.ErrorNear("unfinished string", TokenText.Of(Token.EndOfSource));
                byte b = lexer._source[lexer._at];
                if (b is (byte)'\n' or (byte)'\r') throw lexer.ErrorHere("unfinished string");
                lexer._at++;
                if (b == quote) return new LuaValue(new LuaString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text)));
                if (b == '\\') ReadEscape(text);
                else text.Add(b);
            }
        }

        private void ReadEscape(List<byte> text)
        {
            if (lexer._at >= lexer._source.Length) return;   // the loop of Read says unfinished
            byte b = lexer._source[lexer._at];
            if (b is (byte)'\n' or (byte)'\r')
            {
                lexer.NewLine();
                text.Add((byte)'\n');
                return;
            }
            if (b is >= (byte)'0' and <= (byte)'9')
            {
                int code = 0, backslash = lexer._at - 1;
                for (int i = 0; i < 3 && lexer._at < lexer._source.Length && lexer._source[lexer._at] is >= (byte)'0' and <= (byte)'9'; i++)
                    code = code * 10 + (lexer._source[lexer._at++] - '0');
                if (code > 255)
                {
                    lexer._at = backslash;
                    throw lexer.ErrorHere("escape sequence too large");
                }
                text.Add((byte)code);
                return;
            }
            lexer._at++;
            text.Add(b switch
            {
                (byte)'a' => 7,
                (byte)'b' => 8,
                (byte)'f' => 12,
                (byte)'n' => 10,
                (byte)'r' => 13,
                (byte)'t' => 9,
                (byte)'v' => 11,
                _ => b,
            });
        }
    }
}
