using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

internal unsafe partial struct GemmCall
{
    // Most tiles whose sums wait for their activation together, in the first-level cache.
    private const int MostWaiting = 4;

    // By 512 bits: tall tiles of one panel, those of one height together.
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Tall(in RowBlock block, PackedMatrix weight, int panel, int rows, int width, byte* next, bool alone, float* room, in SumPart part)
    {
        int column = panel * GemmKernels.Columns, columns = Math.Min(width, weight.Columns - column), to = block.Group * weight.Columns + column;
        float* waiting = stackalloc float[MostWaiting * GemmKernels.MostRows * GemmKernels.Columns], bias = stackalloc float[GemmKernels.Columns];
        bool direct = Epilogue.IsDirect && columns == GemmKernels.Columns && part.IsLast, waits = part.IsLast && !direct, another = panel + 1 < weight.Panels;
        // A residual that lies elsewhere is asked for between tiles.
        bool together = width == GemmKernels.Columns && !weight.IsBFloat16 && (!direct || Epilogue.IsInPlace);
        TileRun run = new()
        {
            Stride = Stride,
            B = (float*)Lines(weight, panel, part.Begin),
            Depth = part.End - part.Begin,
            Pitch = direct ? Epilogue.OutStride : waits ? GemmKernels.Columns : part.Pitch,
            Bias = StartOf(block.Bias != null ? block.Bias : Epilogue.Bias, to, columns, GemmKernels.Columns, bias),
            BiasPitch = part.Begin > 0 ? part.Pitch : 0,
            // Where these rows will be stored to by the next panel: rows lie too far apart for the processor's own guesses.
            Soon = together && direct && another ? GemmKernels.Columns : 0,
        };
        int tiles = Asking.TilesOf(rows, alone, weight.IsBFloat16);
        Asking asking = new(ref run, tiles, rows, next, alone, weight.IsBFloat16, askForRows: part.Begin == 0 && part.IsLast && block.From == null);
        float* widened = null;
        // Tiles of even height: no thin one at the end, which would wait for its few sums.
        for (int done = 0, height; tiles > 0; tiles -= run.Tiles, done += run.Tiles * height)
        {
            int rest = rows - done, row = block.Row + done;
            height = (rest + tiles - 1) / tiles;
            run.Tiles = !together ? 1 : rest % tiles == 0 ? tiles : rest % tiles;
            if (waits)
                run.Tiles = Math.Min(run.Tiles, MostWaiting);
            run.A = block.FirstOf(done, Stride) + part.Begin;
            run.From = block.RowsFrom(done);
            (run.NextA, run.NextRows) = (height * Stride, height);
            asking.Assign(ref run);
            if (part.Begin > 0)
                run.Bias = part.Sums + done * part.Pitch;
            if (direct)
            {
                run.To = Epilogue.Place(row, to, out run.C, out run.Add);
                (run.NextC, run.NextPlaces) = Epilogue.OutRows == null ? (height * run.Pitch, 0) : (0, height);
            }
            else
            {
                run.C = waits ? waiting : part.Sums + done * part.Pitch;
                run.NextC = height * run.Pitch;
                if (waits)
                    Epilogue.Announce(row, run.Tiles * height, to);
            }
            if (width == Half)
                GemmKernels.MultiplyHalf(height, run);
            else if (!weight.IsBFloat16)
                GemmKernels.Multiply(height, run);
            else if (widened != null)
                GemmKernels.Multiply(height, run with { B = widened });
            else if (GemmKernels.MultiplyBFloat16(height, run, room))
                widened = room;
            if (waits)
                Epilogue.Store(waiting, row, run.Tiles * height, to, columns);
            if (direct && another && !together)
                Epilogue.Announce(row, height, to + GemmKernels.Columns);
        }
    }
}
