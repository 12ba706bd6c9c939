using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Functions of one number, sixteen at a time. NaN in, NaN out, in its own lane.</summary>
internal static class Elementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Activation activation, Vector512<float> x) => activation switch
    {
        Activation.Gelu => Gelu(x),
        Activation.GeluTanh => GeluTanh(x),
        // Max would turn a NaN into 0.
        Activation.Relu => Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), Vector512<float>.Zero, x),
        _ => x,
    };

    /// <summary>
    /// x/2 erfc(-x/sqrt 2). The complementary error function is W. H. Press et al., Numerical Recipes, erfcc: t exp(-z^2 + P(t)), relative
    /// error under 1.2e-7 for every z; the square's rounding error is carried along, so that the left tail keeps it.
    /// </summary>
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        Vector512<float> z = Vector512.Min(Vector512.Abs(x) * 0.70710678f, Vector512.Create(16f));
        Vector512<float> t = Vector512<float>.One / Vector512.FusedMultiplyAdd(z, Vector512.Create(0.5f), Vector512<float>.One);
        Vector512<float> p = Vector512.Create(0.17087277f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.82215223f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(1.48851587f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-1.13520398f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.27886807f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.18628806f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.09678418f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.37409196f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(1.00002368f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-1.26551223f));
        // x^2/2 exactly enough: |x|/sqrt 2 is rounded, x * x / 2 is not but for its last bit, which the fused product gives.
        Vector512<float> bounded = Vector512.Min(Vector512.Abs(x), Vector512.Create(22.6f));
        Vector512<float> square = bounded * bounded * 0.5f;
        Vector512<float> lost = Vector512.FusedMultiplyAdd(bounded * 0.5f, bounded, -square);
        Vector512<float> tail = t * Exp(-square) * Exp(p - lost);
        Vector512<float> half = x * 0.5f * tail;
        Vector512<float> negative = Vector512.LessThan(x, Vector512<float>.Zero);
        Vector512<float> gelu = Vector512.ConditionalSelect(negative, half, x - half);
        // Beyond the clamp the tail is under the smallest float; and NaN, which Min may have lost, comes back.
        gelu = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-22.6f)), Vector512.Create(-0f), gelu);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), gelu, x);
    }

    /// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x / (1 + exp(-2u)).</summary>
    public static Vector512<float> GeluTanh(Vector512<float> x)
    {
        Vector512<float> cube = Vector512.FusedMultiplyAdd(x * x * 0.044715f, x, x);
        Vector512<float> u = Vector512.Max(Vector512.Min(cube * 1.5957691216f, Vector512.Create(87f)), Vector512.Create(-87f));
        Vector512<float> gelu = x / (Vector512<float>.One + Exp(-u));
        gelu = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-13f)), Vector512.Create(-0f), gelu);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), gelu, x);
    }

    /// <summary>e^x to 1 ulp; under -104 zero, over 88.7 infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> bounded = Vector512.Max(Vector512.Min(x, Vector512.Create(89f)), Vector512.Create(-105f));
        Vector512<float> n = Vector512.Round(bounded * 1.44269504f);
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), bounded);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        // 2^n in two factors, so that subnormal results are rounded once and not lost.
        Vector512<int> exponent = Vector512.ConvertToInt32(n), first = exponent >> 1;
        Vector512<float> scaled = p * Power(first) * Power(exponent - first);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), scaled, x);
    }

    private static Vector512<float> Power(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();
}
