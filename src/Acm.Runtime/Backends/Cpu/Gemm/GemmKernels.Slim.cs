// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
    public static void Slim(int rows, float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        for (int strip = 0; strip < 32; strip += 8)
            for (int row = 0; row < rows; row += 4)
                switch (rows - row)
                {
                    case 1: Slim1(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 2: Slim2(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    case 3: Slim3(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                    default: Slim4(a + row * stride, stride, b + strip, depth, c + row * pitch + strip, pitch, bias + strip); break;
                }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slim1(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector128<float> c0_0 = Vector128.Load(bias), c0_1 = Vector128.Load(bias + 4);
        for (; depth > 0; depth--)
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4), x;
            x = Vector128.Create(*(a0));
            c0_0 = Vector128.MultiplyAddEstimate(x, b0, c0_0);
            c0_1 = Vector128.MultiplyAddEstimate(x, b1, c0_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slim2(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector128<float> c0_0 = Vector128.Load(bias), c0_1 = Vector128.Load(bias + 4);
        Vector128<float> c1_0 = c0_0, c1_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4), x;
            x = Vector128.Create(*(a0));
            c0_0 = Vector128.MultiplyAddEstimate(x, b0, c0_0);
            c0_1 = Vector128.MultiplyAddEstimate(x, b1, c0_1);
            x = Vector128.Create(*(a0 + stride));
            c1_0 = Vector128.MultiplyAddEstimate(x, b0, c1_0);
            c1_1 = Vector128.MultiplyAddEstimate(x, b1, c1_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 4);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slim3(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a;
        float* to0 = c;
        Vector128<float> c0_0 = Vector128.Load(bias), c0_1 = Vector128.Load(bias + 4);
        Vector128<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector128<float> c2_0 = c0_0, c2_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4), x;
            x = Vector128.Create(*(a0));
            c0_0 = Vector128.MultiplyAddEstimate(x, b0, c0_0);
            c0_1 = Vector128.MultiplyAddEstimate(x, b1, c0_1);
            x = Vector128.Create(*(a0 + stride));
            c1_0 = Vector128.MultiplyAddEstimate(x, b0, c1_0);
            c1_1 = Vector128.MultiplyAddEstimate(x, b1, c1_1);
            x = Vector128.Create(*(a0 + 2 * stride));
            c2_0 = Vector128.MultiplyAddEstimate(x, b0, c2_0);
            c2_1 = Vector128.MultiplyAddEstimate(x, b1, c2_1);
            a0++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 4);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 4);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slim4(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        Vector128<float> c0_0 = Vector128.Load(bias), c0_1 = Vector128.Load(bias + 4);
        Vector128<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector128<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector128<float> c3_0 = c0_0, c3_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4), x;
            x = Vector128.Create(*(a0));
            c0_0 = Vector128.MultiplyAddEstimate(x, b0, c0_0);
            c0_1 = Vector128.MultiplyAddEstimate(x, b1, c0_1);
            x = Vector128.Create(*(a0 + stride));
            c1_0 = Vector128.MultiplyAddEstimate(x, b0, c1_0);
            c1_1 = Vector128.MultiplyAddEstimate(x, b1, c1_1);
            x = Vector128.Create(*(a0 + 2 * stride));
            c2_0 = Vector128.MultiplyAddEstimate(x, b0, c2_0);
            c2_1 = Vector128.MultiplyAddEstimate(x, b1, c2_1);
            x = Vector128.Create(*(a1));
            c3_0 = Vector128.MultiplyAddEstimate(x, b0, c3_0);
            c3_1 = Vector128.MultiplyAddEstimate(x, b1, c3_1);
            a0++; a1++; b += 32;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 4);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 4);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 4);
        c3_0.Store(to1); c3_1.Store(to1 + 4);
    }
}
