using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>The oracle for directed rounding against the processor's own, where it has one.</summary>
public sealed class DirectedTests
{
    [Test]
    public void Every_direction_agrees_with_the_processor()
    {
        if (!Avx512F.IsSupported)
            Assert.Ignore("this processor cannot round in a direction per instruction (AVX-512F)");
        var random = new Random(9);
        for (int n = 0; n < 30000; n++)
        {
            float x = Single(), y = Single(), z = Single();
            double p = Double(), q = Double(), r = Double();
            foreach (Rounding mode in new[] { Rounding.Zero, Rounding.Down, Rounding.Up })
            {
                float[] singles = Hardware(mode, x, y, z);
                Same("add", Directed.Add(x, y, mode), singles[0]);
                Same("mul", Directed.Multiply(x, y, mode), singles[1]);
                Same("fma", Directed.MultiplyAdd(x, y, z, mode), singles[2]);
                Same("div", Directed.Divide(x, y, mode), singles[3]);
                Same("sqrt", Directed.SquareRoot(x, mode), singles[4]);
                double[] doubles = Hardware(mode, p, q, r);
                Same("add.f64", Directed.Add(p, q, mode), doubles[0]);
                Same("mul.f64", Directed.Multiply(p, q, mode), doubles[1]);
                Same("fma.f64", Directed.MultiplyAdd(p, q, r, mode), doubles[2]);
                Same("div.f64", Directed.Divide(p, q, mode), doubles[3]);
                Same("sqrt.f64", Directed.SquareRoot(p, mode), doubles[4]);

                void Same(string what, double got, double want) =>
                    Assert.That(got.Equals(want) && double.IsNegative(got) == double.IsNegative(want) | double.IsNaN(want), $"{what} {mode}: {x:r} {y:r} {z:r} / {p:r} {q:r} {r:r}: got {got:r}, want {want:r}");
            }
        }

        float Single() => random.Next(2) == 0 ? BitConverter.Int32BitsToSingle((int)random.NextInt64()) : (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-12, 12)));
        double Double() => random.Next(2) == 0 ? BitConverter.Int64BitsToDouble((random.NextInt64() << 1) ^ random.NextInt64()) : (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 30));
    }

    private static float[] Hardware(Rounding mode, float x, float y, float z)
    {
        Vector512<float> a = Vector512.Create(x), b = Vector512.Create(y), c = Vector512.Create(z);
        return mode switch // the direction is part of the instruction
        {
            Rounding.Zero =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToZero)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToZero)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToZero)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToZero)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToZero)[0],
            ],
            Rounding.Down =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToNegativeInfinity)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToNegativeInfinity)[0],
            ],
            _ =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToPositiveInfinity)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToPositiveInfinity)[0],
            ],
        };
    }

    private static double[] Hardware(Rounding mode, double x, double y, double z)
    {
        Vector512<double> a = Vector512.Create(x), b = Vector512.Create(y), c = Vector512.Create(z);
        return mode switch // the direction is part of the instruction
        {
            Rounding.Zero =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToZero)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToZero)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToZero)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToZero)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToZero)[0],
            ],
            Rounding.Down =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToNegativeInfinity)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToNegativeInfinity)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToNegativeInfinity)[0],
            ],
            _ =>
            [
                Avx512F.Add(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.Multiply(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.FusedMultiplyAdd(a, b, c, FloatRoundingMode.ToPositiveInfinity)[0],
                Avx512F.Divide(a, b, FloatRoundingMode.ToPositiveInfinity)[0], Avx512F.Sqrt(a, FloatRoundingMode.ToPositiveInfinity)[0],
            ],
        };
    }
}
