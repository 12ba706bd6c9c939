using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Simulator.Arithmetic;

/// <summary>
/// Where the elements of an operand lie in a warp's registers. Lane 4g + q holds row (A, C, D) or column (B) g, and
/// position q of a group of four. Work is done on columns: a vector of 16 rows, the first 8 from one register plane,
/// the last 8 from another.
/// </summary>
internal static unsafe class MmaFragments
{
    private static readonly Vector512<uint> Gather01 = Vector512.Create(0u, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    private static readonly Vector512<uint> Gather23 = Gather01 + Vector512.Create(2u);
    private static readonly Vector512<uint> ScatterLow = Vector512.Create(0u, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27);
    private static readonly Vector512<uint> ScatterHigh = ScatterLow + Vector512.Create(4u);

    /// <summary>Columns q = 0..3 of two planes of words: rows 0-7 from <paramref name="top"/>, rows 8-15 from <paramref name="bottom"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ToColumns(uint* top, uint* bottom, out Vector512<uint> c0, out Vector512<uint> c1, out Vector512<uint> c2, out Vector512<uint> c3)
    {
        Vector512<uint> t0 = Vector512.Load(top), t1 = Vector512.Load(top + 16);
        Vector512<uint> b0 = Vector512.Load(bottom), b1 = Vector512.Load(bottom + 16);
        Vector512<uint> t01 = Pick(t0, t1, Gather01), t23 = Pick(t0, t1, Gather23);
        Vector512<uint> b01 = Pick(b0, b1, Gather01), b23 = Pick(b0, b1, Gather23);
        c0 = Vector512.Create(t01.GetLower(), b01.GetLower());
        c1 = Vector512.Create(t01.GetUpper(), b01.GetUpper());
        c2 = Vector512.Create(t23.GetLower(), b23.GetLower());
        c3 = Vector512.Create(t23.GetUpper(), b23.GetUpper());
    }

    /// <summary>The inverse of <see cref="ToColumns"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FromColumns(Vector512<uint> c0, Vector512<uint> c1, Vector512<uint> c2, Vector512<uint> c3, uint* top, uint* bottom)
    {
        Vector512<uint> t01 = Vector512.Create(c0.GetLower(), c1.GetLower()), t23 = Vector512.Create(c2.GetLower(), c3.GetLower());
        Vector512<uint> b01 = Vector512.Create(c0.GetUpper(), c1.GetUpper()), b23 = Vector512.Create(c2.GetUpper(), c3.GetUpper());
        Pick(t01, t23, ScatterLow).Store(top);
        Pick(t01, t23, ScatterHigh).Store(top + 16);
        Pick(b01, b23, ScatterLow).Store(bottom);
        Pick(b01, b23, ScatterHigh).Store(bottom + 16);
    }

    /// <summary>Element i of the result is element <c>index[i]</c> of the 32 in <paramref name="low"/>, <paramref name="high"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Pick(Vector512<uint> low, Vector512<uint> high, Vector512<uint> index) =>
        Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32x2(low, index, high)
            : Vector512.Shuffle(low, index) | Vector512.Shuffle(high, index - Vector512.Create(16u)); // out of range selects zero

    /// <summary>The first 64-byte boundary in a block that has 64 bytes to spare.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Align(byte* block) => (byte*)(((nuint)block + 63) & ~(nuint)63);
}
