using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

internal unsafe partial struct GemmCall
{
    // By 512 bits: few rows, two panels at once.
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
}
