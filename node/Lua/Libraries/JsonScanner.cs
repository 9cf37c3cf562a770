// Tokens of JSON with the extensions of lua-cjson: hexadecimal numbers, nan and inf (unless switched off), control characters inside
// strings. The text ends at its first zero byte outside a string, as the C library's does.
using System.Text;

namespace Shoal.Lua.Libraries;

internal enum JsonToken
{
    ObjectBegin, ObjectEnd, ArrayBegin, ArrayEnd, String, Number, Boolean, Null, Colon, Comma, End, Error,
}

/// <summary>The scanner of a JSON text.</summary>
internal ref struct JsonScanner(LuaState state, JsonSettings settings, ReadOnlySpan<byte> text)
{
    private static readonly string[] Names =
    [
        "T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END",
    ];

    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;
    private string _error = "";

    public JsonToken Kind { get; private set; }

    public LuaValue Value { get; private set; }

    /// <summary>Where the token, or the error in it, is.</summary>
    public int Index { get; private set; }

    /// <summary>What an error text calls the current token.</summary>
    public readonly string Found => Kind == JsonToken.Error ? _error : Names[(int)Kind];

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _at;

    public void Next()
    {
        state.Tick();
        while (_at < _text.Length && _text[_at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') _at++;
        Index = _at;
        byte b = _at < _text.Length ? _text[_at] : (byte)0;
        switch (b)
        {
            case 0:
                Kind = JsonToken.End;
                break;
            case (byte)'{':
                One(JsonToken.ObjectBegin);
                break;
            case (byte)'}':
                One(JsonToken.ObjectEnd);
                break;
            case (byte)'[':
                One(JsonToken.ArrayBegin);
                break;
            case (byte)']':
                One(JsonToken.ArrayEnd);
                break;
            case (byte)',':
                One(JsonToken.Comma);
                break;
            case (byte)':':
                One(JsonToken.Colon);
                break;
            case (byte)'"':
                ReadString();
                break;
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9'):
                if (!settings.DecodeInvalidNumbers && IsInvalidNumber()) Fail("invalid number");
                else ReadNumber();
                break;
            default:
                ReadWord();
                break;
        }
    }

    private void One(JsonToken kind)
    {
        Kind = kind;
        _at++;
    }

    private void Fail(string error)
    {
        Kind = JsonToken.Error;
        Index = _at;
        _error = error;
    }

    private void ReadWord()
    {
        var rest = _text[_at..];
        if (rest.StartsWith("true"u8)) Word(JsonToken.Boolean, true, 4);
        else if (rest.StartsWith("false"u8)) Word(JsonToken.Boolean, false, 5);
        else if (rest.StartsWith("null"u8)) Word(JsonToken.Null, default, 4);
        else if (settings.DecodeInvalidNumbers && IsInvalidNumber()) ReadNumber();
        else Fail("invalid token");
    }

    private void Word(JsonToken kind, LuaValue value, int length)
    {
        Kind = kind;
        Value = value;
        _at += length;
    }

    /// <summary>True for numbers C reads and JSON does not have: +1, 0x1f, 012, inf, nan.</summary>
    private readonly bool IsInvalidNumber()
    {
        int p = _at;
        if (_text[p] == '+') return true;
        if (_text[p] == '-') p++;
        byte b = p < _text.Length ? _text[p] : (byte)0, next = p + 1 < _text.Length ? _text[p + 1] : (byte)0;
        if (b == '0') return (next | 0x20) == 'x' || char.IsAsciiDigit((char)next);
        if (char.IsAsciiDigit((char)b)) return false;
        var rest = _text[p..];
        return rest.Length >= 3 && (Ascii.EqualsIgnoreCase(rest[..3], "inf"u8) || Ascii.EqualsIgnoreCase(rest[..3], "nan"u8));
    }

    private void ReadNumber()
    {
        int used = NumberText.ReadPrefix(_text[_at..], out double number);
        if (used == 0)
        {
            Fail("invalid number");
            return;
        }
        Word(JsonToken.Number, number, used);
    }

    private void ReadString()
    {
        _at++;
        int plain = _text[_at..].IndexOfAny((byte)'"', (byte)'\\');
        if (plain >= 0 && _text[_at + plain] == '"')
        {
            Word(JsonToken.String, state.NewString(_text.Slice(_at, plain)), plain + 1);
            return;
        }
        var buffer = new ByteBuffer(state);
        while (true)
        {
            if (_at >= _text.Length)
            {
                Fail("unexpected end of string");
                return;
            }
            byte b = _text[_at];
            if (b == '"')
            {
                Word(JsonToken.String, buffer.ToLuaString(), 1);
                return;
            }
            if (b != '\\')
            {
                buffer.Append(b);
                _at++;
            }
            else if (!ReadEscape(buffer))
            {
                return;
            }
        }
    }

    private bool ReadEscape(ByteBuffer buffer)
    {
        byte b = _at + 1 < _text.Length ? _text[_at + 1] : (byte)0;
        if (b == 'u')
        {
            if (ReadUnicode(buffer)) return true;
            Fail("invalid unicode escape code");
            return false;
        }
        byte meaning = b switch
        {
            (byte)'"' or (byte)'\\' or (byte)'/' => b,
            (byte)'b' => 8,
            (byte)'f' => 12,
            (byte)'n' => 10,
            (byte)'r' => 13,
            (byte)'t' => 9,
            _ => 0,
        };
        if (meaning == 0)
        {
            Fail("invalid escape code");
            return false;
        }
        buffer.Append(meaning);
        _at += 2;
        return true;
    }

    /// <summary>Reads \uXXXX, and the second half of a surrogate pair behind it, as UTF-8.</summary>
    private bool ReadUnicode(ByteBuffer buffer)
    {
        int code = ReadHex(_at + 2), length = 6;
        if (code < 0) return false;
        if ((code & 0xF800) == 0xD800)
        {
            if ((code & 0x400) != 0) return false;   // a low half comes second only
            if (_at + 7 >= _text.Length || _text[_at + 6] != '\\' || _text[_at + 7] != 'u') return false;
            int low = ReadHex(_at + 8);
            if ((low & 0xFC00) != 0xDC00 || low < 0) return false;
            code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
            length = 12;
        }
        Span<byte> utf8 = stackalloc byte[4];
        int n = new Rune(code).EncodeToUtf8(utf8);
        buffer.Append(utf8[..n]);
        _at += length;
        return true;
    }

    private readonly int ReadHex(int at)
    {
        if (at + 4 > _text.Length) return -1;
        int code = 0;
        for (int i = 0; i < 4; i++)
        {
            int d = HexNumber.Digit(_text[at + i]);
            if (d < 0) return -1;
            code = (code << 4) | d;
        }
        return code;
    }
}
