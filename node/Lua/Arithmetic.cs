using Shoal.Lua.Syntax;

namespace Shoal.Lua;

/// <summary>Arithmetic on doubles as Lua 5.1 defines it.</summary>
internal static class Arithmetic
{
    public static double Compute(BinaryOperator operation, double a, double b) => operation switch
    {
        BinaryOperator.Add => a + b,
        BinaryOperator.Subtract => a - b,
        BinaryOperator.Multiply => a * b,
        BinaryOperator.Divide => a / b,
        BinaryOperator.Modulo => Modulo(a, b),
        BinaryOperator.Power => Math.Pow(a, b),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    /// <summary>a - floor(a / b) * b: the result has the sign of b.</summary>
    public static double Modulo(double a, double b) => a - Math.Floor(a / b) * b;
}
