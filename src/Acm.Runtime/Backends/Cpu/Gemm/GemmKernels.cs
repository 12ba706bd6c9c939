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

    /// <summary>Computes one tile.</summary>
    /// <param name="rows">1 to <see cref="MostRows"/>.</param>
    /// <param name="a">Row 0 of what is read.</param>
    /// <param name="from">Which of its rows each of the tile's is, [rows]; <see cref="InOrder"/> itself is quicker than another map that says the same.</param>
    /// <param name="stride">From one row of <paramref name="a"/> to the next.</param>
    /// <param name="b">The panel, as <see cref="PanelLayout"/> has it.</param>
    /// <param name="apart">From one strip of the panel to the next, where it has several.</param>
    /// <param name="depth">Terms of the sums.</param>
    /// <param name="c">Row 0 of the result.</param>
    /// <param name="to">Which of its rows each of the tile's is, [rows].</param>
    /// <param name="pitch">From one row of <paramref name="c"/> to the next.</param>
    /// <param name="add">What is added to the finished sums, its rows as the result's; may be the result's own memory, or null.</param>
    /// <param name="bias">What the sums begin with, [32].</param>
    /// <param name="ahead">Where reading goes on later: <paramref name="depth"/> lines from here on are asked for meanwhile, by 256 bits a quarter of them from each strip's begin on. Need not be memory.</param>
    /// <param name="pace">By how many bytes each term goes on asking: a line, or less for fewer of them. By 512 bits only.</param>
    /// <param name="beyond">Few rows ask for as many lines so far beyond, too; 0: they do not.</param>
    /// <param name="biasPitch">From what one row's sums begin with to what the next row's do; 0: all begin alike, as they must below 512 bits.</param>
    public static void Multiply(
        int rows, float* a, int* from, nint stride, float* b, nint apart, nint depth, float* c, int* to, nint pitch, float* add, float* bias, byte* ahead, nint pace = PackedMatrix.Line,
        nint beyond = 0, nint biasPitch = 0)
    {
        if (Vector512.IsHardwareAccelerated && from == InOrder)
            WideInOrder(rows, a, stride, b, depth, c, to, pitch, add, bias, ahead, pace, beyond, biasPitch);
        else if (Vector512.IsHardwareAccelerated)
            Wide(rows, a, from, stride, b, depth, c, to, pitch, add, bias, ahead, pace, beyond, biasPitch);
        else if (Vector256.IsHardwareAccelerated)
            Narrow(rows, a, from, stride, b, apart, depth, c, to, pitch, add, bias, ahead);
        else
            Slim(rows, a, from, stride, b, apart, depth, c, to, pitch, add, bias);
    }

    /// <summary>Computes the first half of a tile's columns, and asks for nothing meanwhile.</summary>
    public static void MultiplyHalf(int rows, float* a, int* from, nint stride, float* b, nint apart, nint depth, float* c, int* to, nint pitch, float* add, float* bias)
    {
        if (Vector512.IsHardwareAccelerated)
            WideHalf(rows, a, from, stride, b, depth, c, to, pitch, add, bias);
        else if (Vector256.IsHardwareAccelerated)
            Narrow(rows, a, from, stride, b, apart, depth, c, to, pitch, add, bias, (byte*)b, Columns / 2);
        else
            Slim(rows, a, from, stride, b, apart, depth, c, to, pitch, add, bias, Columns / 2);
    }

    /// <summary>Computes one tile of a panel held as bfloat16: widened on its way into the sums, so the bits are those of a panel of float32.</summary>
    /// <returns>Whether it left the widened panel in <paramref name="keep"/>, [depth, 32]: tall tiles do so free of charge.</returns>
    public static bool Multiply(
        int rows, float* a, int* from, nint stride, uint* b, nint depth, float* c, int* to, nint pitch, float* add, float* bias, byte* ahead, float* keep)
    {
        if (Vector512.IsHardwareAccelerated)
            WideBFloat16(rows, a, from, stride, b, depth, c, to, pitch, add, bias, ahead, keep);
        else if (Vector256.IsHardwareAccelerated)
            NarrowBFloat16(rows, a, from, stride, b, depth, c, to, pitch, add, bias);
        else
            SlimBFloat16(rows, a, from, stride, b, depth, c, to, pitch, add, bias);
        return Vector512.IsHardwareAccelerated && rows >= KeepingRows;
    }

    /// <summary>Computes the first <paramref name="columns"/> columns of a tile without bias, or more of them, into <paramref name="tile"/> [rows, 32].</summary>
    public static void Multiply(float* a, nint stride, int rows, float* b, nint depth, float* tile, int columns)
    {
        if (Vector512.IsHardwareAccelerated && columns <= Columns / 2)
            WideHalf(rows, a, InOrder, stride, b, depth, tile, InOrder, Columns, null, NoBias);
        else if (Vector512.IsHardwareAccelerated)
            WideInOrder(rows, a, stride, b, depth, tile, InOrder, Columns, null, NoBias, (byte*)b, PackedMatrix.Line, 0, 0);
        else if (Vector256.IsHardwareAccelerated)
            Narrow(rows, a, InOrder, stride, b, depth * PanelLayout.Strip, depth, tile, InOrder, Columns, null, NoBias, (byte*)b, Math.Min(columns, Columns));
        else
            Slim(rows, a, InOrder, stride, b, depth * PanelLayout.Strip, depth, tile, InOrder, Columns, null, NoBias, Math.Min(columns, Columns));
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
            Multiply(a, 1, r, b, 1, c, Columns);
            Multiply(a, 1, r, b, 1, c, 1);
            if (Vector512.IsHardwareAccelerated)
                Wide(r, a, InOrder, 1, b, 1, c, InOrder, Columns, null, NoBias, (byte*)b, 0, 0, 0);
            _ = Multiply(r, a, InOrder, 1, (uint*)b, 1, c, InOrder, Columns, null, NoBias, (byte*)b, b + Columns);
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
