using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Bench.Int8;

/// <summary>
/// By AVX-VNNI's <c>vpdpbusd</c>: four terms of 8 sums an instruction, unsigned times signed. Activations are held as bytes 128 too large; each
/// sum starts at what takes that away, -128 times the sum of its weights.
/// </summary>
internal sealed unsafe class VnniProduct : IntegerProduct
{
    // Twelve sums, two weights and an activation: .NET's encoding of the instruction names 16 registers.
    private const int Rows = 6, Panel = 16;
    private readonly int* _start;

    public VnniProduct(float[] weight, int depth, int columns) : base(weight, depth, columns, Rows, Panel, 4, sizeof(byte))
    {
        _start = (int*)NativeMemory.AlignedAlloc((nuint)columns * sizeof(int), 64);
        new Span<int>(_start, columns).Clear();
        byte[] zeros = new byte[depth];
        Array.Fill(zeros, (byte)128);
        fixed (byte* a = zeros)
            for (int panel = 0; panel < columns / Panel; panel++)
                One(a, panel, _start + panel * Panel);
        foreach (ref int start in new Span<int>(_start, columns))
            start = -start;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Round(float* from, float scale, void* to)
    {
        Vector512<float> factor = Vector512.Create(scale);
        Vector128<sbyte> offset = Vector128.Create(sbyte.MinValue);
        for (int i = 0; i < Depth; i += 16)
            (Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(Vector512.Load(from + i) * factor)) ^ offset).Store((sbyte*)to + i);
    }

    protected override void One(void* a, int panel, int* sums) => One((byte*)a, Weight(panel), _start + panel * Panel, Depth / 4, sums);

    protected override void Tile(void* a, int panel, int* sums) => Six((byte*)a, Depth, Weight(panel), _start + panel * Panel, Depth / 4, sums);

    public override void Dispose()
    {
        NativeMemory.AlignedFree(_start);
        base.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(byte* a, sbyte* b, int* start, nint fours, int* sums)
    {
        Vector256<int> c00 = Vector256.Load(start), c01 = Vector256.Load(start + 8), c10 = default, c11 = default;
        Vector256<int> c20 = default, c21 = default, c30 = default, c31 = default;
        for (; fours > 0; fours -= 4, a += 16, b += 16 * Panel)
        {
            Vector256<byte> x;
            x = Four(a); c00 = Add(c00, x, b); c01 = Add(c01, x, b + 32);
            x = Four(a + 4); c10 = Add(c10, x, b + 64); c11 = Add(c11, x, b + 96);
            x = Four(a + 8); c20 = Add(c20, x, b + 128); c21 = Add(c21, x, b + 160);
            x = Four(a + 12); c30 = Add(c30, x, b + 192); c31 = Add(c31, x, b + 224);
        }
        (c00 + c10 + (c20 + c30)).Store(sums);
        (c01 + c11 + (c21 + c31)).Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six(byte* a, nint stride, sbyte* b, int* start, nint fours, int* sums)
    {
        byte* a3 = a + 3 * stride;
        Vector256<int> c00 = Vector256.Load(start), c01 = Vector256.Load(start + 8), c10 = c00, c11 = c01, c20 = c00, c21 = c01;
        Vector256<int> c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
        for (; fours > 0; fours--, a += 4, a3 += 4, b += 4 * Panel)
        {
            Vector256<sbyte> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 32);
            Vector256<byte> x;
            x = Four(a); c00 = Add(c00, x, b0); c01 = Add(c01, x, b1);
            x = Four(a + stride); c10 = Add(c10, x, b0); c11 = Add(c11, x, b1);
            x = Four(a + 2 * stride); c20 = Add(c20, x, b0); c21 = Add(c21, x, b1);
            x = Four(a3); c30 = Add(c30, x, b0); c31 = Add(c31, x, b1);
            x = Four(a3 + stride); c40 = Add(c40, x, b0); c41 = Add(c41, x, b1);
            x = Four(a3 + 2 * stride); c50 = Add(c50, x, b0); c51 = Add(c51, x, b1);
        }
        c00.Store(sums); c01.Store(sums + 8); c10.Store(sums + 16); c11.Store(sums + 24); c20.Store(sums + 32); c21.Store(sums + 40);
        c30.Store(sums + 48); c31.Store(sums + 56); c40.Store(sums + 64); c41.Store(sums + 72); c50.Store(sums + 80); c51.Store(sums + 88);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Four(byte* a) => Vector256.Create(*(int*)a).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sums, Vector256<byte> a, sbyte* b) => Add(sums, a, Vector256.Load(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sums, Vector256<byte> a, Vector256<sbyte> b) => AvxVnni.MultiplyWideningAndAdd(sums, a, b);
}
