namespace Shoal.Lua.Libraries;

/// <summary>math.*, with Redis's deterministic generator behind random.</summary>
internal static class MathLibrary
{
    public static void Open(LuaState state)
    {
        var library = StandardLibraries.Register(state, "math",
            ("abs", static (ref LuaCall c) => c.Return(Math.Abs(c.CheckNumber(1)))),
            ("acos", static (ref LuaCall c) => c.Return(Math.Acos(c.CheckNumber(1)))),
            ("asin", static (ref LuaCall c) => c.Return(Math.Asin(c.CheckNumber(1)))),
            ("atan2", static (ref LuaCall c) => c.Return(Math.Atan2(c.CheckNumber(1), c.CheckNumber(2)))),
            ("atan", static (ref LuaCall c) => c.Return(Math.Atan(c.CheckNumber(1)))),
            ("ceil", static (ref LuaCall c) => c.Return(Math.Ceiling(c.CheckNumber(1)))),
            ("cosh", static (ref LuaCall c) => c.Return(Math.Cosh(c.CheckNumber(1)))),
            ("cos", static (ref LuaCall c) => c.Return(Math.Cos(c.CheckNumber(1)))),
            ("deg", static (ref LuaCall c) => c.Return(c.CheckNumber(1) / (Math.PI / 180))),
            ("exp", static (ref LuaCall c) => c.Return(Math.Exp(c.CheckNumber(1)))),
            ("floor", static (ref LuaCall c) => c.Return(Math.Floor(c.CheckNumber(1)))),
            ("fmod", Remainder),
            ("mod", Remainder),
            ("frexp", FractionAndExponent),
            ("ldexp", static (ref LuaCall c) => c.Return(Math.ScaleB(c.CheckNumber(1), c.CheckInt(2)))),
            ("log10", static (ref LuaCall c) => c.Return(Math.Log10(c.CheckNumber(1)))),
            ("log", static (ref LuaCall c) => c.Return(Math.Log(c.CheckNumber(1)))),
            ("max", static (ref LuaCall c) => Extreme(ref c, static (best, n) => n > best)),
            ("min", static (ref LuaCall c) => Extreme(ref c, static (best, n) => n < best)),
            ("modf", IntegerAndFraction),
            ("pow", static (ref LuaCall c) => c.Return(Math.Pow(c.CheckNumber(1), c.CheckNumber(2)))),
            ("rad", static (ref LuaCall c) => c.Return(c.CheckNumber(1) * (Math.PI / 180))),
            ("random", Random),
            ("randomseed", static (ref LuaCall c) =>
            {
                c.State.SeedRandom(c.CheckInt(1));
                return 0;
            }),
            ("sinh", static (ref LuaCall c) => c.Return(Math.Sinh(c.CheckNumber(1)))),
            ("sin", static (ref LuaCall c) => c.Return(Math.Sin(c.CheckNumber(1)))),
            ("sqrt", static (ref LuaCall c) => c.Return(Math.Sqrt(c.CheckNumber(1)))),
            ("tanh", static (ref LuaCall c) => c.Return(Math.Tanh(c.CheckNumber(1)))),
            ("tan", static (ref LuaCall c) => c.Return(Math.Tan(c.CheckNumber(1)))));
        library[(LuaString)"pi"] = Math.PI;
        library[(LuaString)"huge"] = double.PositiveInfinity;
    }

    private static int Remainder(ref LuaCall call) => call.Return(call.CheckNumber(1) % call.CheckNumber(2));

    private static int Extreme(ref LuaCall call, Func<double, double, bool> isBetter)
    {
        double best = call.CheckNumber(1);
        for (int i = 2; i <= call.Count; i++)
        {
            double n = call.CheckNumber(i);
            if (isBetter(best, n)) best = n;
        }
        return call.Return(best);
    }

    private static int IntegerAndFraction(ref LuaCall call)
    {
        double n = call.CheckNumber(1), whole = Math.Truncate(n);
        return call.Return(whole, double.IsInfinity(n) ? Math.CopySign(0, n) : n - whole);
    }

    private static int FractionAndExponent(ref LuaCall call)
    {
        double n = call.CheckNumber(1);
        if (n == 0 || !double.IsFinite(n)) return call.Return(n, 0);
        int exponent = Math.ILogB(n) + 1;
        return call.Return(Math.ScaleB(n, -exponent), exponent);
    }

    private static int Random(ref LuaCall call)
    {
        // As math_random of Redis: the modulus keeps 1 out although the generator ends at its maximum.
        double r = call.State.Random.Next() % RandomSource.Max / (double)RandomSource.Max;
        switch (call.Count)
        {
            case 0:
                return call.Return(r);
            case 1:
                int upper = call.CheckInt(1);
                if (upper < 1) throw call.ArgumentError(1, "interval is empty");
                return call.Return(Math.Floor(r * upper) + 1);
            case 2:
                int from = call.CheckInt(1), to = call.CheckInt(2);
                if (from > to) throw call.ArgumentError(2, "interval is empty");
                return call.Return(Math.Floor(r * ((double)to - from + 1)) + from);
            default:
                throw call.Error("wrong number of arguments");
        }
    }
}
