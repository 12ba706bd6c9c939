namespace Acm.Simulator.Counters;

/// <summary>What an instruction is counted as.</summary>
internal enum InstructionClass : byte
{
    /// <summary>Not an instruction (a place where lanes meet again).</summary>
    None,
    Integer, Logic, Float, Double, Half, Convert, Move, Compare, SpecialFunction,
    LoadGlobal, StoreGlobal, LoadShared, StoreShared, LoadLocal, StoreLocal, LoadConstant,
    Atomic, AsyncCopy, MatrixMove, MatrixMultiply, WarpCollective, Barrier, Fence, Control, Other,
    Count,
}
