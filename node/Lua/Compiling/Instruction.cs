// One instruction in 64 bits: operation (8), A (8, a register), B (16, a register, count or constant), C (32, a register, constant or
// jump target). Wide enough that constants and jumps never need a second form.
using System.Runtime.CompilerServices;

namespace Shoal.Lua.Compiling;

/// <summary>An instruction of the VM.</summary>
internal readonly struct Instruction(Op op, int a, int b = 0, int c = 0)
{
    private readonly ulong _bits = (byte)op | ((ulong)(byte)a << 8) | ((ulong)(ushort)b << 16) | ((ulong)(uint)c << 32);

    public const int MaxB = ushort.MaxValue;

    public Op Op
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Op)(byte)_bits;
    }

    public int A
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (byte)(_bits >> 8);
    }

    public int B
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (ushort)(_bits >> 16);
    }

    public int C
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (int)(_bits >> 32);
    }

    public Instruction WithTarget(int target) => new(Op, A, B, target);
}
