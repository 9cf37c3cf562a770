// cjson as lua-cjson 2.1 has it: functions, settings with their ranges, texts. Each module (`cjson.new()` makes another) has settings of
// its own.
using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>cjson.*</summary>
internal static class CJsonLibrary
{
    private static readonly LuaString[] OffOn = ["off", "on"], OffOnNull = ["off", "on", "null"];

    public static void Open(LuaState state) => state.Globals[(LuaString)"cjson"] = MakeModule(state);

    private static LuaTable MakeModule(LuaState state)
    {
        var settings = new JsonSettings();
        var module = new LuaTable(state);
        void Add(string name, LuaHostFunction function) => module[(LuaString)name] = new LuaFunction(name, function);

        Add("encode", (ref LuaCall call) =>
        {
            if (call.Count != 1) throw call.ArgumentError(1, "expected 1 argument");
            return call.Return(new JsonEncoder(call.Thread, settings).Encode(call[1]));
        });
        Add("decode", (ref LuaCall call) =>
        {
            if (call.Count != 1) throw call.ArgumentError(1, "expected 1 argument");
            return call.Return(new JsonDecoder(call.Thread, settings, call.CheckString(1).Bytes).Decode());
        });
        Add("encode_sparse_array", (ref LuaCall call) => SparseArray(ref call, settings));
        Add("encode_max_depth", (ref LuaCall call) =>
            call.Return(settings.EncodeMaxDepth = Integer(ref call, 1, settings.EncodeMaxDepth, 1, int.MaxValue, 1)));
        Add("decode_max_depth", (ref LuaCall call) =>
            call.Return(settings.DecodeMaxDepth = Integer(ref call, 1, settings.DecodeMaxDepth, 1, int.MaxValue, 1)));
        Add("encode_number_precision", (ref LuaCall call) =>
            call.Return(settings.NumberPrecision = Integer(ref call, 1, settings.NumberPrecision, 1, 14, 1)));
        Add("encode_keep_buffer", (ref LuaCall call) =>
            call.Return((settings.KeepBuffer = Option(ref call, settings.KeepBuffer ? 1 : 0, OffOn) == 1)));
        Add("encode_invalid_numbers", (ref LuaCall call) =>
        {
            settings.EncodeInvalidNumbers = Option(ref call, settings.EncodeInvalidNumbers, OffOnNull);
            return call.Return(settings.EncodeInvalidNumbers == JsonSettings.AsNull
                ? (LuaValue)OffOnNull[JsonSettings.AsNull] : settings.EncodeInvalidNumbers == 1);
        });
        Add("decode_invalid_numbers", (ref LuaCall call) =>
            call.Return((settings.DecodeInvalidNumbers = Option(ref call, settings.DecodeInvalidNumbers ? 1 : 0, OffOn) == 1)));
        Add("decode_array_with_array_mt", (ref LuaCall call) =>
            call.Return((settings.MarkArrays = Option(ref call, settings.MarkArrays ? 1 : 0, OffOn) == 1)));
        Add("new", static (ref LuaCall call) => call.Return(MakeModule(call.State)));
        module[(LuaString)"null"] = LuaUserdata.Null;
        module[(LuaString)"_NAME"] = (LuaString)"cjson";
        module[(LuaString)"_VERSION"] = (LuaString)"2.1.0";
        return module;
    }

    private static int SparseArray(ref LuaCall call, JsonSettings settings)
    {
        if (call.Count > 3) throw call.ArgumentError(4, "found too many arguments");
        settings.ConvertSparse = Option(ref call, settings.ConvertSparse ? 1 : 0, OffOn, 3) == 1;
        settings.SparseRatio = Integer(ref call, 2, settings.SparseRatio, 0, int.MaxValue, 3);
        settings.SparseSafe = Integer(ref call, 3, settings.SparseSafe, 0, int.MaxValue, 3);
        call.Push(settings.ConvertSparse);
        return 1 + call.Return(settings.SparseRatio, settings.SparseSafe);
    }

    private static int Integer(ref LuaCall call, int number, int current, int least, int most, int mostArguments)
    {
        if (call.Count > mostArguments) throw call.ArgumentError(mostArguments + 1, "found too many arguments");
        if (call.IsNoneOrNil(number)) return current;
        long value = call.CheckLong(number);
        return value >= least && value <= most ? (int)value : throw call.ArgumentError(number, $"expected integer between {least} and {most}");
    }

    private static int Option(ref LuaCall call, int current, LuaString[] names, int mostArguments = 1)
    {
        if (call.Count > mostArguments) throw call.ArgumentError(mostArguments + 1, "found too many arguments");
        if (call.IsNoneOrNil(1)) return current;
        if (call[1].IsBoolean) return call[1].IsTruthy ? 1 : 0;
        var given = call.CheckString(1);
        int index = Array.FindIndex(names, n => n.Equals(given));
        return index >= 0 ? index : throw call.ArgumentError(1, $"invalid option '{given}'");
    }
}

/// <summary>Settings of one cjson module; the defaults are those of lua-cjson.</summary>
internal sealed class JsonSettings
{
    /// <summary><see cref="EncodeInvalidNumbers"/>: NaN and infinity become null.</summary>
    public const int AsNull = 2;

    /// <summary>The metatable of decoded arrays when <see cref="MarkArrays"/> is on.</summary>
    public LuaTable ArrayMetatable { get; } = new((MemoryMeter?)null, 0, 0);

    public bool ConvertSparse { get; set; }

    public int SparseRatio { get; set; } = 2;

    public int SparseSafe { get; set; } = 10;

    public int EncodeMaxDepth { get; set; } = 1000;

    public int DecodeMaxDepth { get; set; } = 1000;

    public int NumberPrecision { get; set; } = 14;

    /// <summary>Kept for its value only: there is no buffer between two calls.</summary>
    public bool KeepBuffer { get; set; } = true;

    /// <summary>0 refuses NaN and infinity, 1 writes them, 2 writes null.</summary>
    public int EncodeInvalidNumbers { get; set; }

    public bool DecodeInvalidNumbers { get; set; } = true;

    public bool MarkArrays { get; set; }
}
