using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Register tiles: <c>c[r, 0..31] = bias[0..31] + sum_k a[r, k] * b[k, 0..31] (+ add[r, 0..31])</c>, each sum in one accumulator over ascending k, by fused
/// multiply-adds: the bits of an element depend neither on how many rows its tile has nor on the instruction set, as long as that has fused
/// multiply-adds (a program compiled ahead of time for a processor without them multiplies and adds).
/// </summary>
internal static unsafe partial class GemmKernels
{
    /// <summary>Most rows of a tile.</summary>
    public const int MostRows = 14;

    /// <summary>Most rows that the registers hold at once; a taller tile is several after all.</summary>
    public static int TallRows => Vector512.IsHardwareAccelerated ? MostRows : Vector256.IsHardwareAccelerated ? 6 : 4;

    /// <summary>Fewest rows of a tile that leaves a widened panel behind.</summary>
    public const int KeepingRows = 10;

    /// <summary>Columns of a tile and of a panel.</summary>
    public const int Columns = 32;

    /// <summary>The bias of products without one, of two panels.</summary>
    public static readonly float* NoBias = Zeros();

    /// <summary>Rows one after the other, [<see cref="MostRows"/>]: 0, 1, 2...</summary>
    public static readonly int* InOrder = Ascending();

    /// <summary>Most rows of a tile over two panels at once; 0 where there is none.</summary>
    /// <param name="bfloat16">Whether the weights are held as bfloat16: to be widened, they are worth sharing among more rows.</param>
    public static int PairRows(bool bfloat16) => !Vector512.IsHardwareAccelerated ? 0 : bfloat16 ? 6 : 3;

    /// <summary>Computes tiles of 1 to <see cref="MostRows"/> rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(int rows, in TileRun run)
    {
        if (Vector512.IsHardwareAccelerated && run.From == InOrder)
            WideInOrder(rows, run);
        else if (Vector512.IsHardwareAccelerated)
            Wide(rows, run);
        else if (Vector256.IsHardwareAccelerated)
            Narrow(rows, run.A, run.From, run.Stride, run.B, run.Apart, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias, run.Ahead);
        else
            Slim(rows, run.A, run.From, run.Stride, run.B, run.Apart, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias);
    }

    /// <summary>Computes the first half of a tile's columns, and asks for nothing meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyHalf(int rows, in TileRun run)
    {
        if (Vector512.IsHardwareAccelerated)
            WideHalf(rows, run.A, run.From, run.Stride, run.B, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias);
        else if (Vector256.IsHardwareAccelerated)
            Narrow(rows, run.A, run.From, run.Stride, run.B, run.Apart, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias, (byte*)run.B, Columns / 2);
        else
            Slim(rows, run.A, run.From, run.Stride, run.B, run.Apart, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias, Columns / 2);
    }

    /// <summary>Computes one tile of a panel held as bfloat16: widened on its way into the sums, so the bits are those of a panel of float32.</summary>
    /// <returns>Whether it left the widened panel in <paramref name="keep"/>, [depth, 32]: tall tiles do so free of charge.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MultiplyBFloat16(int rows, in TileRun run, float* keep)
    {
        uint* b = (uint*)run.B;
        if (Vector512.IsHardwareAccelerated)
            WideBFloat16(rows, run.A, run.From, run.Stride, b, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias, run.Ahead, keep);
        else if (Vector256.IsHardwareAccelerated)
            NarrowBFloat16(rows, run.A, run.From, run.Stride, b, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias);
        else
            SlimBFloat16(rows, run.A, run.From, run.Stride, b, run.Depth, run.C, run.To, run.Pitch, run.Add, run.Bias);
        return Vector512.IsHardwareAccelerated && rows >= KeepingRows;
    }

    /// <summary>Computes the first <paramref name="columns"/> columns of a weight without bias, or some more, into tiles [rows, 32].</summary>
    /// <param name="a">The rows.</param>
    /// <param name="stride">From one to the next.</param>
    /// <param name="rows">1 to <see cref="MostRows"/>.</param>
    /// <param name="b">The weight's panels.</param>
    /// <param name="depth">Terms of the sums.</param>
    /// <param name="tiles">A tile for each panel.</param>
    /// <param name="apart">From one tile to the next.</param>
    /// <param name="columns">Columns of the weight.</param>
    public static void Multiply(float* a, nint stride, int rows, float* b, nint depth, float* tiles, nint apart, int columns)
    {
        TileRun run = new()
        {
            A = a, Stride = stride, B = b, Apart = depth * PanelLayout.Strip, Depth = depth, C = tiles, Pitch = Columns, Ahead = (byte*)b,
            NextB = depth * Columns, NextC = apart, NextAhead = depth * Columns * sizeof(float),
        };
        // Panels of which more than half is wanted.
        int whole = (columns + Columns / 2 - 1) / Columns;
        run.Tiles = Vector512.IsHardwareAccelerated ? whole : 1;
        for (int panel = 0; panel < whole; panel += run.Tiles)
        {
            Multiply(rows, run);
            run.B += run.Tiles * run.NextB;
            run.C += run.Tiles * run.NextC;
        }
        if (whole * Columns < columns)
            MultiplyHalf(rows, run);
    }

    /// <summary>Runs every tile once: each is compiled in full when it is first met, for milliseconds, and which are met depends on the routing.</summary>
    public static void WarmUp()
    {
        const int rows = MostRows, wide = 2 * Columns;
        float* a = stackalloc float[rows], b = stackalloc float[wide], c = stackalloc float[rows * wide];
        new Span<float>(a, rows).Clear();
        new Span<float>(b, wide).Clear();
        for (int r = 1; r <= rows; r++)
        {
            Multiply(a, 1, r, b, 1, c, 0, Columns);
            Multiply(a, 1, r, b, 1, c, 0, 1);
            TileRun run = new() { A = a, Stride = 1, B = b, Depth = 1, C = c, Pitch = Columns, Ahead = (byte*)b };
            if (Vector512.IsHardwareAccelerated)
                Wide(r, run);
            _ = MultiplyBFloat16(r, run, b + Columns);
            if (r <= PairRows(false))
                WidePair(r, a, InOrder, 1, b, Columns, 1, c, InOrder, Columns, rows * Columns, null, NoBias);
            if (r <= PairRows(true))
                WideBFloat16Pair(r, a, InOrder, 1, (uint*)b, Columns / 2, 1, c, InOrder, Columns, rows * Columns, null, NoBias, (byte*)b);
        }
    }

    private static float* Zeros()
    {
        float* zeros = (float*)NativeMemory.AlignedAlloc(2 * Columns * sizeof(float), 64);
        new Span<float>(zeros, 2 * Columns).Clear();
        return zeros;
    }

    private static int* Ascending()
    {
        int* rows = (int*)NativeMemory.Alloc(MostRows, sizeof(int));
        for (int r = 0; r < MostRows; r++)
            rows[r] = r;
        return rows;
    }
}
