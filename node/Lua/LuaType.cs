namespace Shoal.Lua;

/// <summary>The types a Lua value can have. The numbers are those of Lua 5.1.</summary>
public enum LuaType
{
    Nil = 0,
    Boolean = 1,
    Number = 3,
    String = 4,
    Table = 5,
    Function = 6,
    Userdata = 7,
    Thread = 8,
}
