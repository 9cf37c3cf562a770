using System.Buffers.Text;
using static System.Runtime.CompilerServices.RuntimeHelpers;
using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>Lua values to JSON text.</summary>
internal readonly struct JsonEncoder(LuaThread thread, JsonSettings settings)
{
    private readonly ByteBuffer _json = new(thread.State);

    /// <exception cref="LuaError">"Cannot serialise function: type not supported" and the like.</exception>
    public LuaString Encode(in LuaValue value)
    {
        Append(value, 0);
        return _json.ToLuaString();
    }

    private LuaError Error(string message) => CallSite.RuntimeErrorAt(thread, 1, message);

    private LuaError Error(in LuaValue value, string reason) => Error($"Cannot serialise {LuaTypeNames.Of(value.Type)}: {reason}");

    private void Append(in LuaValue value, int depth)
    {
        thread.State.Tick();
        switch (value.Ref)
        {
            case null:
                _json.Append("null"u8);
                break;
            case LuaString s:
                AppendString(s.Bytes);
                break;
            case LuaTable table:
                AppendTable(value, table, depth + 1);
                break;
            case LuaUserdata u when ReferenceEquals(u, LuaUserdata.Null):
                _json.Append("null"u8);
                break;
            case string when value.IsNumber:
                AppendNumber(value);
                break;
            case string:
                _json.Append(value.IsTruthy ? "true"u8 : "false"u8);
                break;
            default:
                throw Error(value, "type not supported");
        }
    }

    private void AppendTable(in LuaValue value, LuaTable table, int depth)
    {
        if (depth > settings.EncodeMaxDepth || !TryEnsureSufficientExecutionStack())
            throw Error($"Cannot serialise, excessive nesting ({depth})");
        int length = ArrayLength(value, table);
        if (length > 0 || (length == 0 && ReferenceEquals(table.Metatable, settings.ArrayMetatable))) AppendArray(table, length, depth);
        else AppendObject(table, depth);
    }

    /// <summary>The largest index if all keys are positive integers and the array is not too sparse, else -1.</summary>
    private int ArrayLength(in LuaValue value, LuaTable table)
    {
        double most = 0;
        int items = 0;
        for (int at = 0; table.NextFrom(ref at, out var key, out _);)
        {
            if (!key.IsNumber || key.Num < 1 || Math.Floor(key.Num) != key.Num) return -1;
            most = Math.Max(most, key.Num);
            items++;
        }
        if (settings.SparseRatio > 0 && most > (double)items * settings.SparseRatio && most > settings.SparseSafe)
            return settings.ConvertSparse ? -1 : throw Error(value, "excessively sparse array");
        return (int)Math.Min(most, int.MaxValue);
    }

    private void AppendArray(LuaTable table, int length, int depth)
    {
        _json.Append((byte)'[');
        for (int i = 1; i <= length; i++)
        {
            if (i > 1) _json.Append((byte)',');
            Append(table[i], depth);
        }
        _json.Append((byte)']');
    }

    private void AppendObject(LuaTable table, int depth)
    {
        _json.Append((byte)'{');
        bool first = true;
        for (int at = 0; table.NextFrom(ref at, out var key, out var value);)
        {
            if (!first) _json.Append((byte)',');
            first = false;
            if (key.IsNumber)
            {
                _json.Append((byte)'"');
                AppendNumber(key);
                _json.Append("\":"u8);
            }
            else if (key.Ref is LuaString name)
            {
                AppendString(name.Bytes);
                _json.Append((byte)':');
            }
            else
            {
                throw Error(key, "table key must be a number or string");
            }
            Append(value, depth);
        }
        _json.Append((byte)'}');
    }

    private void AppendNumber(in LuaValue value)
    {
        double number = value.Num;
        if (!double.IsFinite(number))
        {
            if (settings.EncodeInvalidNumbers == 0) throw Error(value, "must not be NaN or Inf");
            if (settings.EncodeInvalidNumbers == JsonSettings.AsNull)
            {
                _json.Append("null"u8);
                return;
            }
            if (double.IsNaN(number))
            {
                _json.Append("nan"u8);
                return;
            }
        }
        Span<byte> text = stackalloc byte[NumberText.MaxLength];
        _json.Append(text[..NumberText.WriteGeneral(number, settings.NumberPrecision, text)]);
    }

    private void AppendString(ReadOnlySpan<byte> text)
    {
        _json.Append((byte)'"');
        foreach (byte b in text)
        {
            switch (b)
            {
                case (byte)'"':
                    _json.Append("\\\""u8);
                    break;
                case (byte)'\\':
                    _json.Append("\\\\"u8);
                    break;
                case (byte)'/':
                    _json.Append("\\/"u8);
                    break;
                case 8:
                    _json.Append("\\b"u8);
                    break;
                case 9:
                    _json.Append("\\t"u8);
                    break;
                case 10:
                    _json.Append("\\n"u8);
                    break;
                case 12:
                    _json.Append("\\f"u8);
                    break;
                case 13:
                    _json.Append("\\r"u8);
                    break;
                case < 32 or 127:
                    _json.Append("\\u00"u8);
                    Utf8Formatter.TryFormat(b, _json.Take(2), out _, new System.Buffers.StandardFormat('x', 2));
                    break;
                default:
                    _json.Append(b);
                    break;
            }
        }
        _json.Append((byte)'"');
    }
}
