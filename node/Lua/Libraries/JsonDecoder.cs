using static System.Runtime.CompilerServices.RuntimeHelpers;
using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>JSON text to Lua values.</summary>
internal ref struct JsonDecoder
{
    private readonly LuaThread _thread;
    private readonly JsonSettings _settings;
    private JsonScanner _scanner;
    private int _depth;

    public JsonDecoder(LuaThread thread, JsonSettings settings, ReadOnlySpan<byte> text)
    {
        _thread = thread;
        _settings = settings;
        _scanner = new JsonScanner(thread.State, settings, text);
        if (text.Length >= 2 && (text[0] == 0 || text[1] == 0)) throw Error("JSON parser does not support UTF-16 or UTF-32");
    }

    /// <exception cref="LuaError">"Expected value but found invalid token at character 1" and the like.</exception>
    public LuaValue Decode()
    {
        _scanner.Next();
        var value = Value();
        _scanner.Next();
        if (_scanner.Kind != JsonToken.End) throw Unexpected("the end");
        return value;
    }

    private readonly LuaError Error(string message) => CallSite.RuntimeErrorAt(_thread, 1, message);

    private readonly LuaError Unexpected(string expected) =>
        Error($"Expected {expected} but found {_scanner.Found} at character {_scanner.Index + 1}");

    private LuaValue Value()
    {
        switch (_scanner.Kind)
        {
            case JsonToken.String or JsonToken.Number or JsonToken.Boolean:
                return _scanner.Value;
            case JsonToken.Null:
                return LuaUserdata.Null;
            case JsonToken.ObjectBegin:
                return Object();
            case JsonToken.ArrayBegin:
                return Array();
            default:
                throw Unexpected("value");
        }
    }

    private void Descend()
    {
        if (++_depth > _settings.DecodeMaxDepth || !TryEnsureSufficientExecutionStack())
            throw Error($"Found too many nested data structures ({_depth}) at character {_scanner.Position}");
    }

    private LuaTable Object()
    {
        Descend();
        var table = new LuaTable(_thread.State);
        _scanner.Next();
        if (_scanner.Kind != JsonToken.ObjectEnd)
        {
            while (true)
            {
                if (_scanner.Kind != JsonToken.String) throw Unexpected("object key string");
                var key = _scanner.Value;
                _scanner.Next();
                if (_scanner.Kind != JsonToken.Colon) throw Unexpected("colon");
                _scanner.Next();
                table[key] = Value();
                _scanner.Next();
                if (_scanner.Kind == JsonToken.ObjectEnd) break;
                if (_scanner.Kind != JsonToken.Comma) throw Unexpected("comma or object end");
                _scanner.Next();
            }
        }
        _depth--;
        return table;
    }

    private LuaTable Array()
    {
        Descend();
        var table = new LuaTable(_thread.State);
        if (_settings.MarkArrays) table.Metatable = _settings.ArrayMetatable;
        _scanner.Next();
        if (_scanner.Kind != JsonToken.ArrayEnd)
        {
            for (int i = 1; ; i++)
            {
                table[i] = Value();
                _scanner.Next();
                if (_scanner.Kind == JsonToken.ArrayEnd) break;
                if (_scanner.Kind != JsonToken.Comma) throw Unexpected("comma or array end");
                _scanner.Next();
            }
        }
        _depth--;
        return table;
    }
}
