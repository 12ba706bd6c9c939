using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

/// <summary>
/// One matrix product: row blocks times panels of 32 columns. With <see cref="LearnerRows"/> it is a staircase: the rows of half a panel end where its
/// first column's learner has no more tokens.
/// </summary>
internal unsafe struct GemmCall
{
    private const int Half = GemmKernels.Columns / 2;

    // Tiles of fewer rows, alone on their panel, wait for memory rather than for sums.
    private const int FewRows = 12;

    // Most tiles that share the asking for a panel. More of them ask for less each: a core waits for only so many lines at once, its tile's own among them.
    private const int MostAsking = 8;

    // Tiles that ask for what comes after a quarter each, of short registers: what such a tile has time for.
    private const int Asks = 4;

    // Most tiles whose sums wait for their activation together, in the first-level cache.
    private const int MostWaiting = 4;

    // Fewer rows than this are not worth a tile of their own for half a panel.
    private const int FewestHalved = 4;

    // Still fewer have no time to ask for two lines a step: where the weight lies in a cache, they would wait for that.
    private const int FewestAsked = 8;

    // Two tiles' rows, this panel and the next fit in a second-level cache of 1 MB up to here, and are better fetched as they are read beyond.
    private const int DeepestAsked = 1024;

    public PackedMatrix[] Weights;
    public nint Stride;
    public Epilogue Epilogue;
    public int* LearnerRows;
    public int LearnerSize;

    /// <summary>Computes one block times neighbouring panels.</summary>
    /// <param name="block">The rows.</param>
    /// <param name="panel">The first panel.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="next">The panel that this thread will read then, or any other place: it is asked for meanwhile.</param>
    /// <param name="alone">Whether no other block reads these panels.</param>
    /// <param name="room">[depth, 32] for a panel held as bfloat16, widened; else unused.</param>
    public readonly void Execute(in RowBlock block, int panel, int end, byte* next, bool alone, float* room)
    {
        if (Vector512.IsHardwareAccelerated || block.Rows <= GemmKernels.TallRows)
        {
            Panels(block, panel, end, null, 0, next, alone, room);
            return;
        }
        // Few rows at a time, over all panels: they stay in the first-level cache, and the panels in the second-level one.
        PackedMatrix weight = Weights[block.Group];
        nint quarter = weight.Depth / Asks * PackedMatrix.Line;
        for (int done = 0, tile = 0, tiles = Tiles(block.Rows), count; tile < tiles; tile++, done += count)
        {
            count = (block.Rows - done + tiles - tile - 1) / (tiles - tile);
            RowBlock rows = block.Part(done, count, Stride);
            // The first tiles ask for a quarter each of the panels that come after, the others for the rows that do.
            if (tile < Asks || rows.From != null)
                Panels(rows, panel, end, weight.Panel(end) + tile % Asks * quarter, weight.PanelBytes, next, alone, room);
            else
                Panels(rows, panel, end, (byte*)(rows.A + count * Stride), quarter, next, alone, room);
        }
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

    // Meanwhile each panel asks for what lies a step further from one place on; null: for the panel after it, the last one for next.
    private readonly void Panels(in RowBlock block, int panel, int end, byte* ask, nint step, byte* next, bool alone, float* room)
    {
        PackedMatrix weight = Weights[block.Group];
        int few = GemmKernels.PairRows(weight.IsBFloat16);
        for (int taken = 1; panel < end; panel += taken)
        {
            int rows = RowsOf(block, panel * GemmKernels.Columns);
            taken = rows <= few && panel + 1 < end && RowsOf(block, (panel + 1) * GemmKernels.Columns) == rows ? 2 : 1;
            byte* ahead = ask != null ? ask : panel + taken < end ? weight.Panel(panel + taken) : next;
            ask += ask != null ? step : 0;
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
            Short(block, weight, panel, rows, width, next);
    }

    // The rows that a column has: a staircase ends where the column's learner has no more.
    private readonly int RowsOf(in RowBlock block, int column) =>
        LearnerRows == null ? block.Rows : Math.Min(block.Rows, LearnerRows[column / LearnerSize + 1] - block.Row);

    // By short registers: one tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Short(in RowBlock block, PackedMatrix weight, int panel, int rows, int width, byte* next)
    {
        int column = panel * GemmKernels.Columns, columns = Math.Min(width, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* tile = stackalloc float[GemmKernels.MostRows * GemmKernels.Columns], bias = stackalloc float[GemmKernels.Columns];
        bool direct = Epilogue.IsDirect && columns == GemmKernels.Columns;
        TileRun run = new()
        {
            A = block.FirstOf(0, Stride),
            From = block.RowsFrom(0),
            Stride = Stride,
            B = (float*)weight.Panel(panel),
            Apart = (nint)weight.Depth * PanelLayout.Strip,
            Depth = block.Depth,
            C = tile,
            Pitch = direct ? Epilogue.OutStride : GemmKernels.Columns,
            Bias = StartOf(block.Bias != null ? block.Bias : Epilogue.Bias, to, columns, GemmKernels.Columns, bias),
            Ahead = next,
        };
        if (direct)
            run.To = Epilogue.Place(block.Row, to, out run.C, out run.Add);
        else
            Epilogue.Announce(block.Row, rows, to);
        if (weight.IsBFloat16)
            _ = GemmKernels.MultiplyBFloat16(rows, run, null);
        else if (width == Half)
            GemmKernels.MultiplyHalf(rows, run);
        else
            GemmKernels.Multiply(rows, run);
        if (!direct)
            Epilogue.Store(tile, block.Row, rows, to, columns);
        else if (panel + 1 < weight.Panels)
            Epilogue.Announce(block.Row, rows, to + GemmKernels.Columns);
    }

    // By 512 bits: tall tiles, those of one height together.
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Tall(in RowBlock block, PackedMatrix weight, int panel, int rows, int width, byte* next, bool alone, float* room, in SumPart part)
    {
        int column = panel * GemmKernels.Columns, depth = part.End - part.Begin;
        int columns = Math.Min(width, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* tile = stackalloc float[MostWaiting * GemmKernels.MostRows * GemmKernels.Columns], bias = stackalloc float[GemmKernels.Columns];
        float* widened = null;
        bool direct = Epilogue.IsDirect && columns == GemmKernels.Columns && part.IsLast, whole = part.Begin == 0 && part.IsLast, another = panel + 1 < weight.Panels;
        TileRun run = new()
        {
            Stride = Stride,
            B = (float*)Lines(weight, panel, part.Begin),
            Depth = depth,
            C = tile,
            Pitch = direct ? Epilogue.OutStride : part.IsLast ? GemmKernels.Columns : part.Pitch,
            Bias = StartOf(block.Bias != null ? block.Bias : Epilogue.Bias, to, columns, GemmKernels.Columns, bias),
            BiasPitch = part.Begin > 0 ? part.Pitch : 0,
        };
        // A residual that lies elsewhere is asked for between tiles.
        bool together = width == GemmKernels.Columns && !weight.IsBFloat16 && (!direct || Epilogue.IsInPlace);
        // Where these rows will be stored to by the next panel: rows lie too far apart for the processor's own guesses.
        run.Soon = together && direct && another ? GemmKernels.Columns : 0;
        int tiles = Tiles(rows);
        // One tall tile has time to ask for half of the next panel; two, for half of it each.
        if (tiles == 1 && alone && rows >= FewRows && !weight.IsBFloat16)
            tiles = 2;
        // A product of one short tile asks for both halves of the next panel at once; else the processor's own guesses fetch more than half a panel does.
        if (tiles == 1 && rows < FewRows && !weight.IsBFloat16)
        {
            if (alone && rows >= FewestAsked)
                run.Beyond = (nint)depth * PackedMatrix.Line;
            else
                next = (byte*)run.B;
        }
        int asking = weight.IsBFloat16 ? 1 : Math.Clamp(tiles, 2, MostAsking);
        run.Pace = (weight.IsBFloat16 ? 1 : 2) * PackedMatrix.Line / asking;
        // Tiles of even height: no thin one at the end, which would wait for its few sums.
        for (int done = 0; tiles > 0; tiles -= run.Tiles)
        {
            int rest = rows - done, height = (rest + tiles - 1) / tiles, row = block.Row + done;
            run.Tiles = !together ? 1 : rest % tiles == 0 ? tiles : rest % tiles;
            if (!direct && part.IsLast)
                run.Tiles = Math.Min(run.Tiles, MostWaiting);
            run.A = block.FirstOf(done, Stride) + part.Begin;
            run.From = block.RowsFrom(done);
            (run.NextA, run.NextRows) = (height * Stride, height);
            // The first tiles ask for the next panel, the others for the rows of the tile after them, where those lie in one piece.
            if (asking > 0)
            {
                run.Tiles = Math.Min(run.Tiles, asking);
                run.Ahead = next;
                run.NextAhead = depth * run.Pace;
                next += run.Tiles * run.NextAhead;
                asking -= run.Tiles;
            }
            else
            {
                bool inOrder = depth <= DeepestAsked && whole && block.From == null;
                run.Ahead = (byte*)(inOrder ? run.A + run.NextA : run.B);
                run.NextAhead = inOrder ? run.NextA * sizeof(float) : 0;
                run.Pace = PackedMatrix.Line;
            }
            if (part.Begin > 0)
                run.Bias = part.Sums + done * part.Pitch;
            if (!part.IsLast)
            {
                run.C = part.Sums + done * part.Pitch;
                run.NextC = height * part.Pitch;
            }
            else if (direct)
            {
                run.To = Epilogue.Place(row, to, out run.C, out run.Add);
                (run.NextC, run.NextPlaces) = Epilogue.OutRows == null ? (height * run.Pitch, 0) : (0, height);
            }
            else
            {
                run.NextC = height * GemmKernels.Columns;
                Epilogue.Announce(row, run.Tiles * height, to);
            }
            if (width == Half)
                GemmKernels.MultiplyHalf(height, run);
            else if (!weight.IsBFloat16)
                GemmKernels.Multiply(height, run);
            else if (widened == null && GemmKernels.MultiplyBFloat16(height, run, room))
                widened = room;
            else if (widened != null)
                GemmKernels.Multiply(height, run with { B = widened });
            if (!direct && part.IsLast)
                Epilogue.Store(tile, row, run.Tiles * height, to, columns);
            if (direct && another && !together)
                Epilogue.Announce(row, height, to + GemmKernels.Columns);
            done += run.Tiles * height;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Two(in RowBlock block, PackedMatrix weight, int panel, int rows, byte* next)
    {
        const int wide = 2 * GemmKernels.Columns;
        int column = panel * GemmKernels.Columns;
        int columns = Math.Min(wide, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* tile = stackalloc float[GemmKernels.MostRows * wide], bias = stackalloc float[wide];
        float* begin = StartOf(block.Bias != null ? block.Bias : Epilogue.Bias, to, columns, wide, bias);
        bool direct = Epilogue.IsDirect && columns == wide;
        int* places = GemmKernels.InOrder;
        nint pitch = direct ? Epilogue.OutStride : GemmKernels.Columns, beside = direct ? GemmKernels.Columns : rows * GemmKernels.Columns;
        float* c = tile, add = null;
        if (direct)
            places = Epilogue.Place(block.Row, to, out c, out add);
        else
        {
            Epilogue.Announce(block.Row, rows, to);
            Epilogue.Announce(block.Row, rows, to + GemmKernels.Columns);
        }
        byte* b = weight.Panel(panel);
        if (weight.IsBFloat16)
            GemmKernels.WideBFloat16Pair(rows, block.A, block.RowsFrom(0), Stride, (uint*)b, weight.PanelBytes / sizeof(uint), block.Depth, c, places, pitch, beside, add, begin, next);
        else
            GemmKernels.WidePair(rows, block.A, block.RowsFrom(0), Stride, (float*)b, weight.PanelBytes / sizeof(float), block.Depth, c, places, pitch, beside, add, begin);
        if (direct)
            return;
        Epilogue.Store(tile, block.Row, rows, to, GemmKernels.Columns);
        Epilogue.Store(tile + beside, block.Row, rows, to + GemmKernels.Columns, columns - GemmKernels.Columns);
    }

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
