using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Rows laid side by side as columns: what packing a transposed weight and an attention's keys both come down to.</summary>
internal static unsafe class Transposition
{
    /// <summary><c>to[i * pitch + r] = rows[r * stride + i]</c> for r below <paramref name="count"/> and i below <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Turn(float* rows, nint stride, int count, int depth, float* to, nint pitch)
    {
        for (; Avx512F.IsSupported && count >= 16; count -= 16, rows += 16 * stride, to += 16)
            Sixteen(rows, stride, depth, to, pitch);
        for (; count >= 4; count -= 4, rows += 4 * stride, to += 4)
            Four(rows, stride, depth, to, pitch);
        for (; count > 0; count--, rows += stride, to++)
            for (int i = 0; i < depth; i++)
                to[i * pitch] = rows[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(float* rows, nint stride, int depth, float* to, nint pitch)
    {
        float* r0 = rows, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
        int i = 0, whole = Sse.IsSupported ? depth & ~3 : 0;
        for (; i < whole; i += 4, to += 4 * pitch)
        {
            Vector128<float> a = Vector128.Load(r0 + i), b = Vector128.Load(r1 + i), c = Vector128.Load(r2 + i), d = Vector128.Load(r3 + i);
            Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d), ab2 = Sse.UnpackHigh(a, b), cd2 = Sse.UnpackHigh(c, d);
            Sse.MoveLowToHigh(ab, cd).Store(to);
            Sse.MoveHighToLow(cd, ab).Store(to + pitch);
            Sse.MoveLowToHigh(ab2, cd2).Store(to + 2 * pitch);
            Sse.MoveHighToLow(cd2, ab2).Store(to + 3 * pitch);
        }
        for (; i < depth; i++, to += pitch)
            (to[0], to[1], to[2], to[3]) = (r0[i], r1[i], r2[i], r3[i]);
    }

    // 16 x 16 at a time: first within each 128-bit quarter, four rows with four; then the quarters change places, twice.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sixteen(float* rows, nint stride, int depth, float* to, nint pitch)
    {
        int i = 0;
        for (; i + 16 <= depth; i += 16, to += 16 * pitch)
        {
            Quarters(rows + i, stride, out var a0, out var a1, out var a2, out var a3);
            Quarters(rows + 4 * stride + i, stride, out var b0, out var b1, out var b2, out var b3);
            Quarters(rows + 8 * stride + i, stride, out var c0, out var c1, out var c2, out var c3);
            Quarters(rows + 12 * stride + i, stride, out var d0, out var d1, out var d2, out var d3);
            Swap(a0, b0, c0, d0, to, pitch);
            Swap(a1, b1, c1, d1, to + pitch, pitch);
            Swap(a2, b2, c2, d2, to + 2 * pitch, pitch);
            Swap(a3, b3, c3, d3, to + 3 * pitch, pitch);
        }
        for (; i < depth; i++, to += pitch)
            for (int r = 0; r < 16; r++)
                to[r] = rows[r * stride + i];
    }

    // Quarter q of result j holds column 4q + j of the four rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(float* rows, nint stride, out Vector512<float> c0, out Vector512<float> c1, out Vector512<float> c2, out Vector512<float> c3)
    {
        Vector512<float> a = Vector512.Load(rows), b = Vector512.Load(rows + stride), c = Vector512.Load(rows + 2 * stride), d = Vector512.Load(rows + 3 * stride);
        Vector512<double> ab = Avx512F.UnpackLow(a, b).AsDouble(), cd = Avx512F.UnpackLow(c, d).AsDouble();
        Vector512<double> ab2 = Avx512F.UnpackHigh(a, b).AsDouble(), cd2 = Avx512F.UnpackHigh(c, d).AsDouble();
        c0 = Avx512F.UnpackLow(ab, cd).AsSingle();
        c1 = Avx512F.UnpackHigh(ab, cd).AsSingle();
        c2 = Avx512F.UnpackLow(ab2, cd2).AsSingle();
        c3 = Avx512F.UnpackHigh(ab2, cd2).AsSingle();
    }

    // Lines 0, 4, 8 and 12 from here: quarter q of the four, side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Swap(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to, nint pitch)
    {
        const byte even = 0b10_00_10_00, odd = 0b11_01_11_01;
        Vector512<float> ab = Avx512F.Shuffle4x128(a, b, even), cd = Avx512F.Shuffle4x128(c, d, even);
        Vector512<float> ab2 = Avx512F.Shuffle4x128(a, b, odd), cd2 = Avx512F.Shuffle4x128(c, d, odd);
        Avx512F.Shuffle4x128(ab, cd, even).Store(to);
        Avx512F.Shuffle4x128(ab2, cd2, even).Store(to + 4 * pitch);
        Avx512F.Shuffle4x128(ab, cd, odd).Store(to + 8 * pitch);
        Avx512F.Shuffle4x128(ab2, cd2, odd).Store(to + 12 * pitch);
    }
}
