using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>Floating <c>mma.sync</c> with exact products, summed in double and rounded once to nearest.</summary>
internal static unsafe class MmaExact
{
    /// <summary>Carries out one warp's instruction.</summary>
    [SkipLocalsInit]
    public static void Execute(in MmaShape shape, uint* d, uint* a, uint* b, uint* c)
    {
        byte* scratch = stackalloc byte[MmaOperands.ScratchBytes];
        var operands = new MmaOperands(scratch);
        operands.Load(shape, a, b);
        byte* doubles = stackalloc byte[64 + (MmaOperands.MaxSlots * (128 + 64)) + (8 * 64)];
        Vector512<double>* rows = (Vector512<double>*)MmaFragments.Align(doubles);
        double* columns = (double*)(rows + (2 * MmaOperands.MaxSlots));
        Vector512<float>* sum = (Vector512<float>*)(columns + (8 * MmaOperands.MaxSlots));
        MmaSums.Load(shape.C, c, sum);

        int k = shape.K;
        for (int s = 0; s < k; s++)
            (rows[2 * s], rows[(2 * s) + 1]) = Vector512.Widen(operands.RowValues[s]);
        for (int i = 0; i < 8 * k; i += 16)
        {
            (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Vector512.Load(operands.ColumnValues + i));
            low.Store(columns + i);
            high.Store(columns + i + 8);
        }

        for (int j = 0; j < 8; j += 2)
            SumColumns(rows, columns + (4 * j), k, shape.D == MmaType.F16, sum + j);
        MmaSums.Store(shape.D, sum, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumColumns(Vector512<double>* rows, double* column, int k, bool half, Vector512<float>* sum)
    {
        (Vector512<double> low0, Vector512<double> high0) = Vector512.Widen(sum[0]);
        (Vector512<double> low1, Vector512<double> high1) = Vector512.Widen(sum[1]);
        for (int s = 0; s < k; s++)
        {
            double* at = column + MmaOperands.ColumnAt(s);
            Vector512<double> b0 = Vector512.Create(at[0]), b1 = Vector512.Create(at[4]);
            low0 = Vector512.FusedMultiplyAdd(rows[2 * s], b0, low0);
            high0 = Vector512.FusedMultiplyAdd(rows[(2 * s) + 1], b0, high0);
            low1 = Vector512.FusedMultiplyAdd(rows[2 * s], b1, low1);
            high1 = Vector512.FusedMultiplyAdd(rows[(2 * s) + 1], b1, high1);
        }

        if (!half)
        {
            sum[0] = Vector512.Narrow(low0, high0);
            sum[1] = Vector512.Narrow(low1, high1);
            return;
        }

        for (int i = 0; i < 8; i++)
        {
            ((float*)sum)[i] = (float)(Half)low0[i];
            ((float*)sum)[8 + i] = (float)(Half)high0[i];
            ((float*)sum)[16 + i] = (float)(Half)low1[i];
            ((float*)sum)[24 + i] = (float)(Half)high1[i];
        }
    }
}
