// A Lua error travels as an exception: it crosses host functions and library loops, and the VM's frames are unwound by hand where
// `pcall` or the host catches it.
namespace Shoal.Lua;

/// <summary>An error raised by a script, a library or the compiler; its value is what `pcall` returns.</summary>
public sealed class LuaError : Exception
{
    public LuaError(LuaValue value) => Value = value;

    /// <summary>An error whose value is this text as it is; <see cref="LuaCall.Error"/> adds the position.</summary>
    public LuaError(string message) => Value = (LuaString)message;

    public LuaValue Value { get; }

    /// <summary>True for an error `pcall` must not catch (SCRIPT KILL, a deadline): it ends the whole run.</summary>
    public bool IsFatal { get; init; }

    /// <summary>The chunk name ("@user_script") of the Lua function that was running, or null when none was.</summary>
    public string? Chunk { get; internal set; }

    /// <summary>Its current line; 0 when unknown.</summary>
    public int Line { get; internal set; }

    internal bool IsLocated { get; set; }

    public override string Message => Value.Ref is LuaString or string ? Value.ToString() : $"(error object is a {Value} value)";
}
