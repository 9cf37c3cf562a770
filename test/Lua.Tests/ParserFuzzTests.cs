using System.Text;

namespace Shoal.Lua.Tests;

/// <summary>Random bytes, random tokens and damaged scripts: they run, or they raise a LuaError, and nothing else.</summary>
public class ParserFuzzTests
{
    private static readonly string[] Tokens =
    [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "repeat",
        "return", "then", "true", "until", "while", "+", "-", "*", "/", "%", "^", "#", "==", "~=", "<=", ">=", "<", ">", "=", "(", ")",
        "{", "}", "[", "]", ";", ":", ",", ".", "..", "...", "a", "b", "t", "f", "1", "0x1F", "'s'", "[[l]]", "--c\n", "\n", "3e", "\"",
    ];

    [Fact]
    public void Random_bytes() => Fuzz(20000, random =>
    {
        var bytes = new byte[random.Next(40)];
        random.NextBytes(bytes);
        return bytes;
    });

    [Fact]
    public void Random_tokens() => Fuzz(30000, random =>
        Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, random.Next(1, 30)).Select(_ => Tokens[random.Next(Tokens.Length)]))));

    [Fact]
    public void Damaged_scripts()
    {
        var whole = File.ReadAllBytes(Script.PathOf("language.lua"));
        Fuzz(2000, random =>
        {
            int from = random.Next(whole.Length - 400);
            var piece = whole.AsSpan(from, random.Next(400)).ToArray();
            for (int i = 0; i < 3 && piece.Length > 0; i++) piece[random.Next(piece.Length)] = (byte)random.Next(32, 127);
            return piece;
        });
    }

    private static void Fuzz(int rounds, Func<Random, byte[]> make)
    {
        var random = new Random(20260101);
        var script = new Script(new LuaLimits(MaxMemoryBytes: 8 << 20));
        int ticks = 0;
        script.State.Interrupt = _ =>
        {
            if (++ticks > 3) throw new LuaError("too long") { IsFatal = true };
        };
        for (int i = 0; i < rounds; i++)
        {
            ticks = 0;
            var source = make(random);
            try { script.Run(source, "=fuzz"); }
            catch (LuaError) { /* the expected outcome of most */ }
            catch (Exception e) { Assert.Fail($"{e}\n{Encoding.Latin1.GetString(source)}"); }
        }
    }
}
