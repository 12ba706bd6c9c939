// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
    private static int Narrow(float* a, nint stride, int rows, float* b, nint depth, float* tile)
    {
        if (rows >= 3)
        {
            Narrow3(a, stride, b, depth, tile);
            return 3;
        }
        if (rows >= 2)
        {
            Narrow2(a, stride, b, depth, tile);
            return 2;
        }
        {
            Narrow1(a, stride, b, depth, tile);
            return 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow3(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector256<float> c0_0 = Vector256<float>.Zero,
            c0_1 = Vector256<float>.Zero,
            c0_2 = Vector256<float>.Zero,
            c0_3 = Vector256<float>.Zero,
            c1_0 = Vector256<float>.Zero,
            c1_1 = Vector256<float>.Zero,
            c1_2 = Vector256<float>.Zero,
            c1_3 = Vector256<float>.Zero,
            c2_0 = Vector256<float>.Zero,
            c2_1 = Vector256<float>.Zero,
            c2_2 = Vector256<float>.Zero,
            c2_3 = Vector256<float>.Zero;
        nint twice = 2 * stride;
        float* a0 = a;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b);
            Vector256<float> b1 = Vector256.Load(b + 8);
            Vector256<float> b2 = Vector256.Load(b + 16);
            Vector256<float> b3 = Vector256.Load(b + 24);
            Vector256<float> x0 = Vector256.Create(*a0);
            c0_0 = Vector256.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x0, b1, c0_1);
            c0_2 = Vector256.FusedMultiplyAdd(x0, b2, c0_2);
            c0_3 = Vector256.FusedMultiplyAdd(x0, b3, c0_3);
            Vector256<float> x1 = Vector256.Create(a0[stride]);
            c1_0 = Vector256.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x1, b1, c1_1);
            c1_2 = Vector256.FusedMultiplyAdd(x1, b2, c1_2);
            c1_3 = Vector256.FusedMultiplyAdd(x1, b3, c1_3);
            Vector256<float> x2 = Vector256.Create(a0[twice]);
            c2_0 = Vector256.FusedMultiplyAdd(x2, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x2, b1, c2_1);
            c2_2 = Vector256.FusedMultiplyAdd(x2, b2, c2_2);
            c2_3 = Vector256.FusedMultiplyAdd(x2, b3, c2_3);
            a0++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 8);
        c0_2.Store(tile + 16);
        c0_3.Store(tile + 24);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 40);
        c1_2.Store(tile + 48);
        c1_3.Store(tile + 56);
        c2_0.Store(tile + 64);
        c2_1.Store(tile + 72);
        c2_2.Store(tile + 80);
        c2_3.Store(tile + 88);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow2(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector256<float> c0_0 = Vector256<float>.Zero,
            c0_1 = Vector256<float>.Zero,
            c0_2 = Vector256<float>.Zero,
            c0_3 = Vector256<float>.Zero,
            c1_0 = Vector256<float>.Zero,
            c1_1 = Vector256<float>.Zero,
            c1_2 = Vector256<float>.Zero,
            c1_3 = Vector256<float>.Zero;
        float* a0 = a;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b);
            Vector256<float> b1 = Vector256.Load(b + 8);
            Vector256<float> b2 = Vector256.Load(b + 16);
            Vector256<float> b3 = Vector256.Load(b + 24);
            Vector256<float> x0 = Vector256.Create(*a0);
            c0_0 = Vector256.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x0, b1, c0_1);
            c0_2 = Vector256.FusedMultiplyAdd(x0, b2, c0_2);
            c0_3 = Vector256.FusedMultiplyAdd(x0, b3, c0_3);
            Vector256<float> x1 = Vector256.Create(a0[stride]);
            c1_0 = Vector256.FusedMultiplyAdd(x1, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x1, b1, c1_1);
            c1_2 = Vector256.FusedMultiplyAdd(x1, b2, c1_2);
            c1_3 = Vector256.FusedMultiplyAdd(x1, b3, c1_3);
            a0++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 8);
        c0_2.Store(tile + 16);
        c0_3.Store(tile + 24);
        c1_0.Store(tile + 32);
        c1_1.Store(tile + 40);
        c1_2.Store(tile + 48);
        c1_3.Store(tile + 56);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow1(float* a, nint stride, float* b, nint depth, float* tile)
    {
        Vector256<float> c0_0 = Vector256<float>.Zero,
            c0_1 = Vector256<float>.Zero,
            c0_2 = Vector256<float>.Zero,
            c0_3 = Vector256<float>.Zero;
        float* a0 = a;
        for (; depth > 0; depth--)
        {
            Vector256<float> b0 = Vector256.Load(b);
            Vector256<float> b1 = Vector256.Load(b + 8);
            Vector256<float> b2 = Vector256.Load(b + 16);
            Vector256<float> b3 = Vector256.Load(b + 24);
            Vector256<float> x0 = Vector256.Create(*a0);
            c0_0 = Vector256.FusedMultiplyAdd(x0, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x0, b1, c0_1);
            c0_2 = Vector256.FusedMultiplyAdd(x0, b2, c0_2);
            c0_3 = Vector256.FusedMultiplyAdd(x0, b3, c0_3);
            a0++;
            b += 32;
        }
        c0_0.Store(tile + 0);
        c0_1.Store(tile + 8);
        c0_2.Store(tile + 16);
        c0_3.Store(tile + 24);
    }
}
