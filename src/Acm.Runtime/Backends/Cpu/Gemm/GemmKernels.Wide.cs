// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
    private static int Wide(float* a, nint stride, int rows, float* b, nint depth, float* tile)
    {
        if (rows >= 14)
        {
            Wide14(a, stride, b, depth, tile);
            return 14;
        }
        if (rows >= 7)
        {
            Wide7(a, stride, b, depth, tile);
            return 7;
        }
        if (rows >= 4)
        {
            Wide4(a, stride, b, depth, tile);
            return 4;
        }
        if (rows >= 2)
        {
            Wide2(a, stride, b, depth, tile);
            return 2;
        }
        {
            Wide1(a, stride, b, depth, tile);
            return 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide14(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector512<float> c0_0 = Vector512<float>.Zero,
            c0_1 = Vector512<float>.Zero,
            c1_0 = Vector512<float>.Zero,
            c1_1 = Vector512<float>.Zero,
            c2_0 = Vector512<float>.Zero,
            c2_1 = Vector512<float>.Zero,
            c3_0 = Vector512<float>.Zero,
            c3_1 = Vector512<float>.Zero,
            c4_0 = Vector512<float>.Zero,
            c4_1 = Vector512<float>.Zero,
            c5_0 = Vector512<float>.Zero,
            c5_1 = Vector512<float>.Zero,
            c6_0 = Vector512<float>.Zero,
            c6_1 = Vector512<float>.Zero,
            c7_0 = Vector512<float>.Zero,
            c7_1 = Vector512<float>.Zero,
            c8_0 = Vector512<float>.Zero,
            c8_1 = Vector512<float>.Zero,
            c9_0 = Vector512<float>.Zero,
            c9_1 = Vector512<float>.Zero,
            c10_0 = Vector512<float>.Zero,
            c10_1 = Vector512<float>.Zero,
            c11_0 = Vector512<float>.Zero,
            c11_1 = Vector512<float>.Zero,
            c12_0 = Vector512<float>.Zero,
            c12_1 = Vector512<float>.Zero,
            c13_0 = Vector512<float>.Zero,
            c13_1 = Vector512<float>.Zero;
        nint twice = 2 * stride;
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride, a3 = a2 + 3 * stride, a4 = a3 + 3 * stride;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x0 = Vector512.Create(*a0);
            c0_0 = Vector512.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x0, b1, c0_1);
            Vector512<float> x1 = Vector512.Create(a0[stride]);
            c1_0 = Vector512.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x1, b1, c1_1);
            Vector512<float> x2 = Vector512.Create(a0[twice]);
            c2_0 = Vector512.FusedMultiplyAdd(x2, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x2, b1, c2_1);
            Vector512<float> x3 = Vector512.Create(*a1);
            c3_0 = Vector512.FusedMultiplyAdd(x3, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x3, b1, c3_1);
            Vector512<float> x4 = Vector512.Create(a1[stride]);
            c4_0 = Vector512.FusedMultiplyAdd(x4, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x4, b1, c4_1);
            Vector512<float> x5 = Vector512.Create(a1[twice]);
            c5_0 = Vector512.FusedMultiplyAdd(x5, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x5, b1, c5_1);
            Vector512<float> x6 = Vector512.Create(*a2);
            c6_0 = Vector512.FusedMultiplyAdd(x6, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x6, b1, c6_1);
            Vector512<float> x7 = Vector512.Create(a2[stride]);
            c7_0 = Vector512.FusedMultiplyAdd(x7, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x7, b1, c7_1);
            Vector512<float> x8 = Vector512.Create(a2[twice]);
            c8_0 = Vector512.FusedMultiplyAdd(x8, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x8, b1, c8_1);
            Vector512<float> x9 = Vector512.Create(*a3);
            c9_0 = Vector512.FusedMultiplyAdd(x9, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x9, b1, c9_1);
            Vector512<float> x10 = Vector512.Create(a3[stride]);
            c10_0 = Vector512.FusedMultiplyAdd(x10, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x10, b1, c10_1);
            Vector512<float> x11 = Vector512.Create(a3[twice]);
            c11_0 = Vector512.FusedMultiplyAdd(x11, b0, c11_0);
            c11_1 = Vector512.FusedMultiplyAdd(x11, b1, c11_1);
            Vector512<float> x12 = Vector512.Create(*a4);
            c12_0 = Vector512.FusedMultiplyAdd(x12, b0, c12_0);
            c12_1 = Vector512.FusedMultiplyAdd(x12, b1, c12_1);
            Vector512<float> x13 = Vector512.Create(a4[stride]);
            c13_0 = Vector512.FusedMultiplyAdd(x13, b0, c13_0);
            c13_1 = Vector512.FusedMultiplyAdd(x13, b1, c13_1);
            a0++; a1++; a2++; a3++; a4++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 16);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 48);
        c2_0.Store(tile + 64);
        c2_1.Store(tile + 80);
        c3_0.Store(tile + 96);
        c3_1.Store(tile + 112);
        c4_0.Store(tile + 128);
        c4_1.Store(tile + 144);
        c5_0.Store(tile + 160);
        c5_1.Store(tile + 176);
        c6_0.Store(tile + 192);
        c6_1.Store(tile + 208);
        c7_0.Store(tile + 224);
        c7_1.Store(tile + 240);
        c8_0.Store(tile + 256);
        c8_1.Store(tile + 272);
        c9_0.Store(tile + 288);
        c9_1.Store(tile + 304);
        c10_0.Store(tile + 320);
        c10_1.Store(tile + 336);
        c11_0.Store(tile + 352);
        c11_1.Store(tile + 368);
        c12_0.Store(tile + 384);
        c12_1.Store(tile + 400);
        c13_0.Store(tile + 416);
        c13_1.Store(tile + 432);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide7(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector512<float> c0_0 = Vector512<float>.Zero,
            c0_1 = Vector512<float>.Zero,
            c1_0 = Vector512<float>.Zero,
            c1_1 = Vector512<float>.Zero,
            c2_0 = Vector512<float>.Zero,
            c2_1 = Vector512<float>.Zero,
            c3_0 = Vector512<float>.Zero,
            c3_1 = Vector512<float>.Zero,
            c4_0 = Vector512<float>.Zero,
            c4_1 = Vector512<float>.Zero,
            c5_0 = Vector512<float>.Zero,
            c5_1 = Vector512<float>.Zero,
            c6_0 = Vector512<float>.Zero,
            c6_1 = Vector512<float>.Zero;
        nint twice = 2 * stride;
        float* a0 = a, a1 = a0 + 3 * stride, a2 = a1 + 3 * stride;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x0 = Vector512.Create(*a0);
            c0_0 = Vector512.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x0, b1, c0_1);
            Vector512<float> x1 = Vector512.Create(a0[stride]);
            c1_0 = Vector512.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x1, b1, c1_1);
            Vector512<float> x2 = Vector512.Create(a0[twice]);
            c2_0 = Vector512.FusedMultiplyAdd(x2, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x2, b1, c2_1);
            Vector512<float> x3 = Vector512.Create(*a1);
            c3_0 = Vector512.FusedMultiplyAdd(x3, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x3, b1, c3_1);
            Vector512<float> x4 = Vector512.Create(a1[stride]);
            c4_0 = Vector512.FusedMultiplyAdd(x4, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x4, b1, c4_1);
            Vector512<float> x5 = Vector512.Create(a1[twice]);
            c5_0 = Vector512.FusedMultiplyAdd(x5, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x5, b1, c5_1);
            Vector512<float> x6 = Vector512.Create(*a2);
            c6_0 = Vector512.FusedMultiplyAdd(x6, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x6, b1, c6_1);
            a0++; a1++; a2++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 16);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 48);
        c2_0.Store(tile + 64);
        c2_1.Store(tile + 80);
        c3_0.Store(tile + 96);
        c3_1.Store(tile + 112);
        c4_0.Store(tile + 128);
        c4_1.Store(tile + 144);
        c5_0.Store(tile + 160);
        c5_1.Store(tile + 176);
        c6_0.Store(tile + 192);
        c6_1.Store(tile + 208);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide4(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector512<float> c0_0 = Vector512<float>.Zero,
            c0_1 = Vector512<float>.Zero,
            c1_0 = Vector512<float>.Zero,
            c1_1 = Vector512<float>.Zero,
            c2_0 = Vector512<float>.Zero,
            c2_1 = Vector512<float>.Zero,
            c3_0 = Vector512<float>.Zero,
            c3_1 = Vector512<float>.Zero;
        nint twice = 2 * stride;
        float* a0 = a, a1 = a0 + 3 * stride;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x0 = Vector512.Create(*a0);
            c0_0 = Vector512.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x0, b1, c0_1);
            Vector512<float> x1 = Vector512.Create(a0[stride]);
            c1_0 = Vector512.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x1, b1, c1_1);
            Vector512<float> x2 = Vector512.Create(a0[twice]);
            c2_0 = Vector512.FusedMultiplyAdd(x2, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x2, b1, c2_1);
            Vector512<float> x3 = Vector512.Create(*a1);
            c3_0 = Vector512.FusedMultiplyAdd(x3, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x3, b1, c3_1);
            a0++; a1++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 16);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 48);
        c2_0.Store(tile + 64);
        c2_1.Store(tile + 80);
        c3_0.Store(tile + 96);
        c3_1.Store(tile + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide2(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector512<float> c0_0 = Vector512<float>.Zero,
            c0_1 = Vector512<float>.Zero,
            c1_0 = Vector512<float>.Zero,
            c1_1 = Vector512<float>.Zero;
        float* a0 = a;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x0 = Vector512.Create(*a0);
            c0_0 = Vector512.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x0, b1, c0_1);
            Vector512<float> x1 = Vector512.Create(a0[stride]);
            c1_0 = Vector512.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x1, b1, c1_1);
            a0++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 16);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide1(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector512<float> c0_0 = Vector512<float>.Zero,
            c0_1 = Vector512<float>.Zero;
        float* a0 = a;
        for (; depth > 0; depth--)
        {
            Vector512<float> b0 = Vector512.Load(b);
            Vector512<float> b1 = Vector512.Load(b + 16);
            Vector512<float> x0 = Vector512.Create(*a0);
            c0_0 = Vector512.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x0, b1, c0_1);
            a0++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 16);
    }
}
