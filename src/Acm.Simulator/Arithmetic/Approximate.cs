using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>Approximations on sixteen lanes: closer than the PTX ISA's bounds, the same bits on every machine with fused multiply-add.</summary>
internal static class Approximate
{
    /// <summary><c>ex2.approx</c>: 2^x, within 2 ulp.</summary>
    public static Vector512<float> Exp2(Vector512<float> x)
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
        return Vector512.ConditionalSelect(Vector512.Equals(x, x), result, Vector512.Create(0x7fffffffu).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => Vector512.ShiftLeft(n + Vector512.Create(127), 23).AsSingle();
}
