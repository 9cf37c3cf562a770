using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>table.*</summary>
internal static class TableLibrary
{
    public static void Open(LuaState state) => StandardLibraries.Register(state, "table",
        ("concat", Concat),
        ("foreach", ForEach),
        ("foreachi", ForEachI),
        ("getn", static (ref LuaCall call) => call.Return(call.CheckTable(1).Length)),
        ("maxn", MaxN),
        ("insert", Insert),
        ("remove", Remove),
        ("setn", static (ref LuaCall call) =>
        {
            call.CheckTable(1);
            throw call.Error("'setn' is obsolete");
        }),
        ("sort", Sort));

    private static int Concat(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        var separator = call.OptionalString(2) ?? LuaString.Empty;
        int from = call.OptionalInt(3, 1);
        int to = call.IsNoneOrNil(4) ? table.Length : call.CheckInt(4);
        var buffer = new ByteBuffer(call.State);
        for (long i = from; i <= to; i++)
        {
            call.State.Tick();
            var value = table[(int)i];
            if (value.Ref is LuaString s) buffer.Append(s.Bytes);
            else if (value.IsNumber) buffer.Drop(NumberText.MaxLength - NumberText.Write(value.Num, buffer.Take(NumberText.MaxLength)));
            else throw call.Error($"invalid value ({LuaTypeNames.Of(value.Type)}) at index {i} in table for 'concat'");
            if (i != to) buffer.Append(separator.Bytes);
        }
        return call.Return(buffer.ToLuaString());
    }

    private static int ForEach(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        var function = call.CheckFunction(2);
        for (var key = default(LuaValue); table.Next(ref key, out var value);)
        {
            call.State.Tick();
            var result = call.Thread.CallValue(function, key, value);
            if (!result.IsNil) return call.Return(result);
        }
        return 0;
    }

    private static int ForEachI(ref LuaCall call)
    {
        var table = call.CheckTable(1);
        int length = table.Length;
        var function = call.CheckFunction(2);
        for (int i = 1; i <= length; i++)
        {
            call.State.Tick();
            var result = call.Thread.CallValue(function, i, table[i]);
            if (!result.IsNil) return call.Return(result);
        }
        return 0;
    }

    private static int MaxN(ref LuaCall call)
    {
        double most = 0;
        var table = call.CheckTable(1);
        for (int at = 0; table.NextFrom(ref at, out var key, out _);)
            if (key.IsNumber && key.Num > most) most = key.Num;
        return call.Return(most);
    }

    private static int Insert(ref LuaCall call)
    {
        call.CheckTable(1);
        var table = call.CheckWritableTable(1);
        int end = table.Length + 1;
        switch (call.Count)
        {
            case 2:
                table[end] = call[2];
                return 0;
            case 3:
                int position = call.CheckInt(2);
                if (position > end) end = position;
                for (int i = end; i > position; i--)
                {
                    if ((i & 63) == 0) call.State.Tick();
                    table[i] = table[i - 1];
                }
                table[position] = call[3];
                return 0;
            default:
                throw call.Error("wrong number of arguments to 'insert'");
        }
    }

    private static int Remove(ref LuaCall call)
    {
        call.CheckTable(1);
        var table = call.CheckWritableTable(1);
        int end = table.Length, position = call.OptionalInt(2, end);
        if (position < 1 || position > end) return 0;
        var removed = table[position];
        if (end - position > 64) call.State.Tick((end - position) / 64);
        for (int i = position; i < end; i++) table[i] = table[i + 1];
        table[end] = default;
        return call.Return(removed);
    }

    private static int Sort(ref LuaCall call)
    {
        call.CheckTable(1);
        var table = call.CheckWritableTable(1);
        if (!call.IsNoneOrNil(2)) call.CheckFunction(2);
        new TableSort(call.Thread, table, call[2]).Run(table.Length);
        return 0;
    }
}
