using System.Text;
using Shoal.Lua.Libraries;

namespace Shoal.Lua.Tests;

/// <summary>Runs scripts with all libraries and a `print` that collects.</summary>
internal sealed class Script
{
    private readonly StringBuilder _printed = new();

    public Script(LuaLimits? limits = null)
    {
        State = new LuaState(limits);
        StandardLibraries.Open(State);
        State.Register("print", (ref LuaCall call) =>
        {
            for (int i = 1; i <= call.Count; i++)
            {
                var text = call.Call(call.State.Globals[(LuaString)"tostring"].AsFunction()!, call[i])[0].AsString()!;
                _printed.Append(i > 1 ? "\t" : "").Append(Encoding.Latin1.GetString(text.Bytes));
            }
            _printed.Append('\n');
            return 0;
        });
    }

    public LuaState State { get; }

    public string Printed => _printed.ToString();

    /// <summary>Results joined with spaces.</summary>
    public static string Results(string source) => string.Join(' ', new Script().Run(source));

    /// <summary>The text of the error a source raises, at compile time or later.</summary>
    public static string Error(string source, LuaLimits? limits = null) => Assert.Throws<LuaError>(() => new Script(limits).Run(source)).Message;

    public LuaValue[] Run(string source, string chunk = "@user_script") => Run(Encoding.Latin1.GetBytes(source), chunk);

    public LuaValue[] Run(byte[] source, string chunk = "@user_script") => State.Call(State.Load(source, chunk));

    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Scripts", name);
}
