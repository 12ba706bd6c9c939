using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>A product of which every learner has fewer rows than the one before.</summary>
[TestFixture]
public sealed unsafe class StaircaseTests
{
    private const int Depth = 40, Most = 70, Unwritten = -7;

    private static float[] Multiply(float[] a, int rows, PackedMatrix b, Epilogue epilogue, int[]? learnerRows, int learnerSize, int block, int threads)
    {
        float[] c = new float[rows * b.Columns];
        Array.Fill(c, Unwritten);
        GemmTasks tasks = new(threads);
        using NativeBuffer<float> room = new();
        fixed (float* pa = a, pc = c)
        fixed (int* learners = learnerRows)
        {
            epilogue.Out = pc;
            epilogue.OutStride = b.Columns;
            var call = new GemmCall { Weights = [b], Stride = Depth, LearnerRows = learners, LearnerSize = learnerSize, Epilogue = epilogue };
            for (int row = 0; row < rows; row += block)
                tasks.Add(pa + row * Depth, Depth, row, Math.Min(block, rows - row), Depth);
            for (int task = 0, count = tasks.Begin(call); task < count; task++)
                tasks.Execute(task, room.Need(Math.Max(tasks.Room, 1)));
        }
        return c;
    }

    /// <summary>
    /// Learners of any size, most of which begin in the middle of a panel: each has the bits, in its rows, of a product in which all have all rows; where a
    /// learner begins with half a panel, nothing is computed of it for rows that it has not.
    /// </summary>
    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void LearnersHaveTheirRowsWhereverTheyBegin(int seed, bool bfloat16, bool activated, bool residual)
    {
        Random random = new(seed);
        int learners = random.Next(1, 6), size = random.Next(3) == 0 ? 16 * random.Next(1, 5) : random.Next(1, 60), columns = learners * size;
        int[] counts = new int[learners + 2];
        counts[0] = counts[1] = random.Next(1, Most);
        for (int n = 2; n <= learners; n++)
            counts[n] = random.Next(4) == 0 ? counts[n - 1] : random.Next(counts[n - 1] + 1);
        int rows = counts[1];
        float[] a = RandomValues.Of(seed, rows * Depth), w = RandomValues.Of(seed + 1, Depth * columns), bias = RandomValues.Of(seed + 2, columns), add = RandomValues.Of(seed + 3, rows * columns);
        // Values that bfloat16 holds exactly.
        for (int i = 0; i < w.Length; i++)
            w[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(w[i]) & 0xFFFF0000);
        using var packed = PackedMatrix.FromInputMajor(w, Depth, columns, bfloat16);
        fixed (float* start = bias, added = add)
        {
            var epilogue = new Epilogue { Bias = start, Activation = activated ? Activation.Gelu : Activation.Identity, Residual = residual ? added : null, ResidualStride = columns };
            float[] all = Multiply(a, rows, packed, epilogue, null, 0, rows, 1);
            float[] stairs = Multiply(a, rows, packed, epilogue, counts, size, random.Next(1, rows + 1), random.Next(1, 3));
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                {
                    float found = stairs[row * columns + column];
                    if (row < counts[column / size + 1])
                        Assert.That(found, Is.EqualTo(all[row * columns + column]), $"row {row} column {column}");
                    else if (row >= counts[column / 32 * 32 / size + 1])
                        Assert.That(found, Is.EqualTo(Unwritten), $"row {row} column {column}: its panel has no such row");
                }
        }
    }

    [Test]
    public void HalfAPanelOfALearnerWithFewerRowsIsLeftOut([Values] bool activated)
    {
        const int rows = 60, size = 48, columns = 2 * size;
        int[] counts = [rows, rows, 13, 0];
        using var packed = PackedMatrix.FromInputMajor(RandomValues.Of(1, Depth * columns), Depth, columns);
        float[] found = Multiply(RandomValues.Of(2, rows * Depth), rows, packed, new Epilogue { Activation = activated ? Activation.Gelu : Activation.Identity }, counts, size, rows, 1);
        // Short registers go over a few rows at a time, and a few of one such time are computed together.
        for (int row = 13 + GemmKernels.TallRows; row < rows; row++)
        {
            Assert.That(found.AsSpan(row * columns, size).IndexOf(Unwritten), Is.EqualTo(-1), $"row {row}: the first learner's");
            Assert.That(found.AsSpan(row * columns + size, size).IndexOfAnyExcept(Unwritten), Is.EqualTo(-1), $"row {row}: the second's");
        }
    }
}
