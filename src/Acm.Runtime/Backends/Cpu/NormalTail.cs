using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// The normal distribution's tail beyond s without its exponential: r(s) = exp(s^2/2) (1 - Phi(s)), by a polynomial for each of sixteen segments whose
/// coefficients are picked lane by lane. As rounded they are at most 1.7 units of 2^-24 off for s from 0 to 15, the sums' own rounding aside (NormalTail.g.cs, by
/// normal_tail.py).
/// </summary>
internal static partial class NormalTail
{
    /// <summary>Coefficients of a power, each lane's own segment's.</summary>
    /// <param name="power">0 to 5.</param>
    /// <param name="segment">Bits of 1 + s from its fraction's second on: the last four count.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Coefficient(int power, Vector512<int> segment) => Avx512F.IsSupported
        ? Avx512F.PermuteVar16x32(Vector512.LoadUnsafe(ref At(power)), segment)
        : Vector512.Create(Coefficient(power, segment.GetLower()), Coefficient(power, segment.GetUpper()));

    /// <summary>The same of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Coefficient(int power, Vector256<int> segment)
    {
        if (!Avx2.IsSupported)
            return Picked(power, segment);
        Vector256<float> first = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref At(power)), segment), second = Avx2.PermuteVar8x32(Vector256.LoadUnsafe(ref At(power), 8), segment);
        // Of the selector the sign bit counts: the last four bits' highest.
        return Avx.BlendVariable(first, second, (segment << 28).AsSingle());
    }

    private static Vector256<float> Picked(int power, Vector256<int> segment)
    {
        Span<float> picked = stackalloc float[8];
        for (int lane = 0; lane < picked.Length; lane++)
            picked[lane] = Coefficients[16 * power + (segment[lane] & 15)];
        return Vector256.Create<float>(picked);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float At(int power) => ref Unsafe.Add(ref MemoryMarshal.GetReference(Coefficients), 16 * power);
}
