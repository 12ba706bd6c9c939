using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>
/// The <c>.approx</c> instructions on sixteen lanes: closer than the PTX ISA's bounds, the same bits on every machine with
/// fused multiply-add. NaN results are 0x7fffffff.
/// </summary>
internal static class Approximate
{
    /// <summary><c>ex2.approx</c>: 2^x, within 2 ulp.</summary>
    public static Vector512<float> Exp2(Vector512<float> x, bool ftz)
    {
        Vector512<float> held = Vector512.Min(Vector512.Max(x, Vector512.Create(-151f)), Vector512.Create(129f));
        Vector512<float> magic = Vector512.Create(12582912f); // 1.5 * 2^23: adding it rounds to an integer
        Vector512<float> shifted = held + magic, whole = shifted - magic, f = held - whole;
        Vector512<int> n = shifted.AsInt32() - magic.AsInt32();
        // (2^f - 1) / f on [-1/2, 1/2], relative error of 2^f below 2^-29.
        Vector512<float> p = Vector512.Create(0.0001545316294512069f);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.0013390863364671234f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.009618082557277852f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.05550357114219078f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.24022650760568126f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.6931471880262288f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        Vector512<int> first = Vector512.ShiftRightArithmetic(n, 1); // in two steps: 2^n alone may not be normal
        Vector512<float> result = p * PowerOfTwo(first) * PowerOfTwo(n - first);
        return Finish(Vector512.ConditionalSelect(Vector512.Equals(x, x), result, x), ftz);
    }

    /// <summary><c>lg2.approx</c>: base-2 logarithm.</summary>
    public static Vector512<float> Log2(Vector512<float> x, bool ftz)
    {
        (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Start(x, ftz));
        return Finish(Vector512.Narrow(Vector512.Log2(low), Vector512.Log2(high)), ftz);
    }

    /// <summary><c>sin.approx</c>.</summary>
    public static Vector512<float> Sin(Vector512<float> x, bool ftz) => Each(Start(x, ftz), Math.Sin, ftz);

    /// <summary><c>cos.approx</c>.</summary>
    public static Vector512<float> Cos(Vector512<float> x, bool ftz) => Each(Start(x, ftz), Math.Cos, ftz);

    /// <summary><c>tanh.approx</c>.</summary>
    public static Vector512<float> Tanh(Vector512<float> x) => Each(x, Math.Tanh, ftz: false);

    /// <summary><c>rcp.approx</c>: 1 / x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Reciprocal(Vector512<float> x, bool ftz) => Finish(Vector512<float>.One / Start(x, ftz), ftz);

    /// <summary><c>rsqrt.approx</c>: 1 / sqrt(x).</summary>
    public static Vector512<float> ReciprocalSquareRoot(Vector512<float> x, bool ftz)
    {
        (Vector512<double> low, Vector512<double> high) = Vector512.Widen(Start(x, ftz));
        return Finish(Vector512.Narrow(Vector512<double>.One / Vector512.Sqrt(low), Vector512<double>.One / Vector512.Sqrt(high)), ftz);
    }

    /// <summary><c>sqrt.approx</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SquareRoot(Vector512<float> x, bool ftz) => Finish(Vector512.Sqrt(Start(x, ftz)), ftz);

    /// <summary><c>div.full</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DivideFull(Vector512<float> x, Vector512<float> y, bool ftz) => Finish(Start(x, ftz) / Start(y, ftz), ftz);

    /// <summary><c>div.approx</c>: x * (1 / y); the reciprocal of more than 2^126 counts as zero.</summary>
    public static Vector512<float> Divide(Vector512<float> x, Vector512<float> y, bool ftz)
    {
        Vector512<float> a = Start(x, ftz), b = Start(y, ftz), size = Vector512.Abs(b);
        Vector512<float> huge = Vector512.GreaterThan(size, Vector512.Create(8.507059173023462e37f)) & Vector512.LessThan(size, Vector512.Create(float.PositiveInfinity));
        Vector512<float> zero = ((b.AsUInt32() & Vector512.Create(0x80000000u)).AsSingle()) * a; // NaN where x is infinite
        return Finish(Vector512.ConditionalSelect(huge, zero, a / b), ftz);
    }

    /// <summary><c>rcp.approx.ftz.f64</c>: from and to the upper 32 bits of a double.</summary>
    public static double Reciprocal(double x) => Upper(1.0 / Upper(x));

    /// <summary><c>rsqrt.approx.ftz.f64</c>.</summary>
    public static double ReciprocalSquareRoot(double x) => Upper(1.0 / Math.Sqrt(Upper(x)));

    /// <summary>Subnormals to zero of the same sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Flush(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32(), exponent = bits & Vector512.Create(0x7f800000u);
        return Vector512.ConditionalSelect(Vector512.Equals(exponent, Vector512<uint>.Zero), bits & Vector512.Create(0x80000000u), bits).AsSingle();
    }

    /// <summary>Every NaN as 0x7fffffff.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Canonical(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), x.AsUInt32(), Vector512.Create(0x7fffffffu)).AsSingle();

    /// <summary>Clamped to [0, 1], NaN to 0 (<c>.sat</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Saturate(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512.Min(x, Vector512<float>.One), Vector512<float>.Zero);

    private static double Upper(double x)
    {
        if (double.IsNaN(x))
            return BitConverter.UInt64BitsToDouble(0x7fffffff00000000);
        long bits = BitConverter.DoubleToInt64Bits(x);
        bool tiny = (bits & 0x7ff0000000000000) == 0; // .ftz
        return BitConverter.Int64BitsToDouble(bits & (tiny ? long.MinValue : ~0xffffffffL));
    }

    private static Vector512<float> Each(Vector512<float> x, Func<double, double> function, bool ftz)
    {
        for (int i = 0; i < 16; i++)
            x = x.WithElement(i, (float)function(x[i]));
        return Finish(x, ftz);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => Vector512.ShiftLeft(n + Vector512.Create(127), 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Start(Vector512<float> x, bool ftz) => ftz ? Flush(x) : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Finish(Vector512<float> x, bool ftz) => Canonical(ftz ? Flush(x) : x);
}
