using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Functions of one number, sixteen at a time. NaN in, NaN out, in its own lane. Where the processor has no 512 bits each goes through its twin of eight at a
/// time, which elementwise_narrow.py writes from this file: run it after an edit.
/// </summary>
internal static partial class Elementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Activation activation, Vector512<float> x) => activation switch
    {
        Activation.Gelu => Gelu(x),
        Activation.GeluTanh => GeluTanh(x),
        // A NaN comes through: of two operands the processor then takes the second.
        Activation.Relu => Vector512.MaxNative(Vector512<float>.Zero, x),
        _ => x,
    };

    /// <summary>
    /// x/2 erfc(-x/sqrt 2) = max(x, 0) + t q(t) with t = -|x|, where q(t) = exp(-t^2/2) r(-t) is the normal distribution's tail, r that of
    /// <see cref="NormalTail"/>. The exponential is that of the exact square, so that the left tail keeps its relative precision. Over every float, in units
    /// of the last place: at most 1.92 for positive x (bound 2), 4.17 for negative ones down to -12.9 (bound 5), where results leave the normal range; from
    /// -13.2 on zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        if (!Vector512.IsHardwareAccelerated)
            return Vector512.Create(Gelu(x.GetLower()), Gelu(x.GetUpper()));
        // From -13.2 down the tail, under the smallest normal float, is zero. Of negative numbers, as unsigned integers, the nearer to zero is the smaller; a NaN is
        // the largest, and comes through by the last sum: of two operands the processor takes the second.
        Vector512<float> t = Vector512.Min((x | Vector512.Create(-0f)).AsUInt32(), Vector512.Create(-13.2f).AsUInt32()).AsSingle(), one = Vector512<float>.One;
        Vector512<int> place = (one - t).AsInt32(), segment = place >> 21;
        // How far -t lies beyond its segment's begin, exactly: the sum above was rounded.
        Vector512<float> d = one - (place & Vector512.Create(-1 << 21)).AsSingle() - t;
        Vector512<float> r = NormalTail.Coefficient(5, segment);
        r = Vector512.FusedMultiplyAdd(r, d, NormalTail.Coefficient(4, segment));
        r = Vector512.FusedMultiplyAdd(r, d, NormalTail.Coefficient(3, segment));
        r = Vector512.FusedMultiplyAdd(r, d, NormalTail.Coefficient(2, segment));
        r = Vector512.FusedMultiplyAdd(r, d, NormalTail.Coefficient(1, segment));
        r = Vector512.FusedMultiplyAdd(r, d, NormalTail.Coefficient(0, segment));
        return Vector512.FusedMultiplyAdd(t, r * Exponential(t, t, -0.5f), Vector512.MaxNative(Vector512<float>.Zero, x));
    }

    /// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x / (1 + exp(-2u)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluTanh(Vector512<float> x)
    {
        if (!Vector512.IsHardwareAccelerated)
            return Vector512.Create(GeluTanh(x.GetLower()), GeluTanh(x.GetUpper()));
        Vector512<float> cube = Vector512.FusedMultiplyAdd(x * x * 0.044715f, x, x);
        Vector512<float> u = Vector512.MaxNative(Vector512.MinNative(cube * 1.5957691216f, Vector512.Create(87f)), Vector512.Create(-87f));
        Vector512<float> gelu = x / (Vector512<float>.One + Exp(-u));
        gelu = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-13f)), Vector512.Create(-0f), gelu);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), gelu, x);
    }

    /// <summary>e^x: at most 0.98 units of the last place over every float from -86 to 88 (bound 1); under -87 zero, over 88.8 infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        if (!Vector512.IsHardwareAccelerated)
            return Vector512.Create(Exp(x.GetLower()), Exp(x.GetUpper()));
        Vector512<float> bounded = Vector512.MaxNative(Vector512.MinNative(x, Vector512.Create(89f)), Vector512.Create(-87.3f));
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), Exponential(bounded, Vector512<float>.One, 1), x);
    }

    // e^(scale x y) of the exact product, from -87.6 to 89; zero where 2^n, n rounded, would be 2^-126. The polynomial is that of PowerOfTwo, of the exponent's
    // ln 2. The scale, a power of two of either sign, is in the constants, which the compiler works out.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exponential(Vector512<float> x, Vector512<float> y, float scale)
    {
        const float twice = 2, shift = (3 << 22) + 127 - 1;
        Vector512<float> shifted = Vector512.FusedMultiplyAdd(x * y, Vector512.Create(scale * 1.44269504f), Vector512.Create(shift)), n = shifted - Vector512.Create(shift);
        // ln 2 in two pieces, the first so short that n times it is exact.
        Vector512<float> r = Vector512.FusedMultiplyAdd(x, y, n * (-0.693359375f / scale));
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f / scale), r);
        Vector512<float> p = Vector512.Create(twice * 1.39336414e-3f * (scale * scale * scale * scale * scale * scale));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice * 8.36914845e-3f * (scale * scale * scale * scale * scale)));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice * 4.16664670e-2f * (scale * scale * scale * scale)));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice * 0.166665048f * (scale * scale * scale)));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice * 0.5f * (scale * scale)));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice * scale));
        return Vector512.FusedMultiplyAdd(p, r, Vector512.Create(twice)) * Power(shifted);
    }

    /// <summary>
    /// 2^x for x up to 128: 1 + r q(r) at r = x - round(x), q of degree 5, interpolated at the Chebyshev nodes. At most 0.88 units of the last place over
    /// every float from -99 (bound 1); under -99.5 zero, so that what it weighs does not become subnormal.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> PowerOfTwo(Vector512<float> x)
    {
        if (!Vector512.IsHardwareAccelerated)
            return Vector512.Create(PowerOfTwo(x.GetLower()), PowerOfTwo(x.GetUpper()));
        const float lift = 1 << 27, shift = (3 << 22) + 127 - 27;
        // A NaN comes through: of two operands the processor then takes the second.
        x = Vector512.MaxNative(Vector512.Create(-100f), x);
        Vector512<float> shifted = x + Vector512.Create(shift), r = x - (shifted - Vector512.Create(shift));
        Vector512<float> p = Vector512.Create(lift * 1.54531634e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift * 1.33908633e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift * 9.61808302e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift * 5.55035695e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift * 2.40226507e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift * 6.93147182e-1f));
        return Vector512.FusedMultiplyAdd(p, r, Vector512.Create(lift)) * Power(shifted);
    }

    // 2^(n - 127), zero for n = 0, of n from 0 to 254: the last bits of a float that 3 * 2^22 was added to, which rounds it to an integer. What is raised by it
    // is so large that no product is subnormal: a processor may take hundreds of cycles for a vector with one, and as many wherever it is read.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Power(Vector512<float> shifted) => (shifted.AsInt32() << 23).AsSingle();
}
