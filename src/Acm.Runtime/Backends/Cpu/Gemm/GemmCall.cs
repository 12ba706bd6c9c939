using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// One matrix product: row blocks times panels of 32 columns. With <see cref="LearnerRows"/> it is a staircase: the rows of half a panel end where its
/// first column's learner has no more tokens.
/// </summary>
internal unsafe partial struct GemmCall
{
    private const int Half = GemmKernels.Columns / 2;

    // Fewer rows than this are not worth a tile of their own for half a panel.
    private const int FewestHalved = 4;

    public PackedMatrix[] Weights;
    public nint Stride;
    public Epilogue Epilogue;
    public int* LearnerRows;
    public int LearnerSize;

    /// <summary>Computes one block times neighbouring panels.</summary>
    /// <param name="block">The rows.</param>
    /// <param name="panel">The first panel.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="next">By 512 bits, the panel that this thread will read then, or any other place: it is asked for meanwhile.</param>
    /// <param name="alone">By 512 bits, whether no other block reads these panels.</param>
    /// <param name="room">[depth, 32] for a panel held as bfloat16, widened by 512 bits; else unused.</param>
    public readonly void Execute(in RowBlock block, int panel, int end, byte* next, bool alone, float* room)
    {
        if (Vector512.IsHardwareAccelerated)
            Panels(block, panel, end, next, alone, room);
        else
            ByShortRegisters(block, panel, end);
    }

    /// <summary>
    /// Computes blocks times neighbouring panels of deep weights, a part of all their sums at a time: its values of the rows stay in the second-level cache
    /// while the panels go by. The bits are those of <see cref="Execute"/>, for every sum goes on where it stopped.
    /// </summary>
    /// <param name="blocks">The blocks, of weights held as float32 and without a staircase.</param>
    /// <param name="panel">The first panel.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="next">Which panel this thread will read then.</param>
    /// <param name="terms">Terms of a part. A rest of less than a quarter of it is not worth one of its own.</param>
    /// <param name="sums">Room for the unfinished sums, [rows of all blocks, panels, 32].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void ExecuteInParts(ReadOnlySpan<RowBlock> blocks, int panel, int end, int next, int terms, float* sums)
    {
        nint pitch = (end - panel) * GemmKernels.Columns;
        bool left = true;
        for (int begin = 0; left; begin += terms)
        {
            left = false;
            for (int p = panel; p < end; p++)
            {
                var part = new SumPart { Begin = begin, Sums = sums + (p - panel) * GemmKernels.Columns, Pitch = pitch };
                foreach (ref readonly RowBlock block in blocks)
                {
                    PackedMatrix weight = Weights[block.Group];
                    int rest = block.Depth - begin;
                    part.IsLast = rest < terms + terms / 4;
                    part.End = part.IsLast ? block.Depth : begin + terms;
                    left |= !part.IsLast;
                    byte* ahead = p + 1 < end ? Lines(weight, p + 1, begin) : part.IsLast ? weight.Panel(next) : Lines(weight, panel, begin + terms);
                    if (begin == 0 || rest >= terms / 4)
                        Tall(block, weight, p, block.Rows, GemmKernels.Columns, ahead, alone: false, null, part);
                    part.Sums += block.Rows * pitch;
                }
            }
        }
    }

    // Lines of a float32 panel from a term on.
    private static byte* Lines(PackedMatrix weight, int panel, int term) => weight.Panel(panel) + (nint)term * PanelLayout.Strip * sizeof(float);

    // By 512 bits. Meanwhile each panel asks for the one after it, the last one for next.
    private readonly void Panels(in RowBlock block, int panel, int end, byte* next, bool alone, float* room)
    {
        PackedMatrix weight = Weights[block.Group];
        int few = GemmKernels.PairRows(weight.IsBFloat16);
        for (int taken = 1; panel < end; panel += taken)
        {
            int rows = RowsOf(block, panel * GemmKernels.Columns);
            taken = rows <= few && panel + 1 < end && RowsOf(block, (panel + 1) * GemmKernels.Columns) == rows ? 2 : 1;
            byte* ahead = panel + taken < end ? weight.Panel(panel + taken) : next;
            if (rows <= 0)
                continue;
            if (taken == 2)
                Two(block, weight, panel, rows, ahead);
            else
                Halves(block, weight, panel, rows, ahead, alone, room);
        }
    }

    // Whole lines for the rows that both halves of the panel have, half lines for the rest.
    private readonly void Halves(in RowBlock block, PackedMatrix weight, int panel, int rows, byte* ahead, bool alone, float* room)
    {
        int second = panel * GemmKernels.Columns + Half, both = second < weight.Columns ? Math.Max(RowsOf(block, second), 0) : 0;
        if (weight.IsBFloat16 || both > 0 && rows - both < FewestHalved)
            both = rows;
        if (both > 0)
            One(block, weight, panel, both, GemmKernels.Columns, ahead, alone, room);
        if (both < rows)
            One(block.Part(both, rows - both, Stride), weight, panel, rows - both, Half, weight.Panel(panel), alone, room);
    }

    private readonly void One(in RowBlock block, PackedMatrix weight, int panel, int rows, int width, byte* next, bool alone, float* room)
    {
        if (Vector512.IsHardwareAccelerated)
            Tall(block, weight, panel, rows, width, next, alone, room, SumPart.Whole(block.Depth));
        else
            Short(block, weight, panel, 1, rows, width, next, 0);
    }

    // The rows that a column has: a staircase ends where the column's learner has no more.
    private readonly int RowsOf(in RowBlock block, int column) =>
        LearnerRows == null ? block.Rows : Math.Min(block.Rows, LearnerRows[column / LearnerSize + 1] - block.Row);

    private static float* StartOf(float* bias, int column, int columns, int width, float* room)
    {
        if (bias == null)
            return GemmKernels.NoBias;
        if (columns == width)
            return bias + column;
        new Span<float>(room, width).Clear();
        new Span<float>(bias + column, columns).CopyTo(new Span<float>(room, width));
        return room;
    }

    /// <summary>Tiles that rows are cut into.</summary>
    public static int Tiles(int rows) => (rows + GemmKernels.TallRows - 1) / GemmKernels.TallRows;
}
