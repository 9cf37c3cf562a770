namespace Shoal.Lua.Compiling;

/// <summary>
/// Sizes of table constructors as Lua 5.1 keeps them in an instruction: a float with three bits of mantissa, rounded up. The rounding
/// shows in where tables grow, and so in the order of `pairs`.
/// </summary>
internal static class SizeHint
{
    public static int Round(int size)
    {
        int exponent = 0;
        while (size >= 16)
        {
            size = (size + 1) >> 1;
            exponent++;
        }
        return size << exponent;
    }
}
