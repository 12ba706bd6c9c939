using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Four rows laid side by side as columns: what packing a transposed weight and an attention's keys both come down to.</summary>
internal static unsafe class FourRows
{
    /// <summary><c>to[i * pitch + r] = rows[r * stride + i]</c> for r = 0 .. 3 and i below <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToColumns(float* rows, nint stride, int count, float* to, nint pitch)
    {
        float* r0 = rows, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
        int i = 0, whole = Sse.IsSupported ? count & ~3 : 0;
        for (; i < whole; i += 4, to += 4 * pitch)
        {
            Vector128<float> a = Vector128.Load(r0 + i), b = Vector128.Load(r1 + i), c = Vector128.Load(r2 + i), d = Vector128.Load(r3 + i);
            Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d), ab2 = Sse.UnpackHigh(a, b), cd2 = Sse.UnpackHigh(c, d);
            Sse.MoveLowToHigh(ab, cd).Store(to);
            Sse.MoveHighToLow(cd, ab).Store(to + pitch);
            Sse.MoveLowToHigh(ab2, cd2).Store(to + 2 * pitch);
            Sse.MoveHighToLow(cd2, ab2).Store(to + 3 * pitch);
        }
        for (; i < count; i++, to += pitch)
            (to[0], to[1], to[2], to[3]) = (r0[i], r1[i], r2[i], r3[i]);
    }
}
