using System.Numerics;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>
/// f32 and f64 arithmetic in every rounding mode. Nearest is the processor's own. Directed f32: the result in double is made odd
/// where it is inexact, after which one more rounding to 24 bits is right in any mode. Directed f64: exact integers, rounded once.
/// NaN results are not made canonical here (<see cref="Canonical(float)"/>).
/// </summary>
internal static class Directed
{
    /// <summary>x + y.</summary>
    public static float Add(float x, float y, Rounding mode)
    {
        if (mode == Rounding.NearestEven)
            return x + y;
        double sum = (double)x + y;
        return sum == 0 ? Zero(x, y, mode) : ToSingle(Odd(sum, SumError(x, y, sum)), mode);
    }

    /// <summary>x * y.</summary>
    public static float Multiply(float x, float y, Rounding mode) =>
        mode == Rounding.NearestEven ? x * y : ToSingle((double)x * y, mode);

    /// <summary>x * y + z, rounded once.</summary>
    public static float MultiplyAdd(float x, float y, float z, Rounding mode)
    {
        if (mode == Rounding.NearestEven)
            return MathF.FusedMultiplyAdd(x, y, z);
        double product = (double)x * y, sum = product + z;
        return sum == 0 ? Zero(product, z, mode) : ToSingle(Odd(sum, SumError(product, z, sum)), mode);
    }

    /// <summary>x / y.</summary>
    public static float Divide(float x, float y, Rounding mode)
    {
        if (mode == Rounding.NearestEven)
            return x / y;
        double quotient = (double)x / y;
        if (!double.IsFinite(quotient) || quotient == 0 || float.IsInfinity(y))
            return (float)quotient;
        double rest = Math.FusedMultiplyAdd(-quotient, y, x); // exact; of the sign of the error times that of y
        return ToSingle(Odd(quotient, y < 0 ? -rest : rest), mode);
    }

    /// <summary>The square root of x.</summary>
    public static float SquareRoot(float x, Rounding mode)
    {
        if (mode == Rounding.NearestEven || !(x > 0) || float.IsInfinity(x))
            return MathF.Sqrt(x);
        double root = Math.Sqrt(x);
        return ToSingle(Odd(root, Math.FusedMultiplyAdd(-root, root, x)), mode);
    }

    /// <summary>x + y.</summary>
    public static double Add(double x, double y, Rounding mode) => mode == Rounding.NearestEven ? x + y : MultiplyAdd(x, 1.0, y, mode);

    /// <summary>x * y.</summary>
    public static double Multiply(double x, double y, Rounding mode)
    {
        double nearest = x * y;
        if (mode == Rounding.NearestEven || !double.IsFinite(x) || !double.IsFinite(y) || x == 0 || y == 0)
            return nearest;
        (BigInteger sx, int ex) = Split(x);
        (BigInteger sy, int ey) = Split(y);
        return ToDouble(sx * sy, ex + ey, false, mode);
    }

    /// <summary>x * y + z, rounded once.</summary>
    public static double MultiplyAdd(double x, double y, double z, Rounding mode)
    {
        if (mode == Rounding.NearestEven || !double.IsFinite(x) || !double.IsFinite(y) || !double.IsFinite(z))
            return Math.FusedMultiplyAdd(x, y, z);
        (BigInteger sx, int ex) = Split(x);
        (BigInteger sy, int ey) = Split(y);
        (BigInteger sz, int ez) = Split(z);
        int exponent = Math.Min(ex + ey, ez);
        BigInteger sum = (sx * sy << (ex + ey - exponent)) + (sz << (ez - exponent));
        if (!sum.IsZero)
            return ToDouble(sum, exponent, false, mode);
        bool negativeProduct = double.IsNegative(x) != double.IsNegative(y);
        return Zero(negativeProduct ? -1 : 1, double.IsNegative(z) ? -1 : 1, mode);
    }

    /// <summary>x / y.</summary>
    public static double Divide(double x, double y, Rounding mode)
    {
        double nearest = x / y;
        if (mode == Rounding.NearestEven || !double.IsFinite(x) || !double.IsFinite(y) || x == 0 || y == 0)
            return nearest;
        (BigInteger sx, int ex) = Split(x);
        (BigInteger sy, int ey) = Split(y);
        BigInteger quotient = BigInteger.DivRem(BigInteger.Abs(sx) << 120, BigInteger.Abs(sy), out BigInteger rest);
        return ToDouble(sx.Sign * sy.Sign < 0 ? -quotient : quotient, ex - ey - 120, !rest.IsZero, mode);
    }

    /// <summary>The square root of x.</summary>
    public static double SquareRoot(double x, Rounding mode)
    {
        double root = Math.Sqrt(x);
        if (mode == Rounding.NearestEven || !(x > 0) || double.IsInfinity(x))
            return root;
        // A correctly rounded root is at most one step off; the comparison of its square with x, exactly, decides.
        (BigInteger sx, int ex) = Split(x);
        (BigInteger sr, int er) = Split(root);
        int exponent = Math.Min(ex, 2 * er);
        int above = ((sr * sr) << ((2 * er) - exponent)).CompareTo(sx << (ex - exponent));
        if (mode == Rounding.Up)
            return above < 0 ? Math.BitIncrement(root) : root;
        return above > 0 ? Math.BitDecrement(root) : root;
    }

    /// <summary>A subnormal becomes zero of the same sign (<c>.ftz</c>).</summary>
    public static float Flush(float x) => float.IsSubnormal(x) ? BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0x80000000) : x;

    /// <summary>Clamped to [0, 1], NaN to 0 (<c>.sat</c>).</summary>
    public static float Saturate(float x) => x > 0 ? Math.Min(x, 1f) : 0f;

    /// <summary>Clamped to [0, 1], NaN to 0 (<c>.sat</c>).</summary>
    public static double Saturate(double x) => x > 0 ? Math.Min(x, 1.0) : 0.0;

    /// <summary>Any NaN as the one that GPU arithmetic answers, 0x7fffffff.</summary>
    public static float Canonical(float x) => float.IsNaN(x) ? BitConverter.UInt32BitsToSingle(0x7fffffff) : x;

    /// <summary>f64 to f32.</summary>
    public static float ToSingle(double x, Rounding mode)
    {
        if (mode == Rounding.NearestEven || !double.IsFinite(x))
            return (float)x;
        return BitConverter.UInt32BitsToSingle((uint)FloatFormat.F32.Round(x, mode));
    }

    /// <summary>What was lost when x + y was rounded to sum; exact. 0 where the sum is not finite.</summary>
    private static double SumError(double x, double y, double sum)
    {
        double back = sum - x;
        double error = (x - (sum - back)) + (y - back);
        return double.IsNaN(error) ? 0 : error;
    }

    /// <summary>A nearest-rounded result with error <paramref name="error"/> (true minus rounded), rounded to odd instead.</summary>
    private static double Odd(double rounded, double error)
    {
        long bits = BitConverter.DoubleToInt64Bits(rounded);
        if (error == 0 || (bits & 1) == 1 || double.IsNaN(error))
            return rounded;
        return BitConverter.Int64BitsToDouble(bits + ((error > 0) == (rounded > 0) ? 1 : -1));
    }

    /// <summary>The zero that a sum of two terms gives: their common sign, else minus only when rounding down.</summary>
    private static float Zero(double x, double y, Rounding mode) =>
        double.IsNegative(x) == double.IsNegative(y) ? (double.IsNegative(x) ? -0f : 0f) : mode == Rounding.Down ? -0f : 0f;

    private static (BigInteger Significand, int Exponent) Split(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x), mantissa = bits & 0xfffffffffffff;
        int field = (int)(bits >> 52) & 0x7ff;
        long significand = field == 0 ? mantissa : mantissa | (1L << 52);
        return (bits < 0 ? -significand : significand, Math.Max(field, 1) - 1075);
    }

    private static double ToDouble(BigInteger value, int exponent, bool sticky, Rounding mode) =>
        BitConverter.UInt64BitsToDouble(FloatFormat.F64.Round(value, exponent, sticky, mode));
}
