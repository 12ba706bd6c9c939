using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Register tiles: <c>tile[r, 0..31] = sum_k a[r * stride + k] * b[k * 32 ..]</c>, each sum in one accumulator over ascending k, by fused
/// multiply-adds: the bits of an element do not depend on how many rows its tile has.
/// </summary>
internal static unsafe partial class GemmKernels
{
    /// <summary>Most rows of a tile.</summary>
    public const int MostRows = 14;

    /// <summary>Columns of a tile and of a panel.</summary>
    public const int Columns = 32;

    /// <summary>Computes the next tile of up to <paramref name="rows"/> rows into <paramref name="tile"/> [rows, 32].</summary>
    /// <returns>Rows computed, at least 1.</returns>
    public static int Multiply(float* a, nint stride, int rows, float* b, nint depth, float* tile) =>
        Vector512.IsHardwareAccelerated
            ? Wide(a, stride, rows, b, depth, tile)
            : Narrow(a, stride, rows, b, depth, tile);
}
