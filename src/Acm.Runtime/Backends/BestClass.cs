using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends;

/// <summary>The index of each row's largest value, the lowest on a tie.</summary>
internal static class BestClass
{
    /// <param name="logits">[rows, width].</param>
    /// <param name="best">[rows].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Of(ReadOnlySpan<float> logits, Span<int> best)
    {
        int width = best.Length == 0 ? 0 : logits.Length / best.Length;
        for (int row = 0; row < best.Length; row++)
        {
            ReadOnlySpan<float> values = logits.Slice(row * width, width);
            int winner = 0;
            for (int i = 1; i < width; i++)
                if (values[i] > values[winner])
                    winner = i;
            best[row] = winner;
        }
    }
}
