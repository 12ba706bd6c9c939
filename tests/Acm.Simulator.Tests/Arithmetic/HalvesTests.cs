using System.Runtime.Intrinsics;
using Acm.Simulator.Arithmetic;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Conversions of sixteen lanes, against the golden patterns and against exact rounding.</summary>
public sealed class HalvesTests
{
    private static FloatFormat Of(Half16 format) => format == Half16.F16 ? FloatFormat.F16 : FloatFormat.Bf16;

    [Test]
    public void Golden_roundings_give_the_same_bits()
    {
        SafeTensors golden = SafeTensors.Read(SharedFolder.Need("golden", "ops", "rounding.safetensors"));
        uint[] source = golden.Get<uint>("float32/float32").ToArray(), tf32 = golden.Get<uint>("float32/tf32").ToArray();
        ushort[] f16 = golden.Get<ushort>("float32/float16").ToArray(), bf16 = golden.Get<ushort>("float32/bfloat16").ToArray();
        byte[] nan = golden.Get<byte>("float32/is_nan").ToArray();
        for (int i = 0; i < source.Length; i++)
        {
            Vector512<float> x = Vector512.Create(source[i]).AsSingle();
            uint gotF16 = Halves.FromSingle(x, Half16.F16)[0], gotBf16 = Halves.FromSingle(x, Half16.Bf16)[0], gotTf32 = Halves.ToTf32(x).AsUInt32()[0];
            Assert.That(gotF16, Is.EqualTo(nan[i] != 0 ? 0x7fff : f16[i]), $"{source[i]:x8} to f16");
            Assert.That(gotBf16, Is.EqualTo(nan[i] != 0 ? 0x7fff : bf16[i]), $"{source[i]:x8} to bf16");
            Assert.That(gotTf32, Is.EqualTo(nan[i] != 0 ? 0x7fffffffu : tf32[i]), $"{source[i]:x8} to tf32");
            if (nan[i] == 0)
                Assert.That(FloatFormat.F16.Round(BitConverter.UInt32BitsToSingle(source[i]), Rounding.NearestEven), Is.EqualTo((ulong)f16[i]), "the oracle itself");
        }
    }

    [Test]
    public void Every_16_bit_pattern_widens_exactly_and_comes_back([Values] bool bf16)
    {
        Half16 format = bf16 ? Half16.Bf16 : Half16.F16;
        for (uint bits = 0; bits < 65536; bits++)
        {
            float wide = Halves.ToSingle(Vector512.Create(bits | 0xabcd0000), format)[7];
            double want = Of(format).ToDouble(bits);
            Assert.That(wide, Is.EqualTo((float)want), $"{bits:x4}");
            Assert.That(float.IsNegative(wide), Is.EqualTo((bits & 0x8000) != 0), $"sign of {bits:x4}");
            Assert.That(Halves.FromSingle(Vector512.Create(wide), format)[3], Is.EqualTo(double.IsNaN(want) ? 0x7fff : bits), $"{bits:x4} there and back");
        }
    }

    [Test]
    public void Arithmetic_is_rounded_once([Values] bool bf16)
    {
        Half16 format = bf16 ? Half16.Bf16 : Half16.F16;
        FloatFormat exact = Of(format);
        var random = new Random(71);
        for (int n = 0; n < 40000; n++)
        {
            uint x = Pattern(random), y = Pattern(random), z = Pattern(random);
            double a = exact.ToDouble(x), b = exact.ToDouble(y), c = exact.ToDouble(z);
            Vector512<uint> vx = Vector512.Create(x), vy = Vector512.Create(y), vz = Vector512.Create(z);
            Check("add", HalfMath.Add(vx, vy, format)[5], Sum(exact, a, 1, b));
            Check("sub", HalfMath.Subtract(vx, vy, format)[5], Sum(exact, a, 1, -b));
            Check("mul", HalfMath.Multiply(vx, vy, format)[5], exact.Round(a * b, Rounding.NearestEven));
            Check("fma", HalfMath.MultiplyAdd(vx, vy, vz, format)[5], Sum(exact, a, b, c));
            uint both = HalfMath.MultiplyAddX2(vx | (vz << 16), vy | (vx << 16), vz | (vy << 16), format)[5];
            Check("fma, high half", both >> 16, Sum(exact, c, a, b));
            Check("fma, low half", both & 0xffff, Sum(exact, a, b, c));

            void Check(string what, uint got, ulong want) =>
                Assert.That(got, Is.EqualTo((uint)want), $"{what} {format} {x:x4} {y:x4} {z:x4}: {a} {b} {c}");
        }
    }

    /// <summary>x * y + z with exact integers, rounded once; NaN and infinities as IEEE has them.</summary>
    private static ulong Sum(FloatFormat format, double x, double y, double z)
    {
        double plain = (x * y) + z;
        if (!double.IsFinite(plain) || plain == 0)
            return format.Round(plain, Rounding.NearestEven);
        // Toward zero in double, with the lost part made odd by comparing the two directed sums: both exact by integers.
        double down = Directed.MultiplyAdd(x, y, z, Rounding.Zero), up = Directed.MultiplyAdd(x, y, z, plain > 0 ? Rounding.Up : Rounding.Down);
        bool inexact = down != up;
        long bits = BitConverter.DoubleToInt64Bits(down);
        return format.Round(inexact ? BitConverter.Int64BitsToDouble(bits | 1) : down, Rounding.NearestEven);
    }

    /// <summary>Any pattern, one time in two near others in exponent so that sums meet.</summary>
    private static uint Pattern(Random random) => random.Next(2) == 0 ? (uint)random.Next(65536) : (uint)((0x3800 + random.Next(0x1000)) | (random.Next(2) << 15));
}
