using Acm.Simulator.Counters;

namespace Acm.Simulator.Execution;

/// <summary>
/// One decoded instruction. Operands are byte offsets into the frame of registers: a 32-bit register is 32 contiguous words, a
/// 64-bit register 32 contiguous 64-bit words, a predicate one word with a bit for each lane. Constants and special registers are registers too.
/// </summary>
internal unsafe struct Instruction
{
    /// <summary>Carries it out for the lanes of the mask; never called with none.</summary>
    public delegate*<Warp, Instruction*, uint, void> Run;

    /// <summary>Offset of the guard predicate, or -1.</summary>
    public int Guard;

    /// <summary>All ones for a negated guard.</summary>
    public uint GuardFlip;

    public int D, A, B, C, E;

    /// <summary>First of <see cref="Count"/> entries in <see cref="Code.Extra"/>.</summary>
    public int Extra;

    /// <summary>Immediate offset or constant.</summary>
    public long Imm;

    public int Count;

    /// <summary>Number of the statement, for messages; and of its checking rules.</summary>
    public int Site;

    /// <summary>Small options whose meaning belongs to <see cref="Run"/>.</summary>
    public int Mode, Mode2;

    public InstructionClass Class;

    public byte Space, ElementBytes;

    public byte Flags;
}
