using System.Numerics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// How large a batch is, which is all that grids and copies depend on. Rounded up to a bucket, one captured graph serves every batch in it: how
/// many rows there truly are, and where sequences begin, is data on the device.
/// </summary>
/// <param name="Sequences">Sequences of the batch.</param>
/// <param name="Length">Their lengths, summed (images: 1 each; text: word pieces; speech: samples).</param>
/// <param name="Longest">Length of the longest.</param>
internal readonly record struct RunShape(int Sequences, int Length, int Longest)
{
    /// <summary>The shape of a batch.</summary>
    public static RunShape Of(ReadOnlySpan<int> lengths)
    {
        int sum = 0, longest = 0;
        foreach (int length in lengths)
            (sum, longest) = (sum + length, Math.Max(longest, length));
        return new RunShape(lengths.Length, sum, longest);
    }

    /// <summary>Each figure up to a power of two, though no further than a workspace goes.</summary>
    public RunShape Bucket(RunShape most) => new(
        RoundUp(Sequences, most.Sequences), RoundUp(Length, most.Length), RoundUp(Longest, most.Longest));

    /// <summary>Most rows that a batch of this shape, or a smaller one, has in a row space.</summary>
    public int Rows(RowSpace space)
    {
        int one = space.RowsOf(1);
        if (space.RowsOf(int.MaxValue / 2) == one)
            return checked(Sequences * one);
        // Convolutions, however many, come to (length - first) / step + 1 rows.
        int first = Shortest(space, 1), step = Shortest(space, 2) - first;
        return (int)((Length + (long)Sequences * Math.Max(0, step - first)) / step);
    }

    /// <summary>Most rows of one sequence.</summary>
    public int LongestRows(RowSpace space) => space.RowsOf(Longest);

    // The shortest sequence that has so many rows.
    private static int Shortest(RowSpace space, int rows)
    {
        int low = 1, high = int.MaxValue / 2;
        while (low < high)
        {
            int middle = low + (high - low) / 2;
            (low, high) = space.RowsOf(middle) >= rows ? (low, middle) : (middle + 1, high);
        }
        return low;
    }

    private static int RoundUp(int value, int most) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)value), (uint)most);
}
