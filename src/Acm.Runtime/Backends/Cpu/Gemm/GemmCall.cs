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
/// One matrix product: row blocks times panels of 32 columns. With <see cref="LearnerRows"/> it is a staircase: a panel's rows end where its
/// first column's learner has no more tokens.
/// </summary>
internal unsafe struct GemmCall
{
    public PackedMatrix[] Weights;
    public nint Stride;
    public Epilogue Epilogue;
    public int* LearnerRows;
    public int LearnerSize;

    /// <summary>Computes one block times one panel.</summary>
    /// <param name="block">The rows.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="next">The panel that this thread will read next, or any other place: it is asked for meanwhile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public readonly void Execute(in RowBlock block, int panel, float* next)
    {
        PackedMatrix weight = Weights[block.Group];
        int column = panel * GemmKernels.Columns, rows = block.Rows, depth = block.Depth;
        if (LearnerRows != null)
            rows = Math.Min(rows, LearnerRows[column / LearnerSize + 1] - block.Row);
        int columns = Math.Min(GemmKernels.Columns, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* tile = stackalloc float[GemmKernels.MostRows * GemmKernels.Columns], bias = stackalloc float[GemmKernels.Columns], b = weight.Panel(panel);
        float* begin = StartOf(block.Bias != null ? block.Bias : Epilogue.Bias, to, columns, bias);
        bool direct = Epilogue.IsPlain && columns == GemmKernels.Columns;
        // Tiles of even height: no thin one at the end, which would wait for its few sums.
        for (int done = 0, tiles = Tiles(rows); tiles > 0; tiles--)
        {
            int count = (rows - done + tiles - 1) / tiles, row = block.Row + done;
            float* a = block.A + done * Stride;
            if (direct)
                GemmKernels.Multiply(count, a, Stride, b, depth, Epilogue.Out + row * Epilogue.OutStride + to, Epilogue.OutStride, begin, next);
            else
            {
                Epilogue.Announce(row, count, to);
                GemmKernels.Multiply(count, a, Stride, b, depth, tile, GemmKernels.Columns, begin, next);
                Epilogue.Store(tile, row, count, to, columns);
            }
            // A tile asks for half a panel: the first two have it all.
            if (done == 0)
                next += (nint)depth * (GemmKernels.Columns / 2);
            done += count;
        }
    }

    private static float* StartOf(float* bias, int column, int columns, float* room)
    {
        if (bias == null)
            return GemmKernels.NoBias;
        if (columns == GemmKernels.Columns)
            return bias + column;
        new Span<float>(room, GemmKernels.Columns).Clear();
        new Span<float>(bias + column, columns).CopyTo(new Span<float>(room, columns));
        return room;
    }

    /// <summary>Tiles that rows are cut into.</summary>
    public static int Tiles(int rows) => (rows + GemmKernels.MostRows - 1) / GemmKernels.MostRows;
}
