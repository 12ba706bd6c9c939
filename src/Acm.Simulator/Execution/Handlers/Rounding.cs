namespace Acm.Simulator.Execution.Handlers;

internal enum RoundMode { Nearest, Zero, Down, Up, NearestAway }

/// <summary>A float format: bits of precision, exponent of its smallest normal, largest finite value.</summary>
internal readonly record struct FloatFormat(int Precision, int MinExponent, double Max)
{
    public static readonly FloatFormat F16 = new(11, -14, 65504);
    public static readonly FloatFormat Bf16 = new(8, -126, 3.3895313892515355e38);
    public static readonly FloatFormat Tf32 = new(11, -126, 3.4011621342146535e38);
    public static readonly FloatFormat F32 = new(24, -126, float.MaxValue);
    public static readonly FloatFormat E4M3 = new(4, -6, 448);
    public static readonly FloatFormat E5M2 = new(3, -14, 57344);
}

/// <summary>Rounding of exact values to narrower formats, in every direction.</summary>
internal static class Rounding
{
    /// <summary>x in the format, as a double that represents it exactly (or an infinity).</summary>
    public static double To(double x, in FloatFormat format, RoundMode mode)
    {
        if (x == 0 || !double.IsFinite(x))
            return x;
        int exponent = Math.Max(Math.ILogB(x), format.MinExponent) - (format.Precision - 1);
        double result = Math.ScaleB(Integral(Math.ScaleB(x, -exponent), mode), exponent);
        if (Math.Abs(result) <= format.Max)
            return result == 0 ? Math.CopySign(0, x) : result;
        bool inward = mode == RoundMode.Zero || (mode == RoundMode.Down && x > 0) || (mode == RoundMode.Up && x < 0);
        return Math.CopySign(inward ? format.Max : double.PositiveInfinity, x);
    }

    public static double Integral(double x, RoundMode mode) => mode switch
    {
        RoundMode.Nearest => Math.Round(x, MidpointRounding.ToEven),
        RoundMode.Zero => Math.Truncate(x),
        RoundMode.Down => Math.Floor(x),
        RoundMode.Up => Math.Ceiling(x),
        _ => Math.Round(x, MidpointRounding.AwayFromZero),
    };

    /// <summary>An integer cut to a number of significant bits, as a double.</summary>
    public static double Integer(ulong magnitude, bool negative, int precision, RoundMode mode)
    {
        int excess = 64 - System.Numerics.BitOperations.LeadingZeroCount(magnitude) - precision;
        if (excess > 0)
        {
            ulong unit = 1UL << excess, lost = magnitude & (unit - 1), kept = magnitude >> excess;
            bool up = mode switch
            {
                RoundMode.Nearest => lost > unit / 2 || (lost == unit / 2 && (kept & 1) != 0),
                RoundMode.Zero => false,
                RoundMode.Down => negative && lost != 0,
                RoundMode.Up => !negative && lost != 0,
                _ => lost >= unit / 2,
            };
            double value = Math.ScaleB(kept + (up ? 1UL : 0), excess);
            return negative ? -value : value;
        }

        return negative ? -(double)magnitude : magnitude;
    }

    /// <summary>s + e (|e| below half a unit of s) with the last bit of s set where e is not zero: rounding it again is then right.</summary>
    public static double ToOdd(double s, double e)
    {
        if (e == 0 || !double.IsFinite(s) || double.IsNaN(e))
            return s;
        long bits = BitConverter.DoubleToInt64Bits(s);
        if ((bits & 1) != 0)
            return s;
        return s > 0 == e > 0 ? BitConverter.Int64BitsToDouble(bits | 1) : BitConverter.Int64BitsToDouble(bits - 1);
    }

    /// <summary>a + b exactly, as a sum and its error.</summary>
    public static double Sum(double a, double b, out double error)
    {
        double s = a + b;
        double bb = s - a;
        error = double.IsFinite(s) ? (a - (s - bb)) + (b - bb) : 0;
        return s;
    }

    /// <summary>a * b + c for operands of at most 24 bits, exact but for a last bit that is set when something was lost.</summary>
    public static double FusedOdd(double a, double b, double c)
    {
        double s = Sum(a * b, c, out double error);
        return ToOdd(s, error);
    }
}

/// <summary>Narrow float formats to and from their bits.</summary>
internal static class Narrows
{
    public static double FromF16(uint bits) => (double)BitConverter.UInt16BitsToHalf((ushort)bits);

    public static double FromBf16(uint bits) => BitConverter.UInt32BitsToSingle(bits << 16);

    public static uint F16Bits(double exact) => double.IsNaN(exact) ? 0x7fffu : BitConverter.HalfToUInt16Bits((Half)exact);

    public static uint Bf16Bits(double exact) => double.IsNaN(exact) ? 0x7fffu : BitConverter.SingleToUInt32Bits((float)exact) >> 16;

    public static uint ToF16(double x, RoundMode mode) => F16Bits(mode == RoundMode.Nearest ? x : Rounding.To(x, FloatFormat.F16, mode));

    public static uint ToBf16(double x, RoundMode mode) => Bf16Bits(Rounding.To(x, FloatFormat.Bf16, mode));

    public static double FromE4M3(uint bits)
    {
        uint exponent = bits >> 3 & 15, fraction = bits & 7;
        double value = exponent == 15 && fraction == 7 ? double.NaN
            : exponent == 0 ? Math.ScaleB(fraction, -9) : Math.ScaleB(8 + fraction, (int)exponent - 10);
        return (bits & 0x80) != 0 ? -value : value;
    }

    public static double FromE5M2(uint bits) => FromF16((bits & 0xff) << 8);

    /// <summary>Rounded to nearest, saturated to the largest finite value; NaN stays NaN.</summary>
    public static uint ToE4M3(double x)
    {
        uint sign = double.IsNegative(x) ? 0x80u : 0;
        if (double.IsNaN(x))
            return 0x7f;
        double r = Math.Min(Math.Abs(Rounding.To(x, FloatFormat.E4M3, RoundMode.Nearest)), 448);
        if (r == 0)
            return sign;
        int exponent = Math.Max(Math.ILogB(r), -6);
        uint significand = (uint)Math.ScaleB(r, 3 - exponent);
        return sign | (significand < 8 ? significand : (uint)((exponent + 7) << 3) | (significand - 8));
    }

    public static uint ToE5M2(double x)
    {
        if (double.IsNaN(x))
            return 0x7f;
        double r = Rounding.To(x, FloatFormat.E5M2, RoundMode.Nearest);
        return F16Bits(Math.Clamp(r, -57344, 57344)) >> 8;
    }
}
