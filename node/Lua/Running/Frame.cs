namespace Shoal.Lua.Running;

/// <summary>What a frame stands for.</summary>
internal enum FrameKind : byte
{
    /// <summary>A Lua function; the function itself lies at Func, its registers from Base on.</summary>
    Lua,

    /// <summary>A host function that runs right now.</summary>
    Host,

    /// <summary>Where the host called in: the run ends when control comes back here.</summary>
    Entry,

    /// <summary>A pcall whose function runs above it.</summary>
    Protected,

    /// <summary>An xpcall; the handler lies at Func.</summary>
    ProtectedWithHandler,
}

/// <summary>One call in progress; plain numbers, so that pushing one touches no reference.</summary>
internal struct Frame
{
    public int Func;
    public int Base;
    public int Pc;

    /// <summary>Results the caller takes, -1 for all.</summary>
    public int Wanted;

    public int TailCalls;
    public FrameKind Kind;

    public readonly bool IsProtected => Kind >= FrameKind.Protected;
}
