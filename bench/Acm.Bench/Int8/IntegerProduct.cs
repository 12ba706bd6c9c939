using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Bench.Int8;

/// <summary>
/// A prototype: int8 weights by channel, activations by token rounded to int8 and held as int16, products by <c>vpmaddwd</c> (two terms of 16
/// sums an instruction, no saturation), which is what .NET offers on a processor with AVX-512 but without AVX-VNNI. Rounding the activations is
/// part of the product.
/// </summary>
internal sealed unsafe class IntegerProduct : IDisposable
{
    private const int Panel = 32, Rows = 8;
    private readonly int _depth, _columns;
    private readonly sbyte* _weight;
    private readonly float* _steps;
    private readonly short* _rounded;
    private readonly float* _rowSteps;

    /// <param name="weight">[depth, columns], row-major; depth even, columns a multiple of 32.</param>
    /// <param name="depth">Terms of a sum.</param>
    /// <param name="columns">Sums of a row.</param>
    /// <param name="rows">Most rows.</param>
    public IntegerProduct(float[] weight, int depth, int columns, int rows)
    {
        (_depth, _columns) = (depth, columns);
        rows = (rows + Rows - 1) / Rows * Rows;
        _weight = (sbyte*)NativeMemory.AlignedAlloc((nuint)(depth * columns), 64);
        _steps = (float*)NativeMemory.AlignedAlloc((nuint)columns * sizeof(float), 64);
        _rounded = (short*)NativeMemory.AlignedAlloc((nuint)(rows * depth) * sizeof(short), 64);
        _rowSteps = (float*)NativeMemory.AlignedAlloc((nuint)rows * sizeof(float), 64);
        new Span<short>(_rounded, rows * depth).Clear();
        new Span<float>(_rowSteps, rows).Clear();
        for (int n = 0; n < columns; n++)
        {
            float most = 0;
            for (int k = 0; k < depth; k++)
                most = MathF.Max(most, MathF.Abs(weight[k * columns + n]));
            _steps[n] = most / 127;
            // Panels of 32 columns; in them pairs of terms, 32 columns each.
            for (int k = 0; k < depth; k++)
                _weight[(n / Panel * depth + k / 2 * 2) * Panel + n % Panel * 2 + k % 2] = most == 0 ? (sbyte)0 : (sbyte)MathF.Round(weight[k * columns + n] / _steps[n]);
        }
    }

    /// <summary>[rows, depth] times the weight.</summary>
    public void Multiply(float* a, nint stride, int rows, float* c)
    {
        for (int row = 0; row < rows; row++)
            _rowSteps[row] = Round(a + row * stride, _rounded + row * _depth);
        int* sums = stackalloc int[Rows * Panel];
        for (int panel = 0; panel < _columns / Panel; panel++)
            for (int row = 0; row < rows; row += Rows)
            {
                int count = Math.Min(Rows, rows - row);
                sbyte* b = _weight + panel * _depth * Panel;
                if (rows == 1)
                    One(_rounded, b, _depth / 2, sums);
                else
                    Eight(_rounded + row * _depth, _depth, b, _depth / 2, sums);
                for (int r = 0; r < count; r++)
                    for (int v = 0; v < Panel; v += 16)
                        (Vector512.ConvertToSingle(Vector512.Load(sums + r * Panel + v)) * Vector512.Create(_rowSteps[row + r]) * Vector512.Load(_steps + panel * Panel + v))
                            .Store(c + (nint)(row + r) * _columns + panel * Panel + v);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Round(float* from, short* to)
    {
        Vector512<float> most = default;
        for (int i = 0; i < _depth; i += 16)
            most = Vector512.Max(most, Vector512.Abs(Vector512.Load(from + i)));
        float largest = 0;
        for (int i = 0; i < 16; i++)
            largest = MathF.Max(largest, most[i]);
        Vector512<float> scale = Vector512.Create(largest == 0 ? 0 : 127 / largest);
        for (int i = 0; i < _depth; i += 16)
            Avx512F.ConvertToVector256Int16(Avx512F.ConvertToVector512Int32(Vector512.Load(from + i) * scale)).Store(to + i);
        return largest / 127;
    }

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

    public void Dispose()
    {
        NativeMemory.AlignedFree(_weight);
        NativeMemory.AlignedFree(_steps);
        NativeMemory.AlignedFree(_rounded);
        NativeMemory.AlignedFree(_rowSteps);
    }
}
