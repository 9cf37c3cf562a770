using Shoal.Lua.Running;

namespace Shoal.Lua.Compiling;

/// <summary>Where a closure takes an upvalue from when it is made.</summary>
/// <param name="FromRegister">True: the cell in this register of the enclosing function; false: its upvalue of this index.</param>
internal readonly record struct UpvalueSource(bool FromRegister, int Index);

/// <summary>A compiled function, shared by all its closures.</summary>
internal sealed class Prototype
{
    public required string Chunk { get; init; }

    /// <summary>The chunk's name as errors show it.</summary>
    public required string ShownChunk { get; init; }

    public required Instruction[] Code { get; init; }

    public required int[] Lines { get; init; }

    public required LuaValue[] Constants { get; init; }

    public required Prototype[] Functions { get; init; }

    public required UpvalueSource[] Upvalues { get; init; }

    public required OperandNames Names { get; init; }

    public required int Parameters { get; init; }

    public required int FrameSize { get; init; }

    public required bool IsVararg { get; init; }

    /// <summary>A vararg function that never says `...` gets its extra arguments as the table `arg` (Lua 5.0's way, kept by 5.1).</summary>
    public required bool NeedsArgTable { get; init; }

    public required int LineDefined { get; init; }
}
