namespace Acm.Runtime.Backends.Cpu;

/// <summary>Some of the terms of a block's sums, where a deep product takes a part of them at a time.</summary>
internal unsafe struct SumPart
{
    /// <summary>The first term: those before it are in <see cref="Sums"/> already.</summary>
    public int Begin;

    /// <summary>One past the last.</summary>
    public int End;

    /// <summary>Whether no part follows. If one does, these sums go to <see cref="Sums"/>.</summary>
    public bool IsLast;

    /// <summary>The block's unfinished sums, row 0 at the panel's first column.</summary>
    public float* Sums;

    /// <summary>From one row of them to the next.</summary>
    public nint Pitch;

    /// <summary>All terms.</summary>
    public static SumPart Whole(int depth) => new() { End = depth, IsLast = true };
}
