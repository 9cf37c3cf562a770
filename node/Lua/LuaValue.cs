// One Lua value in 16 bytes and without boxing: a reference and a double. The reference is null for nil, one of three marks for
// numbers and booleans, and the object itself for everything else. The marks are string literals because the runtime keeps literals
// in memory the collector never moves: comparing with one is comparing with a constant, and storing one needs no write barrier.
// No Lua value ever holds a System.String, so a mark cannot be mistaken for a value.
using System.Runtime.CompilerServices;

namespace Shoal.Lua;

/// <summary>A Lua value: nil, boolean, number, string (bytes), table, function, userdata or thread.</summary>
public struct LuaValue : IEquatable<LuaValue>
{
    internal object? Ref;
    internal double Num;

    internal static object NumberMark => "number";

    private static object TrueMark => "true";

    private static object FalseMark => "false";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private LuaValue(object? reference, double number)
    {
        Ref = reference;
        Num = number;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LuaValue(object? reference)
    {
        Ref = reference;
        Num = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LuaValue(double number)
    {
        Ref = NumberMark;
        Num = number;
    }

    public static LuaValue Nil => default;

    public static LuaValue True => new(TrueMark, 0);

    public static LuaValue False => new(FalseMark, 0);

    public readonly bool IsNil => Ref is null;

    public readonly bool IsNumber => ReferenceEquals(Ref, NumberMark);

    public readonly bool IsBoolean => ReferenceEquals(Ref, TrueMark) || ReferenceEquals(Ref, FalseMark);

    public readonly bool IsString => Ref is LuaString;

    public readonly bool IsTable => Ref is LuaTable;

    public readonly bool IsFunction => Ref is LuaFunction;

    /// <summary>What a condition sees: everything but nil and false.</summary>
    public readonly bool IsTruthy => Ref is not null && !ReferenceEquals(Ref, FalseMark);

    public readonly LuaType Type => Ref switch
    {
        null => LuaType.Nil,
        LuaString => LuaType.String,
        LuaTable => LuaType.Table,
        LuaFunction => LuaType.Function,
        string mark => ReferenceEquals(mark, NumberMark) ? LuaType.Number : LuaType.Boolean,
        Running.LuaThread => LuaType.Thread,
        _ => LuaType.Userdata,
    };

    /// <summary>The number of a number; 0 of anything else (no coercion: see <see cref="TryToNumber"/>).</summary>
    public readonly double AsNumber() => IsNumber ? Num : 0;

    /// <summary>The string of a string, else null (no coercion).</summary>
    public readonly LuaString? AsString() => Ref as LuaString;

    public readonly LuaTable? AsTable() => Ref as LuaTable;

    public readonly LuaFunction? AsFunction() => Ref as LuaFunction;

    public readonly LuaUserdata? AsUserdata() => Ref as LuaUserdata;

    /// <summary>A number, or a string that spells one, as arithmetic coerces it.</summary>
    public readonly bool TryToNumber(out double number)
    {
        if (IsNumber)
        {
            number = Num;
            return true;
        }
        if (Ref is LuaString s) return NumberText.TryParse(s.Bytes, out number);
        number = 0;
        return false;
    }

    /// <summary>A string, or a number as "%.14g" prints it; null for every other type.</summary>
    public readonly LuaString? ToLuaString() =>
        Ref as LuaString ?? (IsNumber ? NumberText.ToLuaString(Num) : null);

    /// <summary>Equality without metamethods (rawequal).</summary>
    public readonly bool Equals(LuaValue other)
    {
        if (ReferenceEquals(Ref, other.Ref)) return !IsNumber || Num == other.Num;
        return Ref is LuaString a && other.Ref is LuaString b && a.Equals(b);
    }

    public override readonly bool Equals(object? obj) => obj is LuaValue v && Equals(v);

    public override readonly int GetHashCode() => IsNumber ? Num.GetHashCode() : Ref?.GetHashCode() ?? 0;

    /// <summary>For people: strings as UTF-8 text, numbers as Lua prints them, objects by their type.</summary>
    public override readonly string ToString() => Ref switch
    {
        null => "nil",
        LuaString s => s.ToString(),
        string mark => ReferenceEquals(mark, NumberMark) ? NumberText.ToLuaString(Num).ToString() : mark,
        _ => LuaTypeNames.Of(Type),
    };

    public static bool operator ==(LuaValue a, LuaValue b) => a.Equals(b);

    public static bool operator !=(LuaValue a, LuaValue b) => !a.Equals(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator LuaValue(double number) => new(number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator LuaValue(bool truth) => truth ? True : False;

    public static implicit operator LuaValue(LuaString? s) => new((object?)s);

    public static implicit operator LuaValue(LuaTable? t) => new((object?)t);

    public static implicit operator LuaValue(LuaFunction? f) => new((object?)f);

    public static implicit operator LuaValue(LuaUserdata? u) => new((object?)u);

    /// <summary>A string value from UTF-8 bytes, for names and texts of the host; not counted by the memory meter.</summary>
    public static implicit operator LuaValue(ReadOnlySpan<byte> bytes) => new(new LuaString(bytes));
}
