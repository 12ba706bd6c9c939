// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
    public static void Wide(int rows, float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        switch (rows)
        {
            case 1: Wide1(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 2: Wide2(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 3: Wide3(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 4: Wide4(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 5: Wide5(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 6: Wide6(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 7: Wide7(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 8: Wide8(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 9: Wide9(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 10: Wide10(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 11: Wide11(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 12: Wide12(a, stride, b, depth, c, pitch, bias, ahead); break;
            case 13: Wide13(a, stride, b, depth, c, pitch, bias, ahead); break;
            default: Wide14(a, stride, b, depth, c, pitch, bias, ahead); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide1(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a;
        float* to0 = c;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            a0++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide2(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a;
        float* to0 = c;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            a0++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide3(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a;
        float* to0 = c;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            a0++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide4(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            a0++; a1++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide5(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            a0++; a1++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide6(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            a0++; a1++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide7(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            a0++; a1++; a2++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide8(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            a0++; a1++; a2++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide9(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            a0++; a1++; a2++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide10(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch, to3 = to2 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
            Sse.Prefetch0(to3); Sse.Prefetch0(to3 + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        Vector512<float> c9_0 = c0_0, c9_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(a3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            a0++; a1++; a2++; a3++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
        c9_0.Store(to3); c9_1.Store(to3 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide11(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch, to3 = to2 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
            Sse.Prefetch0(to3); Sse.Prefetch0(to3 + 16);
            Sse.Prefetch0(to3 + pitch); Sse.Prefetch0(to3 + pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        Vector512<float> c9_0 = c0_0, c9_1 = c0_1;
        Vector512<float> c10_0 = c0_0, c10_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(a3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            x = Vector512.Create(*(a3 + stride));
            c10_0 = Vector512.FusedMultiplyAdd(x, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x, b1, c10_1);
            a0++; a1++; a2++; a3++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
        c9_0.Store(to3); c9_1.Store(to3 + 16);
        c10_0.Store(to3 + pitch); c10_1.Store(to3 + pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide12(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch, to3 = to2 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
            Sse.Prefetch0(to3); Sse.Prefetch0(to3 + 16);
            Sse.Prefetch0(to3 + pitch); Sse.Prefetch0(to3 + pitch + 16);
            Sse.Prefetch0(to3 + 2 * pitch); Sse.Prefetch0(to3 + 2 * pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        Vector512<float> c9_0 = c0_0, c9_1 = c0_1;
        Vector512<float> c10_0 = c0_0, c10_1 = c0_1;
        Vector512<float> c11_0 = c0_0, c11_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(a3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            x = Vector512.Create(*(a3 + stride));
            c10_0 = Vector512.FusedMultiplyAdd(x, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x, b1, c10_1);
            x = Vector512.Create(*(a3 + 2 * stride));
            c11_0 = Vector512.FusedMultiplyAdd(x, b0, c11_0);
            c11_1 = Vector512.FusedMultiplyAdd(x, b1, c11_1);
            a0++; a1++; a2++; a3++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
        c9_0.Store(to3); c9_1.Store(to3 + 16);
        c10_0.Store(to3 + pitch); c10_1.Store(to3 + pitch + 16);
        c11_0.Store(to3 + 2 * pitch); c11_1.Store(to3 + 2 * pitch + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide13(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride, a4 = a3 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch, to3 = to2 + 3 * pitch, to4 = to3 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
            Sse.Prefetch0(to3); Sse.Prefetch0(to3 + 16);
            Sse.Prefetch0(to3 + pitch); Sse.Prefetch0(to3 + pitch + 16);
            Sse.Prefetch0(to3 + 2 * pitch); Sse.Prefetch0(to3 + 2 * pitch + 16);
            Sse.Prefetch0(to4); Sse.Prefetch0(to4 + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        Vector512<float> c9_0 = c0_0, c9_1 = c0_1;
        Vector512<float> c10_0 = c0_0, c10_1 = c0_1;
        Vector512<float> c11_0 = c0_0, c11_1 = c0_1;
        Vector512<float> c12_0 = c0_0, c12_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(a3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            x = Vector512.Create(*(a3 + stride));
            c10_0 = Vector512.FusedMultiplyAdd(x, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x, b1, c10_1);
            x = Vector512.Create(*(a3 + 2 * stride));
            c11_0 = Vector512.FusedMultiplyAdd(x, b0, c11_0);
            c11_1 = Vector512.FusedMultiplyAdd(x, b1, c11_1);
            x = Vector512.Create(*(a4));
            c12_0 = Vector512.FusedMultiplyAdd(x, b0, c12_0);
            c12_1 = Vector512.FusedMultiplyAdd(x, b1, c12_1);
            a0++; a1++; a2++; a3++; a4++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
        c9_0.Store(to3); c9_1.Store(to3 + 16);
        c10_0.Store(to3 + pitch); c10_1.Store(to3 + pitch + 16);
        c11_0.Store(to3 + 2 * pitch); c11_1.Store(to3 + 2 * pitch + 16);
        c12_0.Store(to4); c12_1.Store(to4 + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide14(float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias, float* ahead)
    {
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride, a4 = a3 + 3 * stride;
        float* to0 = c, to1 = to0 + 3 * pitch, to2 = to1 + 3 * pitch, to3 = to2 + 3 * pitch, to4 = to3 + 3 * pitch;
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(to0); Sse.Prefetch0(to0 + 16);
            Sse.Prefetch0(to0 + pitch); Sse.Prefetch0(to0 + pitch + 16);
            Sse.Prefetch0(to0 + 2 * pitch); Sse.Prefetch0(to0 + 2 * pitch + 16);
            Sse.Prefetch0(to1); Sse.Prefetch0(to1 + 16);
            Sse.Prefetch0(to1 + pitch); Sse.Prefetch0(to1 + pitch + 16);
            Sse.Prefetch0(to1 + 2 * pitch); Sse.Prefetch0(to1 + 2 * pitch + 16);
            Sse.Prefetch0(to2); Sse.Prefetch0(to2 + 16);
            Sse.Prefetch0(to2 + pitch); Sse.Prefetch0(to2 + pitch + 16);
            Sse.Prefetch0(to2 + 2 * pitch); Sse.Prefetch0(to2 + 2 * pitch + 16);
            Sse.Prefetch0(to3); Sse.Prefetch0(to3 + 16);
            Sse.Prefetch0(to3 + pitch); Sse.Prefetch0(to3 + pitch + 16);
            Sse.Prefetch0(to3 + 2 * pitch); Sse.Prefetch0(to3 + 2 * pitch + 16);
            Sse.Prefetch0(to4); Sse.Prefetch0(to4 + 16);
            Sse.Prefetch0(to4 + pitch); Sse.Prefetch0(to4 + pitch + 16);
        }
        Vector512<float> c0_0 = Vector512.Load(bias), c0_1 = Vector512.Load(bias + 16);
        Vector512<float> c1_0 = c0_0, c1_1 = c0_1;
        Vector512<float> c2_0 = c0_0, c2_1 = c0_1;
        Vector512<float> c3_0 = c0_0, c3_1 = c0_1;
        Vector512<float> c4_0 = c0_0, c4_1 = c0_1;
        Vector512<float> c5_0 = c0_0, c5_1 = c0_1;
        Vector512<float> c6_0 = c0_0, c6_1 = c0_1;
        Vector512<float> c7_0 = c0_0, c7_1 = c0_1;
        Vector512<float> c8_0 = c0_0, c8_1 = c0_1;
        Vector512<float> c9_0 = c0_0, c9_1 = c0_1;
        Vector512<float> c10_0 = c0_0, c10_1 = c0_1;
        Vector512<float> c11_0 = c0_0, c11_1 = c0_1;
        Vector512<float> c12_0 = c0_0, c12_1 = c0_1;
        Vector512<float> c13_0 = c0_0, c13_1 = c0_1;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), x;
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            x = Vector512.Create(*(a0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(a0 + stride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(a0 + 2 * stride));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(a1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(a1 + stride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(a1 + 2 * stride));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(a2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(a2 + stride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(a2 + 2 * stride));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(a3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            x = Vector512.Create(*(a3 + stride));
            c10_0 = Vector512.FusedMultiplyAdd(x, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x, b1, c10_1);
            x = Vector512.Create(*(a3 + 2 * stride));
            c11_0 = Vector512.FusedMultiplyAdd(x, b0, c11_0);
            c11_1 = Vector512.FusedMultiplyAdd(x, b1, c11_1);
            x = Vector512.Create(*(a4));
            c12_0 = Vector512.FusedMultiplyAdd(x, b0, c12_0);
            c12_1 = Vector512.FusedMultiplyAdd(x, b1, c12_1);
            x = Vector512.Create(*(a4 + stride));
            c13_0 = Vector512.FusedMultiplyAdd(x, b0, c13_0);
            c13_1 = Vector512.FusedMultiplyAdd(x, b1, c13_1);
            a0++; a1++; a2++; a3++; a4++; b += 32; ahead += 16;
        }
        c0_0.Store(to0); c0_1.Store(to0 + 16);
        c1_0.Store(to0 + pitch); c1_1.Store(to0 + pitch + 16);
        c2_0.Store(to0 + 2 * pitch); c2_1.Store(to0 + 2 * pitch + 16);
        c3_0.Store(to1); c3_1.Store(to1 + 16);
        c4_0.Store(to1 + pitch); c4_1.Store(to1 + pitch + 16);
        c5_0.Store(to1 + 2 * pitch); c5_1.Store(to1 + 2 * pitch + 16);
        c6_0.Store(to2); c6_1.Store(to2 + 16);
        c7_0.Store(to2 + pitch); c7_1.Store(to2 + pitch + 16);
        c8_0.Store(to2 + 2 * pitch); c8_1.Store(to2 + 2 * pitch + 16);
        c9_0.Store(to3); c9_1.Store(to3 + 16);
        c10_0.Store(to3 + pitch); c10_1.Store(to3 + pitch + 16);
        c11_0.Store(to3 + 2 * pitch); c11_1.Store(to3 + 2 * pitch + 16);
        c12_0.Store(to4); c12_1.Store(to4 + 16);
        c13_0.Store(to4 + pitch); c13_1.Store(to4 + pitch + 16);
    }
}
