using System.Numerics;

namespace Acm.Simulator.Arithmetic;

/// <summary><c>mma.sync</c> on single bits: the ones of A xor B or A and B are counted along k.</summary>
internal static unsafe class MmaBits
{
    /// <summary>Carries out one warp's instruction.</summary>
    public static void Execute(in MmaShape shape, int* d, uint* a, uint* b, int* c)
    {
        int halves = shape.M / 8, chunks = shape.K / 128;
        int* sums = stackalloc int[4 * 32];
        for (int half = 0; half < halves; half++)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                for (int odd = 0; odd < 2; odd++)
                {
                    int row = lane >> 2, column = (2 * (lane & 3)) + odd, at = (((2 * half) + odd) * 32) + lane;
                    int count = 0;
                    for (int r = 0; r < chunks; r++)
                    {
                        for (int q = 0; q < 4; q++)
                        {
                            uint x = a[(((r * halves) + half) * 32) + (4 * row) + q], y = b[(r * 32) + (4 * column) + q];
                            count += BitOperations.PopCount(shape.Bits == MmaBitOperation.AndPopc ? x & y : x ^ y);
                        }
                    }

                    sums[at] = count + c[at];
                }
            }
        }

        new Span<int>(sums, 64 * halves).CopyTo(new Span<int>(d, 64 * halves));
    }
}
