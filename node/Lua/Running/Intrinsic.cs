namespace Shoal.Lua.Running;

/// <summary>Functions the VM runs itself because they need frames, not the host's stack.</summary>
internal enum Intrinsic : byte
{
    None,
    ProtectedCall,
    ProtectedCallWithHandler,
    Yield,
    Next,
}
