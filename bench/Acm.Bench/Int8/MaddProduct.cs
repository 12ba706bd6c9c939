using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Bench.Int8;

/// <summary>
/// By <c>vpmaddwd</c>: activations held as int16, weights widened to it on their way, two terms of 16 sums an instruction, no saturation. What .NET
/// offers on a processor with AVX-512 but without AVX-VNNI.
/// </summary>
internal sealed unsafe class MaddProduct(float[] weight, int depth, int columns) : IntegerProduct(weight, depth, columns, 8, Panel, 2, sizeof(short))
{
    private const int Panel = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Round(float* from, float scale, void* to)
    {
        Vector512<float> factor = Vector512.Create(scale);
        for (int i = 0; i < Depth; i += 16)
            Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(Vector512.Load(from + i) * factor)).Store((short*)to + i);
    }

    protected override void One(void* a, int panel, int* sums) => One((short*)a, Weight(panel), Depth / 2, sums);

    protected override void Tile(void* a, int panel, int* sums) => Eight((short*)a, Depth, Weight(panel), Depth / 2, sums);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(short* a, sbyte* b, nint pairs, int* sums)
    {
        Vector512<int> even0 = default, even1 = default, odd0 = default, odd1 = default;
        for (; pairs > 1; pairs -= 2, a += 4, b += 4 * Panel)
        {
            Vector512<short> x = Vector512.Create(*(int*)a).AsInt16(), y = Vector512.Create(*(int*)(a + 2)).AsInt16();
            even0 += Avx512BW.MultiplyAddAdjacent(x, Widened(b));
            even1 += Avx512BW.MultiplyAddAdjacent(x, Widened(b + Panel));
            odd0 += Avx512BW.MultiplyAddAdjacent(y, Widened(b + 2 * Panel));
            odd1 += Avx512BW.MultiplyAddAdjacent(y, Widened(b + 3 * Panel));
        }
        (even0 + odd0).Store(sums);
        (even1 + odd1).Store(sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(short* a, nint stride, sbyte* b, nint pairs, int* sums)
    {
        short* a3 = a + 3 * stride, a6 = a3 + 3 * stride;
        Vector512<int> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        Vector512<int> c40 = default, c41 = default, c50 = default, c51 = default, c60 = default, c61 = default, c70 = default, c71 = default;
        for (; pairs > 0; pairs--, a += 2, a3 += 2, a6 += 2, b += 2 * Panel)
        {
            Vector512<short> b0 = Widened(b), b1 = Widened(b + Panel), x;
            x = Pair(a); c00 += Avx512BW.MultiplyAddAdjacent(x, b0); c01 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a + stride); c10 += Avx512BW.MultiplyAddAdjacent(x, b0); c11 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a + 2 * stride); c20 += Avx512BW.MultiplyAddAdjacent(x, b0); c21 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a3); c30 += Avx512BW.MultiplyAddAdjacent(x, b0); c31 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a3 + stride); c40 += Avx512BW.MultiplyAddAdjacent(x, b0); c41 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a3 + 2 * stride); c50 += Avx512BW.MultiplyAddAdjacent(x, b0); c51 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a6); c60 += Avx512BW.MultiplyAddAdjacent(x, b0); c61 += Avx512BW.MultiplyAddAdjacent(x, b1);
            x = Pair(a6 + stride); c70 += Avx512BW.MultiplyAddAdjacent(x, b0); c71 += Avx512BW.MultiplyAddAdjacent(x, b1);
        }
        c00.Store(sums); c01.Store(sums + 16); c10.Store(sums + 32); c11.Store(sums + 48);
        c20.Store(sums + 64); c21.Store(sums + 80); c30.Store(sums + 96); c31.Store(sums + 112);
        c40.Store(sums + 128); c41.Store(sums + 144); c50.Store(sums + 160); c51.Store(sums + 176);
        c60.Store(sums + 192); c61.Store(sums + 208); c70.Store(sums + 224); c71.Store(sums + 240);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Pair(short* a) => Vector512.Create(*(int*)a).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Widened(sbyte* b) => Avx512BW.ConvertToVector512Int16(Vector256.Load(b));
}
