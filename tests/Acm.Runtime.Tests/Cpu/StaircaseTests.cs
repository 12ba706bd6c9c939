using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>A product of which every learner has fewer rows than the one before.</summary>
[TestFixture]
public sealed unsafe class StaircaseTests
{
    private const int Depth = 40;

    /// <summary>
    /// Learners of any size, most of which begin in the middle of a panel: each has the bits, in its rows, of a product in which all have all rows, and of
    /// float32 where the weight is held as bfloat16. Nothing is computed of a panel for rows that its first learner has not.
    /// </summary>
    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void LearnersHaveTheirRowsWhereverTheyBegin(int seed, bool bfloat16, bool activated, bool residual)
    {
        Random random = new(seed);
        int learners = random.Next(1, 6), size = random.Next(3) == 0 ? 16 * random.Next(1, 5) : random.Next(1, 60), columns = learners * size;
        int rows = random.Next(1, 70), depth = random.Next(1, 50);
        int[] counts = new int[learners + 2];
        counts[0] = rows;
        for (int n = 1; n <= learners; n++)
            counts[n] = random.Next(4) == 0 ? counts[n - 1] : random.Next(counts[n - 1] + 1);
        float[] a = RandomValues.Of(seed, rows * depth), w = RandomValues.Of(seed + 1, depth * columns), bias = RandomValues.Of(seed + 2, columns), add = RandomValues.Of(seed + 3, rows * columns);
        // Values that bfloat16 holds exactly.
        for (int i = 0; i < w.Length; i++)
            w[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(w[i]) & 0xFFFF0000);
        using var packed = PackedMatrix.FromInputMajor(w, depth, columns, bfloat16);
        using var wide = PackedMatrix.FromInputMajor(w, depth, columns);
        fixed (float* start = bias, added = add)
        {
            var epilogue = new Epilogue { Bias = start, Activation = activated ? Activation.Gelu : Activation.Identity, Residual = residual ? added : null, ResidualStride = columns };
            float[] all = Products.Multiply(a, rows, depth, wide, epilogue);
            float[] stairs = Products.Multiply(a, rows, depth, packed, epilogue, counts, size, random.Next(1, 3), random.Next(1, rows + 1));
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                {
                    float found = stairs[row * columns + column];
                    if (row < counts[column / size + 1])
                        Assert.That(BitConverter.SingleToUInt32Bits(found), Is.EqualTo(BitConverter.SingleToUInt32Bits(all[row * columns + column])), $"row {row} column {column}");
                    else if (row >= counts[column / GemmKernels.Columns * GemmKernels.Columns / size + 1])
                        Assert.That(found, Is.EqualTo(Products.Unwritten), $"row {row} column {column}: its panel has no such row");
                }
        }
    }

    [Test]
    public void HalfAPanelOfALearnerWithFewerRowsIsLeftOut([Values] bool activated)
    {
        const int rows = 60, size = 48, columns = 2 * size;
        int[] counts = [rows, rows, 13, 0];
        using var packed = PackedMatrix.FromInputMajor(RandomValues.Of(1, Depth * columns), Depth, columns);
        float[] found = Products.Multiply(
            RandomValues.Of(2, rows * Depth), rows, Depth, packed, new Epilogue { Activation = activated ? Activation.Gelu : Activation.Identity }, counts, size);
        // Short registers go over a few rows at a time, and a few of one such time are computed together.
        for (int row = 13 + GemmKernels.TallRows; row < rows; row++)
        {
            Assert.That(found.AsSpan(row * columns, size).IndexOf(Products.Unwritten), Is.EqualTo(-1), $"row {row}: the first learner's");
            Assert.That(found.AsSpan(row * columns + size, size).IndexOfAnyExcept(Products.Unwritten), Is.EqualTo(-1), $"row {row}: the second's");
        }
    }
}
