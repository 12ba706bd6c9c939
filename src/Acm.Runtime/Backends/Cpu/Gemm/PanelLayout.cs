using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// How a float32 panel of 32 columns lies in memory: [32 / Strip, depth, Strip], strips of as many columns as a register tile takes at once, so that it
/// reads one cache line after the other.
/// </summary>
internal static unsafe class PanelLayout
{
    private const int Columns = GemmKernels.Columns;

    /// <summary>Columns of a strip: two vectors.</summary>
    public static int Strip => Vector512.IsHardwareAccelerated ? Columns : Vector256.IsHardwareAccelerated ? Columns / 2 : Columns / 4;

    /// <summary>Puts a line: 32 values, of row <paramref name="k"/> of a panel of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PutLine(float* values, float* panel, nint depth, nint k)
    {
        float* to = panel + k * Strip;
        for (int column = 0; column < Columns; column += Strip, to += depth * Strip)
            if (Strip == 8)
                Vector256.Load(values + column).Store(to);
            else
                for (int half = 0; half < Strip; half += 16)
                    Vector512.Load(values + column + half).Store(to + half);
    }

    /// <summary>Puts up to 32 columns, each a row of <paramref name="rows"/>: <c>panel[i, c] = rows[c * stride + i]</c>.</summary>
    public static void PutColumns(float* rows, nint stride, int count, int depth, float* panel)
    {
        for (int column = 0; column < count; column += Strip)
            Transposition.Turn(rows + column * stride, stride, Math.Min(Strip, count - column), depth, panel + (nint)column * depth, Strip);
    }
}
