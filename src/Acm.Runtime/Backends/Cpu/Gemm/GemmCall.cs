using System.Runtime.CompilerServices;
namespace Acm.Runtime.Backends.Cpu;

/// <summary>Neighbouring rows of a product that share their depth.</summary>
internal unsafe struct RowBlock
{
    /// <summary>First row's values; row r lies r * stride further.</summary>
    public float* A;

    /// <summary>Index of the first row, which the epilogue's maps and outputs start from.</summary>
    public int Row;
    public int Rows;

    /// <summary>Terms of the sums: the weight's depth, or fewer.</summary>
    public int Depth;

    /// <summary>Which of the call's weights.</summary>
    public int Group;

    /// <summary>Bias of these rows in place of the epilogue's, or null.</summary>
    public float* Bias;
}

/// <summary>
/// One matrix product: row blocks times panels of 32 columns, every pair a task. With <see cref="LearnerRows"/> it is a staircase: a
/// panel's rows end where its first column's learner has no more tokens.
/// </summary>
internal unsafe struct GemmCall
{
    public PackedMatrix[] Weights;
    public nint Stride;
    public Epilogue Epilogue;
    public int* LearnerRows;
    public int LearnerSize;

    /// <summary>Computes one block times one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Execute(in RowBlock block, int panel)
    {
        PackedMatrix weight = Weights[block.Group];
        int column = panel * GemmKernels.Columns, rows = block.Rows;
        if (LearnerRows != null)
            rows = Math.Min(rows, LearnerRows[column / LearnerSize + 1] - block.Row);
        int columns = Math.Min(GemmKernels.Columns, weight.Columns - column);
        Epilogue epilogue = Epilogue;
        if (block.Bias != null)
            epilogue.Bias = block.Bias;
        float* tile = stackalloc float[GemmKernels.MostRows * GemmKernels.Columns];
        float* b = weight.Panel(panel);
        for (int done = 0; done < rows;)
        {
            int count = GemmKernels.Multiply(block.A + done * Stride, Stride, rows - done, b, block.Depth, tile);
            epilogue.Store(tile, block.Row + done, count, block.Group * weight.Columns + column, columns);
            done += count;
        }
    }
}
