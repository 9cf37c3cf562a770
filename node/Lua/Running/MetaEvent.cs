namespace Shoal.Lua.Running;

/// <summary>Metamethods.</summary>
internal enum MetaEvent
{
    Index, NewIndex, Add, Sub, Mul, Div, Mod, Pow, Unm, Len, Concat, Eq, Lt, Le, Call, ToString, Metatable,
}

/// <summary>Their names, and how a value's is found.</summary>
internal static class MetaEvents
{
    private static readonly LuaString[] Names =
    [
        "__index", "__newindex", "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__len", "__concat", "__eq", "__lt",
        "__le", "__call", "__tostring", "__metatable",
    ];

    public static LuaTable? MetatableOf(LuaState state, in LuaValue value) => value.Ref switch
    {
        LuaTable t => t.Metatable,
        LuaString => state.StringMetatable,
        LuaUserdata u => u.Metatable,
        _ => null,
    };

    public static LuaValue Of(LuaState state, in LuaValue value, MetaEvent e) => Of(MetatableOf(state, value), e);

    /// <summary>The handler in a metatable, nil if there is none; absence is remembered by the table until it changes.</summary>
    public static LuaValue Of(LuaTable? metatable, MetaEvent e)
    {
        if (metatable is null || metatable.LacksEvent((int)e)) return default;
        var handler = metatable.Get(Names[(int)e]);
        if (handler.IsNil) metatable.NoteAbsentEvent((int)e);
        return handler;
    }
}
