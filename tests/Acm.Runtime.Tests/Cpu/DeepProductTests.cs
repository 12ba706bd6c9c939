using System.Runtime.Intrinsics;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>A product too deep for the second-level cache is computed a part of its sums at a time by one thread, and at once by several.</summary>
[TestFixture]
public sealed unsafe class DeepProductTests
{
    /// <summary>Blocks of rows, each with so many terms; stored from the last row to the first where <paramref name="scattered"/>, added to what is there.</summary>
    private static float[] Multiply(int threads, (int Rows, int Depth)[] blocks, PackedMatrix weight, Activation activation, bool scattered, bool biases, out bool inParts)
    {
        int rows = blocks.Sum(static block => block.Rows), columns = weight.Columns, stride = weight.Depth + 5;
        float[] a = RandomValues.Of(1, rows * stride), c = RandomValues.Of(2, rows * columns), bias = RandomValues.Of(3, columns), other = RandomValues.Of(4, columns);
        int[] to = [.. Enumerable.Range(0, rows).Reverse()];
        var tasks = new GemmTasks(threads);
        fixed (float* pa = a, pc = c, pb = bias, po = other)
        fixed (int* pt = to)
        {
            int row = 0;
            foreach (var (count, depth) in blocks)
            {
                tasks.Add(pa + row * stride, stride, row, count, depth, bias: biases && row > 0 ? po : null);
                row += count;
            }
            int n = tasks.Begin(new GemmCall
            {
                Weights = [weight], Stride = stride,
                Epilogue = new Epilogue
                {
                    Bias = biases ? pb : null, Activation = activation, Out = pc, OutStride = columns, OutRows = scattered ? pt : null, Residual = scattered ? pc : null,
                    ResidualStride = columns,
                },
            });
            inParts = tasks.Room > 0;
            float[] room = new float[tasks.Room];
            Array.Fill(room, float.NaN);
            fixed (float* pr = room)
                for (int task = 0; task < n; task++)
                    tasks.Execute(task, pr);
        }
        return c;
    }

    // Rows and terms of blocks, depth of the weight.
    private static IEnumerable<TestCaseData> Cases()
    {
        yield return new TestCaseData(((int, int)[])[(197, 1536)], 1536, true) { TestName = "Two parts" };
        yield return new TestCaseData(((int, int)[])[(197, 3072)], 3072, true) { TestName = "Four parts, blocks of half the rows" };
        yield return new TestCaseData(((int, int)[])[(700, 1301)], 1301, true) { TestName = "An odd depth, more rows than stay in the cache" };
        yield return new TestCaseData(((int, int)[])[(100, 1536), (100, 1536), (100, 1536)], 1536, true) { TestName = "Three blocks, two of which stay in the cache" };
        yield return new TestCaseData(((int, int)[])[(61, 3072), (1, 2688), (2, 2304), (3, 1600), (29, 959), (30, 960), (17, 768), (31, 384), (5, 0)], 3072, true)
        {
            TestName = "Rows of every depth, of none, and with rests of a quarter of a part",
        };
        yield return new TestCaseData(((int, int)[])[(60, 3072)], 3072, false) { TestName = "Few rows" };
        yield return new TestCaseData(((int, int)[])[(300, 1100)], 1100, false) { TestName = "Not deep" };
    }

    [TestCaseSource(nameof(Cases))]
    public void PartsHaveTheBitsOfTheWhole((int Rows, int Depth)[] blocks, int depth, bool inParts)
    {
        foreach (int columns in (int[])[32, 70, 224])
        {
            using var weight = PackedMatrix.FromInputMajor(RandomValues.Of(columns, depth * columns), depth, columns);
            foreach (var (activation, scattered, biases) in ((Activation, bool, bool)[])
                [(Activation.Identity, false, true), (Activation.Identity, true, false), (Activation.Gelu, true, true), (Activation.Relu, false, false)])
            {
                float[] expected = Multiply(2, blocks, weight, activation, scattered, biases, out bool shared);
                Assert.That(shared, Is.False, "two threads");
                Assert.That(Multiply(1, blocks, weight, activation, scattered, biases, out bool parts), Is.EqualTo(expected), $"{columns} columns, {activation}");
                Assert.That(parts, Is.EqualTo(inParts && Vector512.IsHardwareAccelerated), "one thread");
            }
        }
    }
}
