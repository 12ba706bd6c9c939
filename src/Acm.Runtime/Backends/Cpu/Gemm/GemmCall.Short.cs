using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

internal unsafe partial struct GemmCall
{
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
}
