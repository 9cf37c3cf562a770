// Splits a CEL expression into tokens. Grammar: github.com/google/cel-spec, langdef; here the part validation rules use
// (no bytes literals).
using System.Globalization;
using System.Text;

namespace Shoal.Sandbox.Api.Cel;

internal enum CelTokenKind { End, Name, Integer, Unsigned, Double, Text, Sign }

internal readonly record struct CelToken(CelTokenKind Kind, string Text, int At, object? Value = null);

/// <summary>An expression that is not CEL, or evaluates to an error.</summary>
internal sealed class CelException(string message) : Exception(message);

internal static class CelLexer
{
    private static readonly string[] Signs =
        ["==", "!=", "<=", ">=", "&&", "||", "[?", ".?", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"];

    public static List<CelToken> Split(string text)
    {
        var tokens = new List<CelToken>();
        var at = 0;
        while (true)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            if (at + 1 < text.Length && text[at] == '/' && text[at + 1] == '/')
            {
                while (at < text.Length && text[at] != '\n') at++;
                continue;
            }
            if (at >= text.Length) break;
            tokens.Add(Next(text, ref at));
        }
        tokens.Add(new CelToken(CelTokenKind.End, "", text.Length));
        return tokens;
    }

    private static CelToken Next(string text, ref int at)
    {
        var start = at;
        var c = text[at];
        if (c is '"' or '\'' || (c is 'r' or 'R' && at + 1 < text.Length && text[at + 1] is '"' or '\'')) return Literal(text, ref at);
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_')) at++;
            return new CelToken(CelTokenKind.Name, text[start..at], start);
        }
        if (char.IsAsciiDigit(c)) return Number(text, ref at);
        foreach (var sign in Signs)
        {
            if (!text.AsSpan(at).StartsWith(sign)) continue;
            at += sign.Length;
            return new CelToken(CelTokenKind.Sign, sign, start);
        }
        throw new CelException($"unexpected character '{c}' at {at}");
    }

    private static CelToken Number(string text, ref int at)
    {
        var start = at;
        if (text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'x' or 'X')
        {
            at += 2;
            while (at < text.Length && char.IsAsciiHexDigit(text[at])) at++;
            return new CelToken(CelTokenKind.Integer, text[start..at], start, long.Parse(text.AsSpan(start + 2, at - start - 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        var isDouble = false;
        if (at + 1 < text.Length && text[at] == '.' && char.IsAsciiDigit(text[at + 1]))
        {
            isDouble = true;
            at++;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        }
        if (at < text.Length && text[at] is 'e' or 'E')
        {
            isDouble = true;
            at++;
            if (at < text.Length && text[at] is '+' or '-') at++;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        }
        var number = text.AsSpan(start, at - start);
        if (isDouble) return new CelToken(CelTokenKind.Double, number.ToString(), start, double.Parse(number, CultureInfo.InvariantCulture));
        if (!long.TryParse(number, CultureInfo.InvariantCulture, out var whole)) throw new CelException($"number out of range at {start}");
        if (at >= text.Length || text[at] is not ('u' or 'U')) return new CelToken(CelTokenKind.Integer, number.ToString(), start, whole);
        at++;
        return new CelToken(CelTokenKind.Unsigned, text[start..at], start, whole);
    }

    private static CelToken Literal(string text, ref int at)
    {
        var start = at;
        var raw = text[at] is 'r' or 'R';
        if (raw) at++;
        var quote = text[at];
        var triple = text.AsSpan(at).StartsWith(new string(quote, 3));
        var closing = triple ? new string(quote, 3) : quote.ToString();
        at += closing.Length;
        var value = new StringBuilder();
        while (true)
        {
            if (at >= text.Length) throw new CelException($"unterminated string at {start}");
            if (text.AsSpan(at).StartsWith(closing))
            {
                at += closing.Length;
                return new CelToken(CelTokenKind.Text, text[start..at], start, value.ToString());
            }
            if (text[at] == '\\' && !raw) Escape(text, ref at, value);
            else value.Append(text[at++]);
        }
    }

    private static void Escape(string text, ref int at, StringBuilder value)
    {
        if (at + 1 >= text.Length) throw new CelException("unterminated string");
        var c = text[at + 1];
        at += 2;
        switch (c)
        {
            case 'n': value.Append('\n'); break;
            case 't': value.Append('\t'); break;
            case 'r': value.Append('\r'); break;
            case 'a': value.Append('\a'); break;
            case 'b': value.Append('\b'); break;
            case 'f': value.Append('\f'); break;
            case 'v': value.Append('\v'); break;
            case '\\' or '\'' or '"' or '`' or '?': value.Append(c); break;
            case 'x' or 'u' or 'U':
                var digits = c switch { 'x' => 2, 'u' => 4, _ => 8 };
                if (at + digits > text.Length || !int.TryParse(text.AsSpan(at, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
                    throw new CelException($"invalid escape at {at - 2}");
                value.Append(new Rune(code).ToString());
                at += digits;
                break;
            default: throw new CelException($"invalid escape \\{c} at {at - 2}");
        }
    }
}
