namespace Acm.Runtime.Backends.Cpu;

/// <summary>Neighbouring rows of a product that share their depth.</summary>
internal unsafe struct RowBlock
{
    /// <summary>Row 0's values, the next a stride further: the block's first, unless <see cref="From"/> says which are its.</summary>
    public float* A;

    /// <summary>Which row each of the block's is, [Rows]; null: they lie one after the other.</summary>
    public int* From;

    /// <summary>Index of the first row, which the epilogue's maps and outputs start from.</summary>
    public int Row;
    public int Rows;

    /// <summary>Terms of the sums: the weight's depth, or fewer.</summary>
    public int Depth;

    /// <summary>Which of the call's weights.</summary>
    public int Group;

    /// <summary>Bias of these rows in place of the epilogue's, or null.</summary>
    public float* Bias;

    /// <summary>Some of its rows.</summary>
    public readonly RowBlock Part(int first, int rows, nint stride) => this with
    {
        A = FirstOf(first, stride),
        From = From == null ? null : From + first,
        Row = Row + first,
        Rows = rows,
    };

    /// <summary>Row 0 of a tile that begins at a row of the block, for <see cref="RowsFrom"/>.</summary>
    public readonly float* FirstOf(int row, nint stride) => From == null ? A + row * stride : A;

    /// <summary>The rows of a tile that begins at a row of the block.</summary>
    public readonly int* RowsFrom(int row) => From == null ? GemmKernels.InOrder : From + row;
}
