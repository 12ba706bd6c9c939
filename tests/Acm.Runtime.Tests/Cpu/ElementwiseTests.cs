using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed class ElementwiseTests
{
    // A float's spacing around a value; the smallest normal's below it.
    private static double Ulp(double value) => Math.Max(Math.ScaleB(1, (int)Math.Floor(Math.Log2(Math.Max(Math.Abs(value), 1e-38))) - 23), 1.2e-45);

    /// <summary>The largest error, in units of the result's last place, over every <paramref name="step"/>-th bit pattern between two magnitudes of one sign.</summary>
    private static double Worst(Func<Vector512<float>, Vector512<float>> function, Func<double, double> exact, float from, float to, uint step)
    {
        double worst = 0;
        uint first = BitConverter.SingleToUInt32Bits(from), last = BitConverter.SingleToUInt32Bits(to);
        Span<float> x = stackalloc float[16];
        for (ulong bits = first; bits <= last; bits += 16ul * step)
        {
            for (int lane = 0; lane < 16; lane++)
                x[lane] = BitConverter.UInt32BitsToSingle((uint)Math.Min(bits + (ulong)lane * step, last));
            Vector512<float> y = function(Vector512.Create<float>(x));
            for (int lane = 0; lane < 16; lane++)
            {
                double right = exact(x[lane]);
                worst = Math.Max(worst, Math.Abs(y[lane] - right) / Ulp(right));
            }
        }
        return worst;
    }

    private static double Gelu(double x) => 0.5 * x * ErrorFunction.Complement(-x / Math.Sqrt(2));

    [TestCase(991u)]
    [TestCase(1u, Explicit = true, Reason = "every float: minutes")]
    public void GeluIsWithinFiveUnitsOfTheLastPlace(uint step)
    {
        // Normal results; on the left they leave the floats' range at -13.
        double right = Worst(Elementwise.Gelu, Gelu, 1e-37f, float.MaxValue, step), left = Worst(Elementwise.Gelu, Gelu, -1e-37f, -12.9f, step);
        TestContext.Out.WriteLine($"gelu: {right:0.00} ulp right, {left:0.00} left of zero");
        Assert.That(right, Is.LessThan(2));
        Assert.That(left, Is.LessThan(5));
    }

    /// <summary>A processor may take a hundred times as long for a subnormal number, and again wherever it is multiplied.</summary>
    [Test]
    public void NoPowerIsSubnormal()
    {
        foreach (var (wide, narrow) in ((Func<Vector512<float>, Vector512<float>>, Func<Vector256<float>, Vector256<float>>)[])
            [(Elementwise.Exp, Elementwise.Exp), (Elementwise.PowerOfTwo, Elementwise.PowerOfTwo)])
            for (uint bits = 0x80000000; bits <= 0xFF800000; bits += 997)
            {
                float x = BitConverter.UInt32BitsToSingle(bits);
                foreach (float y in (float[])[wide(Vector512.Create(x))[3], narrow(Vector256.Create(x))[3]])
                    if (float.IsSubnormal(y) || !(y is >= 0 and <= 1))
                        Assert.Fail($"{wide.Method.Name}({x:R}) is {y:R}");
            }
    }

    [Test]
    public void GeluBeyondTheTailIsZero([Values(-13.25f, -14.5f, -20f, -1e10f, -3e38f, float.NegativeInfinity)] float x) =>
        Assert.That(Elementwise.Gelu(Vector512.Create(x))[0], Is.Zero);

    [Test]
    public void GeluOfLargeNumbersIsTheNumber([Values(14.5f, 1e10f, float.MaxValue, float.PositiveInfinity)] float x) =>
        Assert.That(Elementwise.Gelu(Vector512.Create(x))[0], Is.EqualTo(x));

    [TestCase(991u)]
    [TestCase(1u, Explicit = true, Reason = "every float: minutes")]
    public void ExpIsWithinAUnitOfTheLastPlace(uint step)
    {
        double right = Worst(Elementwise.Exp, Math.Exp, 0f, 88f, step), left = Worst(Elementwise.Exp, Math.Exp, -0f, -86f, step);
        TestContext.Out.WriteLine($"exp: {right:0.00} ulp right, {left:0.00} left of zero");
        Assert.That(right, Is.LessThan(1));
        Assert.That(left, Is.LessThan(1));
    }

    [TestCase(991u)]
    [TestCase(1u, Explicit = true, Reason = "every float: minutes")]
    public void PowerOfTwoIsWithinAUnitOfTheLastPlace(uint step)
    {
        double right = Worst(Elementwise.PowerOfTwo, static x => Math.Pow(2, x), 0f, 127.9f, step), left = Worst(Elementwise.PowerOfTwo, static x => Math.Pow(2, x), -0f, -99f, step);
        TestContext.Out.WriteLine($"2^x: {right:0.00} ulp right, {left:0.00} left of zero");
        Assert.That(right, Is.LessThan(1));
        Assert.That(left, Is.LessThan(1));
    }

    [Test]
    public void PowerOfTwoBelowWhatMattersIsZero([Values(-99.6f, -126f, -151f, -1000f, -1e30f, float.NegativeInfinity)] float x) =>
        Assert.That(Elementwise.PowerOfTwo(Vector512.Create(x))[0], Is.Zero);

    [Test]
    public void PowerOfTwoKeepsNaNInItsLane()
    {
        Vector512<float> y = Elementwise.PowerOfTwo(Vector512.Create(-1f).WithElement(5, float.NaN));
        for (int lane = 0; lane < 16; lane++)
            Assert.That(y[lane], lane == 5 ? Is.NaN : Is.EqualTo(0.5f));
    }

    [Test]
    public void ReluIsThePositivePart([Values(-3f, -0f, 0f, 1e-40f, 2f, float.PositiveInfinity, float.NegativeInfinity)] float x) =>
        Assert.That(Elementwise.Apply(Activation.Relu, Vector512.Create(x))[0], Is.EqualTo(Math.Max(x, 0)));

    [Test]
    public void NaNStaysInItsLane([Values] bool tanh)
    {
        Vector512<float> x = Vector512.Create(1.25f).WithElement(5, float.NaN);
        Vector512<float> y = Elementwise.Apply(tanh ? Activation.GeluTanh : Activation.Gelu, x), r = Elementwise.Apply(Activation.Relu, x);
        for (int lane = 0; lane < 16; lane++)
        {
            Assert.That(float.IsNaN(y[lane]), Is.EqualTo(lane == 5));
            Assert.That(float.IsNaN(r[lane]), Is.EqualTo(lane == 5));
        }
    }

    /// <summary>What a processor without 512 bits computes, on one that has them: the same bits, subnormal results too.</summary>
    [Test]
    public void EightAtATimeHaveTheBitsOfSixteen()
    {
        // A power of two is defined up to 128.
        foreach (var (wide, narrow, most) in ((Func<Vector512<float>, Vector512<float>>, Func<Vector256<float>, Vector256<float>>, float)[])
        [
            (Elementwise.Gelu, Elementwise.Gelu, float.PositiveInfinity), (Elementwise.GeluTanh, Elementwise.GeluTanh, float.PositiveInfinity),
            (Elementwise.Exp, Elementwise.Exp, float.PositiveInfinity), (Elementwise.PowerOfTwo, Elementwise.PowerOfTwo, 128),
        ])
            for (uint bits = 0; bits < uint.MaxValue - 99_991; bits += 99_991)
            {
                float x = BitConverter.UInt32BitsToSingle(bits);
                if (x > most)
                    continue;
                float found = narrow(Vector256.Create(x))[7], expected = wide(Vector512.Create(x))[7];
                if (BitConverter.SingleToUInt32Bits(found) != BitConverter.SingleToUInt32Bits(expected) && !(float.IsNaN(found) && float.IsNaN(expected)))
                    Assert.Fail($"{wide.Method.Name}({x:R}): {found:R}, not {expected:R}");
            }
    }

    [Test]
    public void TheNarrowFileIsWrittenFromTheWideOne()
    {
        string folder = Path.Combine(SharedFolder.Repo, "src", "Acm.Runtime", "Backends", "Cpu"), wide = Body(Path.Combine(folder, "Elementwise.cs"));
        wide = Regex.Replace(wide, @" +if \((!Vector512\.IsHardwareAccelerated|Avx512F\.IsSupported)\)\n.*\n| *///.*\n", "");
        Assert.That(Body(Path.Combine(folder, "Elementwise.Narrow.g.cs")), Is.EqualTo(wide.Replace("Vector512", "Vector256")), "run elementwise_narrow.py");

        static string Body(string file)
        {
            string text = File.ReadAllText(file).ReplaceLineEndings("\n");
            return text[text.IndexOf("namespace", StringComparison.Ordinal)..];
        }
    }
}
