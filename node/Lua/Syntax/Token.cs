namespace Shoal.Lua.Syntax;

/// <summary>Kinds of tokens; those of one character are that character's code.</summary>
internal enum Token
{
    And = 257, Break, Do, Else, ElseIf, End, False, For, Function, If, In, Local, Nil, Not, Or, Repeat, Return, Then, True, Until, While,
    Concat, Dots, Equal, GreaterOrEqual, LessOrEqual, NotEqual, Number, Name, String, EndOfSource,
}

/// <summary>Their texts, as errors show them.</summary>
internal static class TokenText
{
    private static readonly string[] Texts =
    [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "repeat",
        "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>", "<string>", "<eof>",
    ];

    private static readonly Dictionary<LuaString, Token> Reserved = Enumerable.Range((int)Token.And, Token.While - Token.And + 1)
        .ToDictionary(t => (LuaString)Texts[t - (int)Token.And], t => (Token)t);

    public static string Of(Token token) => token >= Token.And
        ? Texts[token - Token.And]
        : (int)token < 32 || (int)token == 127 ? $"char({(int)token})" : ((char)token).ToString();

    /// <summary>The reserved word a name is, if it is one.</summary>
    public static bool IsReserved(LuaString name, out Token token) => Reserved.TryGetValue(name, out token);
}
