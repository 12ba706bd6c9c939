using System.Runtime.Intrinsics;
using Acm.Simulator.Arithmetic;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary><c>ex2.approx</c> against double precision, within the PTX ISA's bound.</summary>
public sealed class ApproximateTests
{
    [Test]
    public void Powers_of_two_are_within_two_ulp_and_exact_at_integers()
    {
        for (int n = -160; n <= 130; n++)
            Assert.That(Exp2(n), Is.EqualTo((float)Math.Pow(2, n)), $"2^{n}");
        foreach (float x in Sweep(-150, 128))
        {
            double want = Math.Pow(2, x);
            float got = Exp2(x);
            Assert.That(Math.Abs(got - want), Is.LessThanOrEqualTo((want * Math.Pow(2, -22)) + Math.Pow(2, -149)), $"2^{x}");
        }
    }

    [Test]
    public void Special_values_are_those_of_the_instruction_set()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Exp2(float.NegativeInfinity), Is.EqualTo(0f));
            Assert.That(Exp2(float.PositiveInfinity), Is.EqualTo(float.PositiveInfinity));
            Assert.That(BitConverter.SingleToUInt32Bits(Exp2(float.NaN)), Is.EqualTo(0x7fffffffu));
            Assert.That(Exp2(-1e-41f), Is.EqualTo(1f));
        });
    }

    private static float Exp2(float x) => Approximate.Exp2(Vector512.Create(x))[15];

    private static IEnumerable<float> Sweep(float from, float to)
    {
        for (int i = 0; i < 20011; i++)
            yield return from + ((to - from) * ((i + 0.37f) / 20011));
    }
}
