namespace Acm.Simulator.Arithmetic;

/// <summary><c>mma.sync</c> on f64: a chain of fused multiply-adds in the order of k, each rounded to nearest.</summary>
internal static unsafe class MmaDouble
{
    /// <summary>Carries out one warp's instruction; planes are 32 doubles per register.</summary>
    public static void Execute(in MmaShape shape, double* d, double* a, double* b, double* c)
    {
        int halves = shape.M / 8, chunks = shape.K / 4;
        double* sums = stackalloc double[4 * 32];
        for (int half = 0; half < halves; half++)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                for (int odd = 0; odd < 2; odd++)
                {
                    int row = lane >> 2, column = (2 * (lane & 3)) + odd, at = (((2 * half) + odd) * 32) + lane;
                    double sum = c[at];
                    for (int r = 0; r < chunks; r++)
                    {
                        for (int q = 0; q < 4; q++)
                            sum = Math.FusedMultiplyAdd(a[(((r * halves) + half) * 32) + (4 * row) + q], b[(r * 32) + (4 * column) + q], sum);
                    }

                    sums[at] = sum;
                }
            }
        }

        new Span<double>(sums, 64 * halves).CopyTo(new Span<double>(d, 64 * halves));
    }
}
