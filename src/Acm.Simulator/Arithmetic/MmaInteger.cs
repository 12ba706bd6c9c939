using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Simulator.Arithmetic;

/// <summary><c>mma.sync</c> on 8-bit and 4-bit integers: exact sums, wrapped to 32 bits or clamped with <c>.satfinite</c>.</summary>
internal static unsafe class MmaInteger
{
    private const int MaxChunks = 2;
    private const int MaxPairs = 4;

    /// <summary>Carries out one warp's instruction.</summary>
    [SkipLocalsInit]
    public static void Execute(in MmaShape shape, int* d, uint* a, uint* b, int* c)
    {
        bool narrow = shape.A is MmaType.S4 or MmaType.U4;
        int pairs = narrow ? 4 : 2; // 16-bit pairs that a 32-bit word unfolds to
        int chunks = shape.K / (narrow ? 32 : 16);
        bool tall = shape.M == 16;

        // Every element as 16 bits, two k's of a row or column to a 32-bit word.
        byte* scratch = stackalloc byte[64 + (MaxChunks * MaxPairs * 4 * 64) + (MaxChunks * MaxPairs * 128) + 128];
        Vector512<short>* rows = (Vector512<short>*)MmaFragments.Align(scratch);
        uint* columns = (uint*)(rows + (MaxChunks * MaxPairs * 4));
        uint* zeros = columns + (MaxChunks * MaxPairs * 32);
        new Span<uint>(zeros, 32).Clear();

        for (int r = 0; r < chunks; r++)
        {
            uint* top = a + ((tall ? 2 * r : r) * 32);
            MmaFragments.ToColumns(top, tall ? top + 32 : zeros, out var w0, out var w1, out var w2, out var w3);
            for (int e = 0; e < pairs; e++)
            {
                Vector512<short>* to = rows + (((r * pairs) + e) * 4);
                to[0] = Unfold(w0.AsInt16(), shape.A, e);
                to[1] = Unfold(w1.AsInt16(), shape.A, e);
                to[2] = Unfold(w2.AsInt16(), shape.A, e);
                to[3] = Unfold(w3.AsInt16(), shape.A, e);
                uint* word = columns + (((r * pairs) + e) * 32);
                Unfold(Vector512.Load((short*)(b + (r * 32))), shape.B, e).Store((short*)word);
                Unfold(Vector512.Load((short*)(b + (r * 32) + 16)), shape.B, e).Store((short*)(word + 16));
            }
        }

        Vector512<int>* sum = stackalloc Vector512<int>[8];
        for (int j = 0; j < 8; j++)
        {
            Vector512<int> s0 = Vector512<int>.Zero, s1 = s0, s2 = s0, s3 = s0;
            for (int p = 0; p < chunks * pairs; p++)
            {
                Vector512<short>* row = rows + (p * 4);
                uint* column = columns + (p * 32) + (4 * j);
                s0 += Dot(row[0], Vector512.Create(column[0]).AsInt16());
                s1 += Dot(row[1], Vector512.Create(column[1]).AsInt16());
                s2 += Dot(row[2], Vector512.Create(column[2]).AsInt16());
                s3 += Dot(row[3], Vector512.Create(column[3]).AsInt16());
            }

            sum[j] = (s0 + s1) + (s2 + s3);
        }

        for (int odd = 0; odd < 2; odd++) // all of C is read before any of D is written: they may overlap
        {
            MmaFragments.ToColumns((uint*)c + (odd * 32), tall ? (uint*)c + (odd * 32) + 64 : zeros, out var t0, out var t1, out var t2, out var t3);
            sum[odd] = Add(sum[odd], t0, shape.Saturate);
            sum[2 + odd] = Add(sum[2 + odd], t1, shape.Saturate);
            sum[4 + odd] = Add(sum[4 + odd], t2, shape.Saturate);
            sum[6 + odd] = Add(sum[6 + odd], t3, shape.Saturate);
        }

        for (int odd = 0; odd < 2; odd++)
        {
            MmaFragments.FromColumns(
                sum[odd].AsUInt32(), sum[2 + odd].AsUInt32(), sum[4 + odd].AsUInt32(), sum[6 + odd].AsUInt32(),
                (uint*)d + (odd * 32), tall ? (uint*)d + (odd * 32) + 64 : zeros);
        }
    }

    private static Vector512<int> Add(Vector512<int> sum, Vector512<uint> addend, bool saturate)
    {
        Vector512<int> c = addend.AsInt32(), wrapped = sum + c;
        if (!saturate)
            return wrapped;
        // Overflow: both addends differ in sign from the result. The limit has the addends' sign.
        Vector512<int> overflow = (wrapped ^ sum) & (wrapped ^ c);
        Vector512<int> limit = Vector512.ShiftRightArithmetic(c, 31) ^ Vector512.Create(int.MaxValue);
        return Vector512.ConditionalSelect(Vector512.LessThan(overflow, Vector512<int>.Zero), limit, wrapped);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Unfold(Vector512<short> words, MmaType type, int e) => type switch
    {
        MmaType.S8 => Vector512.ShiftRightArithmetic(e == 0 ? Vector512.ShiftLeft(words, 8) : words, 8),
        MmaType.U8 => e == 0 ? words & Vector512.Create((short)0xff) : Vector512.ShiftRightLogical(words, 8),
        MmaType.S4 => Vector512.ShiftRightArithmetic(Vector512.ShiftLeft(words, 12 - (4 * e)), 12),
        _ => Vector512.ShiftRightLogical(Vector512.ShiftLeft(words, 12 - (4 * e)), 12),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Dot(Vector512<short> x, Vector512<short> y)
    {
        if (Avx512BW.IsSupported)
            return Avx512BW.MultiplyAddAdjacent(x, y);
        Vector512<int> u = x.AsInt32(), v = y.AsInt32();
        return (Low(u) * Low(v)) + (Vector512.ShiftRightArithmetic(u, 16) * Vector512.ShiftRightArithmetic(v, 16));
    }

    private static Vector512<int> Low(Vector512<int> pair) => Vector512.ShiftRightArithmetic(Vector512.ShiftLeft(pair, 16), 16);
}
