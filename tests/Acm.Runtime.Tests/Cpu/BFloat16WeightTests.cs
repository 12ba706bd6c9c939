using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>Weights held as bfloat16 are widened on their way into the sums: every bit is that of the same weights held as float32.</summary>
[TestFixture]
public sealed unsafe class BFloat16WeightTests
{
    /// <summary>Any bits that bfloat16 has but NaN: zeros of both signs, subnormals and infinities among them.</summary>
    private static float[] BFloat16(int seed, int count, bool finite = true)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Value())];

        float Value()
        {
            while (true)
            {
                // Mostly as weights are; now and then anything.
                uint bits = random.Next(8) == 0 ? (uint)random.Next(1 << 16) : BitConverter.SingleToUInt32Bits(random.NextSingle() - 0.5f) >> 16;
                float value = BitConverter.UInt32BitsToSingle(bits << 16);
                if (finite ? float.IsFinite(value) : !float.IsNaN(value))
                    return value;
            }
        }
    }

    private static float[] Multiply(float[] a, int rows, int depth, PackedMatrix b, float[] bias, Activation activation)
    {
        fixed (float* start = bias)
            return Products.Multiply(a, rows, depth, b, new Epilogue { Bias = start, Activation = activation });
    }

    [Test]
    public void EveryShapeHasTheBitsOfFloat32([Range(1, 43)] int rows, [Values(1, 2, 77)] int depth, [Values(1, 15, 17, 31, 32, 33, 64, 65, 96, 130)] int columns)
    {
        float[] a = RandomValues.Of(rows, rows * depth), w = BFloat16(depth + columns, depth * columns), bias = RandomValues.Of(columns, columns);
        using var wide = PackedMatrix.FromInputMajor(w, depth, columns);
        using var narrow = PackedMatrix.FromInputMajor(w, depth, columns, bfloat16: true);
        Assert.That(narrow.PanelBytes * 2, Is.EqualTo(wide.PanelBytes), "half the memory");
        foreach (Activation activation in (Activation[])[Activation.Identity, Activation.Relu])
        {
            float[] expected = Multiply(a, rows, depth, wide, bias, activation);
            float[] found = Multiply(a, rows, depth, narrow, bias, activation);
            Assert.That(Bits(found), Is.EqualTo(Bits(expected)), $"{activation}");
            Assert.That(found, Has.None.EqualTo(Products.Unwritten), "every place is written");
        }
    }

    [Test]
    public void BothPackingsHoldTheSameWeight([Values(1, 19, 64)] int depth, [Values(1, 16, 31, 32, 45, 70, 128)] int columns)
    {
        float[] w = BFloat16(3, depth * columns, finite: false), transposed = new float[w.Length];
        for (int k = 0; k < depth; k++)
            for (int n = 0; n < columns; n++)
                transposed[n * depth + k] = w[k * columns + n];
        using var one = PackedMatrix.FromInputMajor(w, depth, columns, bfloat16: true);
        using var other = PackedMatrix.FromOutputMajor(transposed, columns, depth, bfloat16: true);
        for (int panel = 0; panel < one.Panels; panel++)
            for (int k = 0; k < depth; k++)
                for (int n = 0; n < GemmKernels.Columns; n++)
                {
                    int column = panel * GemmKernels.Columns + n;
                    float expected = column < columns ? w[k * columns + column] : 0;
                    Assert.That(At(one, panel, k, n), Is.EqualTo(Bits(expected)), $"input-major, row {k} column {column}");
                    Assert.That(At(other, panel, k, n), Is.EqualTo(Bits(expected)), $"output-major, row {k} column {column}");
                }

        static uint At(PackedMatrix packed, int panel, int k, int n)
        {
            uint word = ((uint*)packed.Panel(panel))[k * 16 + n % 16];
            return n < 16 ? word << 16 : word & 0xFFFF0000;
        }
    }

    /// <summary>On any machine the sums of widened weights have the bits of its float32 sums.</summary>
    [Test]
    public void EveryInstructionSetWidensExactly([Range(1, GemmKernels.MostRows)] int rows)
    {
        const int depth = 77, stride = 80, pitch = 40, columns = GemmKernels.Columns;
        float[] a = RandomValues.Of(rows, rows * stride), w = BFloat16(8, depth * columns), bias = RandomValues.Of(9, columns);
        using var packed = PackedMatrix.FromInputMajor(w, depth, columns, bfloat16: true);
        uint* words = (uint*)packed.Panel(0);
        float[] kept = new float[depth * columns];
        Assert.That(
            Tile((a, c, rowsOf, bias) =>
            {
                fixed (float* keep = kept)
                    GemmKernels.WideBFloat16(rows, a, rowsOf, stride, words, depth, c, rowsOf, pitch, c, bias, packed.Panel(0), keep);
            }),
            Is.EqualTo(Of32Bits(columns, (a, floats, c, rowsOf, bias) => GemmKernels.Wide(
                rows, new TileRun { A = a, From = rowsOf, Stride = stride, B = floats, Depth = depth, C = c, To = rowsOf, Pitch = pitch, Add = c, Bias = bias, Ahead = packed.Panel(0) }))), "512 bits");
        Assert.That(kept, Is.EqualTo(rows < GemmKernels.KeepingRows ? new float[kept.Length] : w), "the widened panel");
        Assert.That(
            Tile((a, c, rowsOf, bias) => GemmKernels.NarrowBFloat16(rows, a, rowsOf, stride, words, depth, c, rowsOf, pitch, c, bias)),
            Is.EqualTo(Of32Bits(16, (a, floats, c, rowsOf, bias) => GemmKernels.Narrow(rows, a, rowsOf, stride, floats, 16 * depth, depth, c, rowsOf, pitch, c, bias, (byte*)floats))), "256 bits");
        Assert.That(
            Tile((a, c, rowsOf, bias) => GemmKernels.SlimBFloat16(rows, a, rowsOf, stride, words, depth, c, rowsOf, pitch, c, bias)),
            Is.EqualTo(Of32Bits(8, (a, floats, c, rowsOf, bias) => GemmKernels.Slim(rows, a, rowsOf, stride, floats, 8 * depth, depth, c, rowsOf, pitch, c, bias))), "128 bits");

        uint[] Of32Bits(int strip, Float32Kernel kernel) => Tile((a, c, rowsOf, bias) =>
        {
            fixed (float* floats = PanelLayoutTests.InStrips(w, strip))
                kernel(a, floats, c, rowsOf, bias);
        });

        // Added in place, to numbers that are none where nothing belongs.
        uint[] Tile(Kernel kernel)
        {
            float[] c = [.. Enumerable.Range(0, rows * pitch).Select(static i => i % pitch < columns ? i : float.NaN)];
            fixed (float* pa = a, pc = c, start = bias)
                kernel(pa, pc, GemmKernels.InOrder, start);
            for (int i = 0; i < c.Length; i++)
                Assert.That(c[i], i % pitch < columns ? Is.Not.NaN : Is.NaN, "stored where it should, nowhere else");
            return Bits(c);
        }
    }

    private delegate void Kernel(float* a, float* c, int* rowsOf, float* bias);

    private delegate void Float32Kernel(float* a, float* b, float* c, int* rowsOf, float* bias);

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static uint[] Bits(float[] values) => Array.ConvertAll(values, Bits);
}
