namespace Shoal.Lua.Compiling;

/// <summary>
/// Operations. R is a register of the frame, K a constant of the prototype, U an upvalue. Comparisons carry their jump: each has a form
/// that jumps when it holds and one that jumps when it does not, because with NaN the second is not the first with operands swapped.
/// </summary>
internal enum Op
{
    /// <summary>R[A] = R[B]</summary>
    Move,

    /// <summary>R[A] = K[C]</summary>
    LoadConstant,

    /// <summary>R[A] .. R[A+B] = nil</summary>
    LoadNil,

    /// <summary>R[A] = B != 0</summary>
    LoadBoolean,

    /// <summary>R[A] = U[B]</summary>
    GetUpvalue,

    /// <summary>U[B] = R[A]</summary>
    SetUpvalue,

    /// <summary>R[A] = a new cell with R[A] in it</summary>
    NewCell,

    /// <summary>R[A] = the content of cell R[B]</summary>
    GetCell,

    /// <summary>content of cell R[A] = R[B]</summary>
    SetCell,

    /// <summary>R[A] = environment[K[C]]</summary>
    GetGlobal,

    /// <summary>environment[K[C]] = R[A]</summary>
    SetGlobal,

    /// <summary>R[A] = R[B][R[C]]</summary>
    GetTable,

    /// <summary>R[A] = R[B][K[C]], a string</summary>
    GetField,

    /// <summary>R[A] = R[B][C], C the integer itself</summary>
    GetInteger,

    /// <summary>R[A][R[B]] = R[C]</summary>
    SetTable,

    /// <summary>R[A][K[C]] = R[B], a string</summary>
    SetField,

    /// <summary>R[A][C] = R[B], C the integer itself</summary>
    SetInteger,

    /// <summary>R[A] = a table with room for B list and C other fields</summary>
    NewTable,

    /// <summary>R[A+1] = R[B]; R[A] = R[B][K[C]]</summary>
    Self,

    /// <summary>R[A] = R[B] + R[C], and so on</summary>
    Add, Subtract, Multiply, Divide, Modulo, Power,

    /// <summary>R[A] = R[B] + K[C], and so on; K is a number</summary>
    AddConstant, SubtractConstant, MultiplyConstant, DivideConstant, ModuloConstant, PowerConstant,

    /// <summary>R[A] = -R[B], not R[B], #R[B]</summary>
    Negate, Not, Length,

    /// <summary>R[A] = R[B] .. ... .. R[C]</summary>
    Concat,

    /// <summary>to C</summary>
    Jump,

    /// <summary>back to C, counting a step</summary>
    Loop,

    /// <summary>to C if R[A] is true (is not)</summary>
    JumpIf, JumpIfNot,

    /// <summary>to C if R[A] == R[B] (is not); the K forms compare with K[B]</summary>
    JumpEqual, JumpNotEqual, JumpEqualConstant, JumpNotEqualConstant,

    /// <summary>to C if R[A] &lt; R[B], R[A] &lt;= R[B] (is not)</summary>
    JumpLess, JumpNotLess, JumpLessOrEqual, JumpNotLessOrEqual,

    /// <summary>to C if R[A] &lt; K[B], and so on; K is a number</summary>
    JumpLessConstant, JumpNotLessConstant, JumpLessOrEqualConstant, JumpNotLessOrEqualConstant,

    /// <summary>to C if K[B] &lt; R[A], and so on</summary>
    JumpGreaterConstant, JumpNotGreaterConstant, JumpGreaterOrEqualConstant, JumpNotGreaterOrEqualConstant,

    /// <summary>R[A] ... = R[A](R[A+1] ...): B - 1 arguments (B 0: up to the top), C - 1 results (C 0: all, up to the top)</summary>
    Call,

    /// <summary>return R[A](R[A+1] ...) if it is a Lua function, which takes over the frame; else a Call of all results, and a Return follows</summary>
    TailCall,

    /// <summary>return R[A] ...: B - 1 values (B 0: up to the top)</summary>
    Return,

    /// <summary>check R[A], R[A+1], R[A+2]; to C if the loop has no turn, else R[A+3] = R[A]</summary>
    ForPrepare,

    /// <summary>R[A] += R[A+2]; if in range, R[A+3] = R[A] and to C</summary>
    ForLoop,

    /// <summary>R[A+3] .. R[A+2+B] = R[A](R[A+1], R[A+2])</summary>
    IteratorCall,

    /// <summary>if R[A+3] is not nil, R[A+2] = R[A+3] and to C</summary>
    IteratorLoop,

    /// <summary>R[A][C+i] = R[A+i] for i in 1..B (B 0: up to the top)</summary>
    SetList,

    /// <summary>R[A] = a closure of function C</summary>
    Closure,

    /// <summary>R[A] ... = the extra arguments: B - 1 of them (B 0: all, up to the top)</summary>
    Varargs,
}
