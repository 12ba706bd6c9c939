using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

internal unsafe partial struct GemmCall
{
    // Tiles that ask for what comes after a quarter each: what a tile of short registers has time for.
    private const int Asks = 4;

    // Below 512 bits: few rows at a time, over all panels. They stay in the first-level cache, and the panels in the second-level one.
    private readonly void ByShortRegisters(in RowBlock block, int panel, int end)
    {
        PackedMatrix weight = Weights[block.Group];
        nint quarter = weight.Depth / Asks * PackedMatrix.Line;
        for (int done = 0, tile = 0, tiles = Tiles(block.Rows), count; tile < tiles; tile++, done += count)
        {
            count = (block.Rows - done + tiles - tile - 1) / (tiles - tile);
            RowBlock rows = block.Part(done, count, Stride);
            // Alone, each panel's tile asks for the panel after it. Else the first tiles ask for a quarter each of the panels that come after, the others for the rows that do.
            if (tiles == 1)
                ShortPanels(rows, weight, panel, end, weight.Panel(panel + 1), weight.PanelBytes);
            else if (tile < Asks || rows.From != null)
                ShortPanels(rows, weight, panel, end, weight.Panel(end) + tile % Asks * quarter, weight.PanelBytes);
            else
                ShortPanels(rows, weight, panel, end, (byte*)(rows.A + count * Stride), quarter);
        }
    }

    // Each panel asks for what lies a step further.
    private readonly void ShortPanels(in RowBlock block, PackedMatrix weight, int panel, int end, byte* ask, nint step)
    {
        for (int alike; panel < end; panel += alike, ask += alike * step)
        {
            int rows = RowsOf(block, panel * GemmKernels.Columns);
            alike = Math.Max(1, Alike(block, weight, panel, end, rows));
            if (rows <= 0)
                continue;
            if (alike > 1)
                Short(block, weight, panel, alike, rows, GemmKernels.Columns, ask, step);
            else
                Halves(block, weight, panel, rows, ask, alone: false, null);
        }
    }

    // How many neighbouring panels have so many rows in all their columns.
    private readonly int Alike(in RowBlock block, PackedMatrix weight, int panel, int end, int rows)
    {
        end = Math.Min(end, weight.Columns / GemmKernels.Columns);
        if (LearnerRows == null)
            return end - panel;
        int first = panel;
        while (panel < end && RowsOf(block, panel * GemmKernels.Columns + Half) == rows)
            panel++;
        return panel - first;
    }

    // Neighbouring panels' tiles, or half a panel's.
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Short(in RowBlock block, PackedMatrix weight, int panel, int panels, int rows, int width, byte* ask, nint step)
    {
        int column = panel * GemmKernels.Columns, columns = Math.Min(width, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* tile = stackalloc float[GemmKernels.MostRows * GemmKernels.Columns], room = stackalloc float[GemmKernels.Columns];
        float* bias = block.Bias != null ? block.Bias : Epilogue.Bias;
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
            Bias = StartOf(bias, to, columns, GemmKernels.Columns, room),
            Ahead = ask,
        };
        if (direct)
            run.To = Epilogue.Place(block.Row, to, out run.C, out run.Add);
        for (; panels > 0; panels--, panel++, to += GemmKernels.Columns)
        {
            if (!direct)
                Epilogue.Announce(block.Row, rows, to);
            if (weight.IsBFloat16)
                _ = GemmKernels.MultiplyBFloat16(rows, run, null);
            else if (width == Half)
                GemmKernels.MultiplyHalf(rows, run);
            else
                GemmKernels.Multiply(rows, run);
            if (!direct)
                Epilogue.Store(tile, block.Row, rows, to, columns);
            if (direct && panel + 1 < weight.Panels)
                Epilogue.Announce(block.Row, rows, to + GemmKernels.Columns);
            run.B += weight.PanelBytes / sizeof(float);
            run.C += direct ? GemmKernels.Columns : 0;
            run.Add += run.Add == null ? 0 : GemmKernels.Columns;
            run.Bias += bias == null ? 0 : GemmKernels.Columns;
            run.Ahead += step;
        }
    }
}
