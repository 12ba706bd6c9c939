using System.Numerics;
using Acm.Simulator.Arithmetic;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>The vector form of <c>mma</c> against element-by-element forms written out plainly.</summary>
public sealed unsafe class MmaPropertyTests
{
    /// <summary>Every supported floating form.</summary>
    public static IEnumerable<TestCaseData> FloatForms()
    {
        foreach (MmaType a in new[] { MmaType.F16, MmaType.Bf16, MmaType.Tf32, MmaType.E4M3, MmaType.E5M2 })
            foreach (MmaType d in new[] { MmaType.F32, MmaType.F16 })
                foreach (int k in new[] { 4, 8, 16, 32 })
                    foreach (MmaArithmetic arithmetic in new[] { MmaArithmetic.HardwareAmpere, MmaArithmetic.HardwareHopper })
                        foreach (bool warpGroup in new[] { false, true })
                            if (new MmaShape(16, 8, k, a, a, d, d, WarpGroup: warpGroup) is { IsSupported: true } shape && (!warpGroup || arithmetic == MmaArithmetic.HardwareHopper))
                                yield return new TestCaseData(shape, arithmetic).SetArgDisplayNames($"{(warpGroup ? "wgmma" : "mma")} k{k} {a} {d} {arithmetic}");
    }

    [TestCaseSource(nameof(FloatForms))]
    public void Hardware_sum_is_the_aligned_and_cut_sum(object form, object arithmeticOf)
    {
        var shape = (MmaShape)form;
        var arithmetic = (MmaArithmetic)arithmeticOf;
        MmaHardware.Plan plan = MmaHardware.Plan.Of(shape, arithmetic);
        var random = new Random(shape.GetHashCode());
        // Spread of exponents: none, moderate, and the whole range with infinities and NaN.
        for (int round = 0; round < 60; round++)
        {
            ulong[] a = Random(random, shape.A, shape.M * shape.K, round % 3), b = Random(random, shape.B, shape.K * shape.N, round % 3);
            ulong[] c = Random(random, shape.C, shape.M * shape.N, round % 3), got = Execute(shape, arithmetic, a, b, c);
            for (int i = 0; i < got.Length; i++)
            {
                ulong want = Plain(shape, plan, a.AsSpan(i / 8 * shape.K, shape.K), Column(b, i % 8, shape.K), c[i]);
                Assert.That(MmaCasesTests.Same(shape.D, got[i], want), $"round {round}, element {i}: got {got[i]:x}, want {want:x}");
            }
        }
    }

    /// <summary>MMA-Sim's table (microsoft/MMA-Sim, arXiv 2511.10909), for what is not among the stored cases too.</summary>
    [TestCase("F16", 16, false, true, 16, 25, uint.MaxValue)]
    [TestCase("Tf32", 8, false, true, 8, 25, uint.MaxValue)]
    [TestCase("E4M3", 32, false, false, 16, 13, 0xfffffc00)]
    [TestCase("E4M3", 32, false, true, 32, 25, uint.MaxValue)]
    [TestCase("E4M3", 16, false, true, 16, 25, uint.MaxValue)]
    [TestCase("E5M2", 32, true, true, 32, 13, 0xfffffc00)]
    [TestCase("Bf16", 16, true, true, 16, 25, uint.MaxValue)]
    public void Steps_are_as_published(string type, int k, bool warpGroup, bool hopper, int step, int bits, uint mask)
    {
        MmaType a = Enum.Parse<MmaType>(type);
        var shape = new MmaShape(16, 8, k, a, a, MmaType.F32, MmaType.F32, WarpGroup: warpGroup);
        MmaArithmetic arithmetic = hopper ? MmaArithmetic.HardwareHopper : MmaArithmetic.HardwareAmpere;
        Assert.That(MmaHardware.Plan.Of(shape, arithmetic), Is.EqualTo(new MmaHardware.Plan(step, bits, mask)));
    }

    [Test]
    public void Integer_sums_wrap_or_saturate_once(
        [Values("S8 S8", "U8 S8", "S8 U8", "U8 U8", "S4 S4", "U4 S4", "S4 U4", "U4 U4")] string types, [Values(8, 16)] int m, [Values(1, 2)] int chunks, [Values] bool saturate)
    {
        MmaType a = Enum.Parse<MmaType>(types[..2]), b = Enum.Parse<MmaType>(types[3..]);
        var shape = new MmaShape(m, 8, (MmaShape.BitsOf(a) == 4 ? 32 : 16) * chunks, a, b, MmaType.S32, MmaType.S32, saturate);
        Assume.That(shape.IsSupported, "not a form of PTX");
        var random = new Random(5);
        for (int round = 0; round < 30; round++)
        {
            ulong[] x = Bits(a, m * shape.K), y = Bits(b, shape.K * 8), c = new ulong[m * 8];
            foreach (ref ulong v in c.AsSpan())
                v = (uint)(round % 2 == 0 ? random.NextInt64() : random.Next(2) == 0 ? int.MaxValue - random.Next(1000) : int.MinValue + random.Next(1000));
            ulong[] got = Execute(shape, MmaArithmetic.Exact, x, y, c);
            for (int i = 0; i < got.Length; i++)
            {
                long sum = (int)c[i];
                for (int s = 0; s < shape.K; s++)
                    sum += Value(a, x[(i / 8 * shape.K) + s]) * Value(b, y[(s * 8) + (i % 8)]);
                int want = saturate ? (int)Math.Clamp(sum, int.MinValue, int.MaxValue) : (int)sum;
                Assert.That((int)got[i], Is.EqualTo(want), $"round {round}, element {i}");
            }
        }

        ulong[] Bits(MmaType type, int count)
        {
            var bits = new ulong[count];
            foreach (ref ulong v in bits.AsSpan())
                v = (ulong)random.Next(1 << MmaShape.BitsOf(type));
            return bits;
        }

        static long Value(MmaType type, ulong bits) => type switch
        {
            MmaType.S8 => (sbyte)bits,
            MmaType.S4 => (long)(bits ^ 8) - 8,
            _ => (long)bits,
        };
    }

    [Test]
    public void Bits_are_counted([Values(8, 16)] int m, [Values(128, 256)] int k, [Values("XorPopc", "AndPopc")] string operation)
    {
        var shape = new MmaShape(m, 8, k, MmaType.B1, MmaType.B1, MmaType.S32, MmaType.S32, Bits: Enum.Parse<MmaBitOperation>(operation));
        Assume.That(shape.IsSupported, "not a form of PTX");
        var random = new Random(6);
        ulong[] a = [.. Enumerable.Range(0, m * k).Select(_ => (ulong)random.Next(2))], b = [.. Enumerable.Range(0, k * 8).Select(_ => (ulong)random.Next(2))];
        ulong[] c = [.. Enumerable.Range(0, m * 8).Select(_ => (ulong)random.Next(1000))], got = Execute(shape, MmaArithmetic.Exact, a, b, c);
        for (int i = 0; i < got.Length; i++)
        {
            ulong want = c[i];
            for (int s = 0; s < k; s++)
                want += operation == "XorPopc" ? a[(i / 8 * k) + s] ^ b[(s * 8) + (i % 8)] : a[(i / 8 * k) + s] & b[(s * 8) + (i % 8)];
            Assert.That(got[i], Is.EqualTo(want), $"element {i}");
        }
    }

    [Test]
    public void Doubles_are_fused_in_the_order_of_k([Values(8, 16)] int m, [Values(4, 8, 16)] int k)
    {
        var shape = new MmaShape(m, 8, k, MmaType.F64, MmaType.F64, MmaType.F64, MmaType.F64);
        Assume.That(shape.IsSupported, "not a form of PTX");
        var random = new Random(7);
        double[] a = Draw(m * k), b = Draw(k * 8), c = Draw(m * 8);
        ulong[] got = Execute(shape, MmaArithmetic.Exact, Raw(a), Raw(b), Raw(c));
        for (int i = 0; i < got.Length; i++)
        {
            double want = c[i];
            for (int s = 0; s < k; s++)
                want = Math.FusedMultiplyAdd(a[(i / 8 * k) + s], b[(s * 8) + (i % 8)], want);
            Assert.That(BitConverter.UInt64BitsToDouble(got[i]), Is.EqualTo(want), $"element {i}");
        }

        double[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-9, 9)))];
        static ulong[] Raw(double[] x) => [.. x.Select(BitConverter.DoubleToUInt64Bits)];
    }

    [Test]
    public void Planes_of_the_result_may_be_those_of_an_operand([Values] bool exact)
    {
        var shape = new MmaShape(16, 8, 16, MmaType.Bf16, MmaType.Bf16, MmaType.F32, MmaType.F32);
        MmaArithmetic arithmetic = exact ? MmaArithmetic.Exact : MmaArithmetic.HardwareAmpere;
        var random = new Random(8);
        ulong[] a = Random(random, shape.A, 256, 1), b = Random(random, shape.B, 128, 1), c = Random(random, shape.C, 128, 1);
        ulong[] want = Execute(shape, arithmetic, a, b, c);
        uint[] pa = MmaRegisters.PackA(shape, a), pb = MmaRegisters.PackB(shape, b), pc = MmaRegisters.PackC(shape, shape.C, c);
        fixed (uint* x = pa, y = pb, z = pc)
            Mma.Execute(shape, arithmetic, x, x, y, z);
        Assert.That(MmaRegisters.UnpackD(shape, pa), Is.EqualTo(want));
    }

    private static ulong[] Execute(in MmaShape shape, MmaArithmetic arithmetic, ulong[] a, ulong[] b, ulong[] c)
    {
        uint[] pa = MmaRegisters.PackA(shape, a), pb = MmaRegisters.PackB(shape, b), pc = MmaRegisters.PackC(shape, shape.C, c), pd = new uint[shape.RegistersD * 32];
        fixed (uint* x = pa, y = pb, z = pc, d = pd)
            Mma.Execute(shape, arithmetic, d, x, y, z);
        return MmaRegisters.UnpackD(shape, pd);
    }

    /// <summary>The definition, in big integers: align to the largest exponent, cut, add, round.</summary>
    internal static ulong Plain(in MmaShape shape, MmaHardware.Plan plan, ReadOnlySpan<ulong> row, ulong[] column, ulong addend)
    {
        FloatFormat result = shape.D == MmaType.F16 ? FloatFormat.F16 : FloatFormat.F32;
        for (int step = 0; step < shape.K; step += plan.Step)
        {
            double special = MmaCasesTests.Value(shape.D, addend), finite = 0;
            var terms = new List<(BigInteger Significand, int Exponent, int Fraction)> { Split(shape.D, addend) };
            for (int s = step; s < step + plan.Step; s++)
            {
                double x = MmaCasesTests.Value(shape.A, row[s]), y = MmaCasesTests.Value(shape.B, column[s]);
                finite += double.IsFinite(x * y) ? 0 : x * y;
                var (sx, ex, fx) = Split(shape.A, row[s]);
                var (sy, ey, fy) = Split(shape.B, column[s]);
                terms.Add((sx * sy, ex + ey, fx + fy));
            }

            special += finite;
            if (!double.IsFinite(special))
            {
                addend = result.Round(special, Rounding.NearestEven);
                continue;
            }

            terms.RemoveAll(t => t.Significand.IsZero);
            BigInteger sum = 0;
            int unit = terms.Count == 0 ? 0 : terms.Max(t => t.Exponent) - plan.FractionBits;
            foreach ((BigInteger significand, int exponent, int fraction) in terms)
            {
                int shift = unit - (exponent - fraction);
                BigInteger magnitude = BigInteger.Abs(significand);
                magnitude = shift >= 0 ? magnitude >> shift : magnitude << -shift;
                sum += significand.Sign * magnitude;
            }

            addend = shape.D == MmaType.F16
                ? result.Round(sum, unit, false, Rounding.NearestEven)
                : Cut(sum, unit) & plan.ResultMask;
        }

        return addend;

        // Toward zero, but infinity beyond the range.
        static ulong Cut(BigInteger sum, int unit)
        {
            ulong cut = FloatFormat.F32.Round(sum, unit, false, Rounding.Zero);
            return BigInteger.Abs(sum).GetBitLength() + unit > 128 ? (sum.Sign < 0 ? 0xff800000 : 0x7f800000) : cut;
        }
    }

    private static (BigInteger Significand, int Exponent, int Fraction) Split(MmaType type, ulong bits)
    {
        (int exponentBits, int mantissaBits) = type switch
        {
            MmaType.F16 => (5, 10),
            MmaType.Bf16 => (8, 7),
            MmaType.E4M3 => (4, 3),
            MmaType.E5M2 => (5, 2),
            _ => (8, 23),
        };
        if (type == MmaType.Tf32)
            bits &= ~0x1fffUL;
        int field = (int)(bits >> mantissaBits) & ((1 << exponentBits) - 1), bias = (1 << (exponentBits - 1)) - 1;
        long significand = (long)(bits & ((1UL << mantissaBits) - 1)) | (field == 0 ? 0 : 1L << mantissaBits);
        return (((bits >> (exponentBits + mantissaBits)) & 1) == 1 ? -significand : significand, Math.Max(field, 1) - bias, mantissaBits);
    }

    private static ulong[] Column(ulong[] b, int j, int k) => [.. Enumerable.Range(0, k).Select(s => b[(s * 8) + j])];

    private static ulong[] Random(Random random, MmaType type, int count, int spread)
    {
        FloatFormat format = type switch
        {
            MmaType.F16 => FloatFormat.F16,
            MmaType.Bf16 => FloatFormat.Bf16,
            MmaType.E4M3 => FloatFormat.E4M3,
            MmaType.E5M2 => FloatFormat.E5M2,
            _ => FloatFormat.F32,
        };
        var bits = new ulong[count];
        foreach (ref ulong v in bits.AsSpan())
        {
            v = spread == 2
                ? (ulong)random.NextInt64() & ((1UL << MmaShape.BitsOf(type)) - 1)
                : random.Next(9) == 0 ? 0 : format.Round((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(spread * -20, 3)), Rounding.NearestEven);
        }

        return bits;
    }
}
