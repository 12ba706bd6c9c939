using System.Numerics;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>
/// A binary floating-point format and its one way in, <see cref="Round(bool, UInt128, int, bool, Rounding, bool)"/> rounds an
/// exact value once. The oracle for every narrowing of the simulator: integers only, written apart from what it tests.
/// </summary>
/// <param name="ExponentBits">Width of the exponent field.</param>
/// <param name="MantissaBits">Width of the stored mantissa.</param>
/// <param name="Nan">The canonical NaN.</param>
/// <param name="HasInfinity">False for e4m3, whose only special pattern is NaN.</param>
internal sealed record FloatFormat(int ExponentBits, int MantissaBits, ulong Nan, bool HasInfinity = true)
{
    public static FloatFormat F64 { get; } = new(11, 52, 0x7fffffffffffffff);

    public static FloatFormat F32 { get; } = new(8, 23, 0x7fffffff);

    public static FloatFormat F16 { get; } = new(5, 10, 0x7fff);

    public static FloatFormat Bf16 { get; } = new(8, 7, 0x7fff);

    /// <summary>tf32 without the 13 zero bits below it.</summary>
    public static FloatFormat Tf32 { get; } = new(8, 10, 0x3ffff);

    public static FloatFormat E4M3 { get; } = new(4, 3, 0x7f, HasInfinity: false);

    public static FloatFormat E5M2 { get; } = new(5, 2, 0x7f);

    private int Bias => (1 << (ExponentBits - 1)) - 1;

    private ulong SignBit => 1UL << (ExponentBits + MantissaBits);

    private ulong Infinity => HasInfinity ? ((1UL << ExponentBits) - 1) << MantissaBits : Nan;

    private ulong Largest => Infinity - 1; // just below infinity; in e4m3 just below NaN

    /// <summary>Bits of <paramref name="value"/> rounded once. NaN becomes the canonical NaN.</summary>
    /// <param name="value">Any double.</param>
    /// <param name="mode">How to round.</param>
    /// <param name="saturateFinite"><c>.satfinite</c>: the largest finite number where infinity would come out.</param>
    public ulong Round(double value, Rounding mode, bool saturateFinite = false)
    {
        if (double.IsNaN(value))
            return Nan;
        bool negative = double.IsNegative(value);
        if (double.IsInfinity(value))
            return (saturateFinite ? Largest : Infinity) | (negative ? SignBit : 0);
        ulong bits = BitConverter.DoubleToUInt64Bits(value), mantissa = bits & 0xfffffffffffff;
        int field = (int)(bits >> 52) & 0x7ff;
        return Round(negative, field == 0 ? mantissa : mantissa | (1UL << 52), Math.Max(field, 1) - 1075, false, mode, saturateFinite);
    }

    /// <summary>Bits of (-1)^negative * (significand + something below 1 if <paramref name="sticky"/>) * 2^exponent, rounded once.</summary>
    public ulong Round(bool negative, UInt128 significand, int exponent, bool sticky, Rounding mode, bool saturateFinite = false)
    {
        ulong sign = negative ? SignBit : 0;
        if (significand == 0 && !sticky)
            return sign;
        int length = 128 - (int)UInt128.LeadingZeroCount(significand);
        int drop = Math.Max(length - 1 - MantissaBits, (1 - Bias - MantissaBits) - exponent);
        ulong kept;
        bool half = false, rest = sticky;
        if (drop <= 0)
        {
            kept = (ulong)significand << -drop; // at most MantissaBits + 1 bits
        }
        else if (drop > 128)
        {
            kept = 0;
            rest = true;
        }
        else
        {
            kept = drop == 128 ? 0 : (ulong)(significand >> drop);
            half = ((significand >> (drop - 1)) & 1) == 1;
            rest |= (significand & ((UInt128.One << (drop - 1)) - 1)) != 0;
        }

        if (mode switch
        {
            Rounding.NearestEven => half && (rest || (kept & 1) == 1),
            Rounding.NearestAway => half,
            Rounding.Down => negative && (half || rest),
            Rounding.Up => !negative && (half || rest),
            _ => false,
        })
            kept++;

        // The unit of `kept` is 2^(exponent + drop). A carry out of the mantissa steps into the next exponent by itself.
        long field = (long)exponent + drop + Bias + MantissaBits - 1;
        ulong magnitude = kept < 1UL << MantissaBits ? kept : kept + ((ulong)Math.Min(field, 1L << ExponentBits) << MantissaBits);
        if (magnitude < Infinity)
            return magnitude | sign;
        bool towardZero = mode switch { Rounding.Zero => true, Rounding.Down => !negative, Rounding.Up => negative, _ => false };
        return (saturateFinite || towardZero ? Largest : Infinity) | sign;
    }

    /// <summary>The value of bits of this format; exact.</summary>
    public double ToDouble(ulong bits)
    {
        ulong magnitude = bits & (SignBit - 1), mantissa = magnitude & ((1UL << MantissaBits) - 1);
        double sign = (bits & SignBit) != 0 ? -1 : 1;
        if (magnitude >= Infinity)
            return HasInfinity && magnitude == Infinity ? sign * double.PositiveInfinity : double.NaN;
        int field = (int)(magnitude >> MantissaBits);
        double significand = field == 0 ? mantissa : mantissa + (1UL << MantissaBits);
        return sign * Math.ScaleB(significand, Math.Max(field, 1) - Bias - MantissaBits);
    }

    /// <summary>Bits of a big integer times a power of two, rounded once.</summary>
    public ulong Round(BigInteger value, int exponent, bool sticky, Rounding mode)
    {
        BigInteger magnitude = BigInteger.Abs(value);
        int excess = (int)Math.Max(0, magnitude.GetBitLength() - 120);
        BigInteger top = magnitude >> excess;
        return Round(value.Sign < 0, (UInt128)top, exponent + excess, sticky || top << excess != magnitude, mode);
    }
}
