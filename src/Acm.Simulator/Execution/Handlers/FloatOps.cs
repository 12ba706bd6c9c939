using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Simulator.Arithmetic;

namespace Acm.Simulator.Execution.Handlers;

internal interface IFloatMode
{
    static abstract bool Ftz { get; }

    static abstract bool Saturate { get; }
}

internal readonly struct Exactly : IFloatMode { public static bool Ftz => false; public static bool Saturate => false; }

internal readonly struct Flushed : IFloatMode { public static bool Ftz => true; public static bool Saturate => false; }

internal readonly struct Clamped : IFloatMode { public static bool Ftz => false; public static bool Saturate => true; }

internal readonly struct FlushedClamped : IFloatMode { public static bool Ftz => true; public static bool Saturate => true; }

internal interface IFloat1
{
    static abstract Vector512<float> Do(Vector512<float> a);
}

internal interface IFloat2
{
    static abstract Vector512<float> Do(Vector512<float> a, Vector512<float> b);
}

internal interface IFloat3
{
    static abstract Vector512<float> Do(Vector512<float> a, Vector512<float> b, Vector512<float> c);
}

/// <summary>f32 operations rounded to nearest, sixteen lanes at a time.</summary>
internal static unsafe class Float
{
    private static readonly Vector512<uint> s_exponent = Vector512.Create(0x7f800000u), s_sign = Vector512.Create(0x80000000u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Flush(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32();
        Vector512<uint> tiny = Vector512.Equals(bits & s_exponent, Vector512<uint>.Zero);
        return Vector512.ConditionalSelect(tiny, bits & s_sign, bits).AsSingle();
    }

    public static float Flush(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;

    /// <summary>Into [0, 1]; NaN becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Clamp(Vector512<float> x)
    {
        Vector512<float> positive = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), x, Vector512<float>.Zero);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(positive, Vector512<float>.One), Vector512<float>.One, positive);
    }

    public static float Clamp(float x) => x > 0 ? Math.Min(x, 1) : 0;

    public static double Clamp(double x) => x > 0 ? Math.Min(x, 1) : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> In<TMode>(float* p)
        where TMode : IFloatMode => TMode.Ftz ? Flush(Vector512.Load(p)) : Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Out<TMode>(Vector512<float> x)
        where TMode : IFloatMode
    {
        if (TMode.Ftz)
            x = Flush(x);
        if (TMode.Saturate)
            x = Clamp(x);
        return x.AsUInt32();
    }

    public static void Run1<T, TMode>(Warp w, Instruction* i, uint exec)
        where T : IFloat1
        where TMode : IFloatMode
    {
        float* a = (float*)w.Plane(i->A);
        Lanes.Store(w.Plane(i->D), Out<TMode>(T.Do(In<TMode>(a))), Out<TMode>(T.Do(In<TMode>(a + 16))), exec);
    }

    public static void Run2<T, TMode>(Warp w, Instruction* i, uint exec)
        where T : IFloat2
        where TMode : IFloatMode
    {
        float* a = (float*)w.Plane(i->A), b = (float*)w.Plane(i->B);
        Vector512<uint> low = Out<TMode>(T.Do(In<TMode>(a), In<TMode>(b)));
        Vector512<uint> high = Out<TMode>(T.Do(In<TMode>(a + 16), In<TMode>(b + 16)));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void Run3<T, TMode>(Warp w, Instruction* i, uint exec)
        where T : IFloat3
        where TMode : IFloatMode
    {
        float* a = (float*)w.Plane(i->A), b = (float*)w.Plane(i->B), c = (float*)w.Plane(i->C);
        Vector512<uint> low = Out<TMode>(T.Do(In<TMode>(a), In<TMode>(b), In<TMode>(c)));
        Vector512<uint> high = Out<TMode>(T.Do(In<TMode>(a + 16), In<TMode>(b + 16), In<TMode>(c + 16)));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void Map<T, TMode>(Warp w, Instruction* i, uint exec)
        where T : IScalar1<float, float>
        where TMode : IFloatMode
    {
        float* a = (float*)w.Plane(i->A), d = (float*)w.Plane(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            float x = T.Do(TMode.Ftz ? Flush(a[lane]) : a[lane]);
            d[lane] = TMode.Ftz ? Flush(x) : x;
        }
    }
}

internal readonly struct AddF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => a + b; }

internal readonly struct SubF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => a - b; }

internal readonly struct MulF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => a * b; }

internal readonly struct DivF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => a / b; }

internal readonly struct MinF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => Vector512.MinNumber(a, b); }

internal readonly struct MaxF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => Vector512.MaxNumber(a, b); }

internal readonly struct MinNaNF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => Vector512.Min(a, b); }

internal readonly struct MaxNaNF : IFloat2 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) => Vector512.Max(a, b); }

/// <summary>The smaller (larger) magnitude with the product's sign: <c>.xorsign.abs</c>.</summary>
internal readonly struct XorSign<T> : IFloat2
    where T : IFloat2
{
    public static Vector512<float> Do(Vector512<float> a, Vector512<float> b) =>
        (T.Do(Vector512.Abs(a), Vector512.Abs(b)).AsUInt32() | ((a.AsUInt32() ^ b.AsUInt32()) & Vector512.Create(0x80000000u))).AsSingle();
}

internal readonly struct FmaF : IFloat3 { public static Vector512<float> Do(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c); }

/// <summary>
/// fma.rn.ftz as the conformance set's reference gives it (cu_fp_special, 0.75 * 3e38 + 0.75): the sum is rounded to double before it is rounded to
/// float. It differs from a single rounding only where the double loses the bit that breaks a tie.
/// </summary>
internal readonly struct FmaByDoubleF : IFloat3
{
    public static Vector512<float> Do(Vector512<float> a, Vector512<float> b, Vector512<float> c)
    {
        (Vector512<double> a0, Vector512<double> a1) = Vector512.Widen(a);
        (Vector512<double> b0, Vector512<double> b1) = Vector512.Widen(b);
        (Vector512<double> c0, Vector512<double> c1) = Vector512.Widen(c);
        return Vector512.Narrow((a0 * b0) + c0, (a1 * b1) + c1);
    }
}

internal readonly struct NegF : IFloat1 { public static Vector512<float> Do(Vector512<float> a) => (a.AsUInt32() ^ Vector512.Create(0x80000000u)).AsSingle(); }

internal readonly struct AbsF : IFloat1 { public static Vector512<float> Do(Vector512<float> a) => Vector512.Abs(a); }

internal readonly struct RcpF : IFloat1 { public static Vector512<float> Do(Vector512<float> a) => Vector512<float>.One / a; }

internal readonly struct SqrtF : IFloat1 { public static Vector512<float> Do(Vector512<float> a) => Vector512.Sqrt(a); }

internal readonly struct RsqrtF : IFloat1
{
    public static Vector512<float> Do(Vector512<float> a)
    {
        (Vector512<double> low, Vector512<double> high) = Vector512.Widen(a);
        return Vector512.Narrow(Vector512<double>.One / Vector512.Sqrt(low), Vector512<double>.One / Vector512.Sqrt(high));
    }
}

internal readonly struct Ex2F : IFloat1 { public static Vector512<float> Do(Vector512<float> a) => Approximate.Exp2(a); }

internal readonly struct Lg2F : IScalar1<float, float> { public static float Do(float a) => (float)Math.Log2(a); }

internal readonly struct SinF : IScalar1<float, float> { public static float Do(float a) => (float)Math.Sin(a); }

internal readonly struct CosF : IScalar1<float, float> { public static float Do(float a) => (float)Math.Cos(a); }

internal readonly struct TanhF : IScalar1<float, float> { public static float Do(float a) => (float)Math.Tanh(a); }

// f64: rounded to nearest.
internal readonly struct AddD : IScalar2<double, double, double> { public static double Do(double a, double b) => a + b; }

internal readonly struct SubD : IScalar2<double, double, double> { public static double Do(double a, double b) => a - b; }

internal readonly struct MulD : IScalar2<double, double, double> { public static double Do(double a, double b) => a * b; }

internal readonly struct MinD : IScalar2<double, double, double> { public static double Do(double a, double b) => double.MinNumber(a, b); }

internal readonly struct MaxD : IScalar2<double, double, double> { public static double Do(double a, double b) => double.MaxNumber(a, b); }

internal readonly struct FmaD : IScalar3<double, double, double, double> { public static double Do(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c); }

internal readonly struct NegD : IScalar1<double, double> { public static double Do(double a) => -a; }

internal readonly struct AbsD : IScalar1<double, double> { public static double Do(double a) => Math.Abs(a); }

/// <summary>rcp.approx.ftz.f64: the low half of the significand is zero.</summary>
internal readonly struct RcpApproxD : IScalar1<double, double>
{
    public static double Do(double a) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(Flush(1 / Flush(a))) & ~0xffffffffL);

    internal static double Flush(double x) => double.IsSubnormal(x) ? Math.CopySign(0, x) : x;
}

internal readonly struct RsqrtApproxD : IScalar1<double, double> { public static double Do(double a) => 1 / Math.Sqrt(RcpApproxD.Flush(a)); }

internal readonly struct RsqrtD : IScalar1<double, double> { public static double Do(double a) => 1 / Math.Sqrt(a); }

internal readonly struct CopySignF : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (b & 0x7fffffff) | (a & 0x80000000); }

internal readonly struct CopySignD : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => (b & long.MaxValue) | (a & 1UL << 63); }
