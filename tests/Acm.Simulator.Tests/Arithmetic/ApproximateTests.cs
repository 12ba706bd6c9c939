using System.Runtime.Intrinsics;
using Acm.Simulator.Arithmetic;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>The <c>.approx</c> functions against double precision, within the PTX ISA's bounds.</summary>
public sealed class ApproximateTests
{
    [Test]
    public void Powers_of_two_are_within_two_ulp_and_exact_at_integers()
    {
        for (int n = -160; n <= 130; n++)
            Assert.That(Approximate.Exp2(Vector512.Create((float)n), ftz: false)[0], Is.EqualTo((float)Math.Pow(2, n)), $"2^{n}");
        foreach (float x in Sweep(-150, 128))
        {
            double want = Math.Pow(2, x);
            float got = Approximate.Exp2(Vector512.Create(x), ftz: false)[0];
            Assert.That(Math.Abs(got - want), Is.LessThanOrEqualTo((want * Math.Pow(2, -22)) + Math.Pow(2, -149)), $"2^{x}");
            float flushed = Approximate.Exp2(Vector512.Create(x), ftz: true)[0];
            Assert.That(flushed, Is.EqualTo(float.IsSubnormal(got) ? 0 : got));
        }
    }

    [Test]
    public void Logarithms_reciprocals_and_roots_are_within_their_bounds()
    {
        foreach (float x in Sweep(-40, 40).Select(MathF.Exp))
        {
            Vector512<float> v = Vector512.Create(x);
            double log = Math.Log2(x);
            Near(Approximate.Log2(v, false)[0], log, x is >= 0.5f and <= 2 ? Math.Pow(2, -22) : Math.Abs(log) * Math.Pow(2, -22), "lg2", x);
            Near(Approximate.Reciprocal(v, false)[0], 1.0 / x, 1.0 / x * Math.Pow(2, -23), "rcp", x);
            Near(Approximate.ReciprocalSquareRoot(v, false)[0], 1 / Math.Sqrt(x), 1 / Math.Sqrt(x) * Math.Pow(2, -22.9), "rsqrt", x);
            Near(Approximate.SquareRoot(v, false)[0], Math.Sqrt(x), Math.Sqrt(x) * Math.Pow(2, -23), "sqrt", x);
            Near(Approximate.Tanh(v)[0], Math.Tanh(x), Math.Tanh(x) * Math.Pow(2, -11), "tanh", x);
        }

        foreach (float x in Sweep(-3.14159f, 3.14159f))
        {
            Near(Approximate.Sin(Vector512.Create(x), false)[0], Math.Sin(x), Math.Pow(2, -20.5), "sin", x);
            Near(Approximate.Cos(Vector512.Create(x), false)[0], Math.Cos(x), Math.Pow(2, -20.5), "cos", x);
        }
    }

    [Test]
    public void Special_values_are_those_of_the_instruction_set()
    {
        float inf = float.PositiveInfinity, tiny = 1e-41f;
        Assert.Multiple(() =>
        {
            Assert.That(One(x => Approximate.Exp2(x, true), float.NegativeInfinity), Is.EqualTo(0f));
            Assert.That(One(x => Approximate.Exp2(x, true), inf), Is.EqualTo(inf));
            Assert.That(Bits(One(x => Approximate.Exp2(x, true), float.NaN)), Is.EqualTo(0x7fffffffu));
            Assert.That(One(x => Approximate.Log2(x, false), 0f), Is.EqualTo(-inf));
            Assert.That(One(x => Approximate.Log2(x, false), 1f), Is.EqualTo(0f));
            Assert.That(Bits(One(x => Approximate.Log2(x, false), -1f)), Is.EqualTo(0x7fffffffu));
            Assert.That(One(x => Approximate.Log2(x, true), tiny), Is.EqualTo(-inf));
            Assert.That(One(x => Approximate.Reciprocal(x, true), -tiny), Is.EqualTo(-inf));
            Assert.That(One(x => Approximate.Reciprocal(x, true), 3e38f), Is.EqualTo(0f));
            Assert.That(One(x => Approximate.ReciprocalSquareRoot(x, false), -0f), Is.EqualTo(-inf));
            Assert.That(Approximate.Divide(Vector512.Create(2f), Vector512.Create(2e38f), false)[0], Is.EqualTo(0f));
            Assert.That(Bits(Approximate.Divide(Vector512.Create(inf), Vector512.Create(2e38f), false)[0]), Is.EqualTo(0x7fffffffu));
            Assert.That(Approximate.DivideFull(Vector512.Create(2e38f), Vector512.Create(1e38f), false)[0], Is.EqualTo(2f));
        });
    }

    private static float One(Func<Vector512<float>, Vector512<float>> function, float x) => function(Vector512.Create(x))[15];

    private static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);

    private static void Near(float got, double want, double bound, string what, float x) =>
        Assert.That(Math.Abs(got - want), Is.LessThanOrEqualTo(bound), $"{what} of {x}");

    private static IEnumerable<float> Sweep(float from, float to)
    {
        for (int i = 0; i < 20011; i++)
            yield return from + ((to - from) * ((i + 0.37f) / 20011));
    }
}
