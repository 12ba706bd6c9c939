// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
    public static void Narrow(int rows, float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        for (int strip = 0; strip < 32; strip += 16)
            for (int row = 0; row < rows; row += 6)
                switch (rows - row)
                {
                    case 1: Narrow1(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 2: Narrow2(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 3: Narrow3(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 4: Narrow4(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 5: Narrow5(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    default: Narrow6(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow1(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow2(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        Vector256<float> c1_0 = c0_0, c1_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(a0 + stride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow3(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        Vector256<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector256<float> c2_0 = c0_0, c2_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(a0 + stride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector256.Create(*(a0 + 2 * stride));
            c2_0 = Vector256.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x, b1, c2_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 8);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow4(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        Vector256<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector256<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector256<float> c3_0 = c0_0, c3_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(a0 + stride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector256.Create(*(a0 + 2 * stride));
            c2_0 = Vector256.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector256.Create(*(a1));
            c3_0 = Vector256.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector256.FusedMultiplyAdd(x, b1, c3_1);
            a0++; a1++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 8);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 8);
        c3_0.Store(to1); c3_1.Store(to1 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow5(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        Vector256<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector256<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector256<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector256<float> c4_0 = c0_0, c4_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(a0 + stride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector256.Create(*(a0 + 2 * stride));
            c2_0 = Vector256.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector256.Create(*(a1));
            c3_0 = Vector256.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector256.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector256.Create(*(a1 + stride));
            c4_0 = Vector256.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector256.FusedMultiplyAdd(x, b1, c4_1);
            a0++; a1++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 8);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 8);
        c3_0.Store(to1); c3_1.Store(to1 + 8);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow6(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        Vector256<float> c0_0 = Vector256.Load(bias), c0_1 = Vector256.Load(bias + 8);
        Vector256<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector256<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector256<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector256<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector256<float> c5_0 = c0_0, c5_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), x;
            x = Vector256.Create(*(a0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(a0 + stride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector256.Create(*(a0 + 2 * stride));
            c2_0 = Vector256.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector256.Create(*(a1));
            c3_0 = Vector256.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector256.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector256.Create(*(a1 + stride));
            c4_0 = Vector256.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector256.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector256.Create(*(a1 + 2 * stride));
            c5_0 = Vector256.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector256.FusedMultiplyAdd(x, b1, c5_1);
            a0++; a1++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 8);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 8);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 8);
        c3_0.Store(to1); c3_1.Store(to1 + 8);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 8);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 8);
    }
}
