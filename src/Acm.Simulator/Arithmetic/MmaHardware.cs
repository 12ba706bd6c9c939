using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>
/// Floating <c>mma.sync</c> as tensor cores do it. A step takes the addend and a few products, aligns them to the largest
/// exponent among those that are not zero, cuts each toward zero and adds exactly. float32 results are cut toward zero, f16
/// rounded to nearest even.
/// <para>
/// With vectors: 16 rows of a column at a time. Scaled so that the last kept bit is 1, cutting is the conversion to int32.
/// Where an exponent is so extreme that float32 cannot carry the scaling (or something is infinite or NaN) the
/// instruction is done again by <see cref="FusedSum"/>, which gives the same bits.
/// </para>
/// </summary>
internal static unsafe class MmaHardware
{
    // Sums of two biased exponents for which products, scales and results are normal float32.
    private const int LeastExponent = 254 - 100;
    private const int LargestExponent = 254 + 120;

    /// <summary>Carries out one warp's instruction.</summary>
    [SkipLocalsInit]
    public static void Execute(in MmaShape shape, MmaArithmetic arithmetic, uint* d, uint* a, uint* b, uint* c)
    {
        byte* scratch = stackalloc byte[MmaOperands.ScratchBytes];
        var operands = new MmaOperands(scratch);
        operands.Load(shape, a, b);
        byte* sums = stackalloc byte[64 + (8 * 64)];
        Vector512<float>* sum = (Vector512<float>*)MmaFragments.Align(sums);
        MmaSums.Load(shape.C, c, sum);

        Plan plan = Plan.Of(shape, arithmetic);
        bool ok = (plan.FractionBits, plan.Step, shape.D) switch
        {
            (24, 8, MmaType.F32) => Run24By8(operands, shape.K, sum),
            (24, 4, MmaType.F32) => Run24By4(operands, shape.K, sum),
            (25, 16, MmaType.F32) => Run25By16(operands, shape.K, sum),
            (25, 32, _) => false, // so many products of 27 bits leave int32
            (_, _, MmaType.F32) => RunToSingle(operands, plan, shape.K, sum),
            _ => RunToHalf(operands, plan, shape.K, sum),
        };
        if (!ok)
        {
            MmaSums.Load(shape.C, c, sum);
            RunElements(operands, plan, shape, sum);
        }

        MmaSums.Store(shape.D, sum, d);
    }

    /// <summary>Every element by <see cref="FusedSum"/>.</summary>
    internal static void RunElements(in MmaOperands operands, in Plan plan, in MmaShape shape, Vector512<float>* sum)
    {
        int leastA = LeastOf(shape.A), leastB = LeastOf(shape.B), least = shape.D == MmaType.F16 ? -14 : -126;
        Span<FusedSum.Term> room = stackalloc FusedSum.Term[MmaOperands.MaxSlots + 1];
        for (int j = 0; j < 8; j++)
        {
            float* column = (float*)(sum + j);
            for (int i = 0; i < 16; i++)
            {
                for (int step = 0; step < shape.K; step += plan.Step)
                {
                    var terms = new FusedSum(room);
                    terms.Add(column[i], least);
                    for (int s = step; s < step + plan.Step; s++)
                        terms.AddProduct(((float*)(operands.RowValues + s))[i], operands.ColumnValues[MmaOperands.ColumnAt(s) + (4 * j)], leastA, leastB);
                    if (!terms.TryFinish(plan.FractionBits, out long total, out int exponent, out float special))
                        column[i] = special;
                    else if (shape.D == MmaType.F16)
                        column[i] = (float)(Half)Math.ScaleB((double)total, exponent); // exact until the one rounding
                    else
                        column[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(Narrow.TowardZero(total, exponent)) & plan.ResultMask);
                }
            }
        }
    }

    private static int LeastOf(MmaType type) => type switch
    {
        MmaType.F16 or MmaType.E5M2 => -14,
        MmaType.E4M3 => -6,
        _ => -126,
    };

    // One method each, so that the compiler sees the constants of the common forms (and has a budget for inlining in each).
    private static bool Run24By8(in MmaOperands operands, int k, Vector512<float>* sum) => RunSteps(operands, 24, 8, uint.MaxValue, k, false, sum);

    private static bool Run24By4(in MmaOperands operands, int k, Vector512<float>* sum) => RunSteps(operands, 24, 4, uint.MaxValue, k, false, sum);

    private static bool Run25By16(in MmaOperands operands, int k, Vector512<float>* sum) => RunSteps(operands, 25, 16, uint.MaxValue, k, false, sum);

    private static bool RunToSingle(in MmaOperands operands, in Plan plan, int k, Vector512<float>* sum) =>
        RunSteps(operands, plan.FractionBits, plan.Step, plan.ResultMask, k, false, sum);

    private static bool RunToHalf(in MmaOperands operands, in Plan plan, int k, Vector512<float>* sum) =>
        RunSteps(operands, plan.FractionBits, plan.Step, uint.MaxValue, k, true, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool RunSteps(in MmaOperands operands, int fractionBits, int stepSlots, uint resultMask, int k, bool half, Vector512<float>* sum)
    {
        Vector512<int> outside = Vector512<int>.Zero;
        for (int step = 0; step < k; step += stepSlots)
        {
            for (int j = 0; j < 8; j += 2)
            {
                Vector512<float> c0 = sum[j], c1 = sum[j + 1];
                Vector512<uint> e0 = MmaOperands.Exponent(c0.AsUInt32(), half ? 113u : 1u) + Vector512.Create(127u);
                Vector512<uint> e1 = MmaOperands.Exponent(c1.AsUInt32(), half ? 113u : 1u) + Vector512.Create(127u);
                Vector512<short> largest = ((e0 & Vector512.Create(0xffffu)) | Vector512.ShiftLeft(e1, 16)).AsInt16();
                for (int s = step; s < step + stepSlots; s += 4)
                {
                    uint* pairs = operands.ColumnExponents + MmaOperands.ColumnAt(s) + (4 * j);
                    Vector512<uint>* exponents = operands.RowExponents + s;
                    Vector512<short> p0 = Product(exponents[0], pairs[0]), p1 = Product(exponents[1], pairs[1]);
                    Vector512<short> p2 = Product(exponents[2], pairs[2]), p3 = Product(exponents[3], pairs[3]);
                    largest = Vector512.Max(largest, Vector512.Max(Vector512.Max(p0, p1), Vector512.Max(p2, p3)));
                }

                Vector512<int> m0 = Vector512.ShiftRightArithmetic(Vector512.ShiftLeft(largest.AsInt32(), 16), 16);
                Vector512<int> m1 = Vector512.ShiftRightArithmetic(largest.AsInt32(), 16);
                outside |= Outside(m0) | Outside(m1);
                m0 = Vector512.Max(m0, Vector512.Create(LeastExponent));
                m1 = Vector512.Max(m1, Vector512.Create(LeastExponent));
                Vector512<float> scale0 = Vector512.ShiftLeft(Vector512.Create(127 + 254 + fractionBits) - m0, 23).AsSingle();
                Vector512<float> scale1 = Vector512.ShiftLeft(Vector512.Create(127 + 254 + fractionBits) - m1, 23).AsSingle();
                Vector512<int> t0 = Vector512.ConvertToInt32Native(c0 * scale0), u0 = Vector512<int>.Zero;
                Vector512<int> t1 = Vector512.ConvertToInt32Native(c1 * scale1), u1 = Vector512<int>.Zero;
                for (int s = step; s < step + stepSlots; s += 4)
                {
                    float* columns = operands.ColumnValues + MmaOperands.ColumnAt(s) + (4 * j);
                    Vector512<float>* rows = operands.RowValues + s;
                    t0 += Cut(rows[0], columns[0], scale0);
                    t1 += Cut(rows[0], columns[4], scale1);
                    u0 += Cut(rows[1], columns[1], scale0);
                    u1 += Cut(rows[1], columns[5], scale1);
                    t0 += Cut(rows[2], columns[2], scale0);
                    t1 += Cut(rows[2], columns[6], scale1);
                    u0 += Cut(rows[3], columns[3], scale0);
                    u1 += Cut(rows[3], columns[7], scale1);
                }

                if (stepSlots == 16) // sixteen products of 27 bits may leave int32
                    outside |= Overflow(t0, u0) | Overflow(t1, u1);
                Vector512<float> unit0 = Vector512.ShiftLeft(m0 - Vector512.Create(127 + fractionBits), 23).AsSingle();
                Vector512<float> unit1 = Vector512.ShiftLeft(m1 - Vector512.Create(127 + fractionBits), 23).AsSingle();
                sum[j] = half ? Narrow.ToHalf(t0 + u0, unit0) : Mask(Narrow.TowardZero(t0 + u0) * unit0, resultMask);
                sum[j + 1] = half ? Narrow.ToHalf(t1 + u1, unit1) : Mask(Narrow.TowardZero(t1 + u1) * unit1, resultMask);
            }
        }

        return Vector512.EqualsAll(outside & Vector512.Create(int.MinValue), Vector512<int>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Product(Vector512<uint> rows, uint columnPair) => rows.AsInt16() + Vector512.Create(columnPair).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Cut(Vector512<float> rows, float column, Vector512<float> scale) =>
        Vector512.ConvertToInt32Native(rows * Vector512.Create(column) * scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mask(Vector512<float> x, uint mask) =>
        mask == uint.MaxValue ? x : (x.AsUInt32() & Vector512.Create(mask)).AsSingle();

    /// <summary>Sign bit set where the exponent is extreme and not that of "all terms are zero".</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Outside(Vector512<int> exponent) =>
        (Vector512.LessThan(exponent, Vector512.Create(LeastExponent)) & Vector512.GreaterThan(exponent, Vector512.Create(-4096)))
        | Vector512.GreaterThan(exponent, Vector512.Create(LargestExponent));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Overflow(Vector512<int> x, Vector512<int> y)
    {
        Vector512<int> z = x + y;
        return (z ^ x) & (z ^ y);
    }

    /// <summary>How a tensor core cuts an instruction into steps.</summary>
    internal readonly record struct Plan(int Step, int FractionBits, uint ResultMask)
    {
        public static Plan Of(in MmaShape shape, MmaArithmetic arithmetic)
        {
            int w = 32 / MmaShape.BitsOf(shape.A);
            bool hopper = arithmetic == MmaArithmetic.HardwareHopper;
            // 8-bit floats keep 13 fraction bits, in the terms and in the sum, on Ada and in Hopper's wgmma.
            if (w == 4 && (!hopper || shape.WarpGroup))
                return new Plan(shape.WarpGroup ? shape.K : 16, 13, shape.D == MmaType.F32 ? 0xfffffc00 : uint.MaxValue);
            int step = hopper ? 8 * w : w switch { 1 => 4, 2 => 8, _ => 16 };
            return new Plan(Math.Min(step, shape.K), hopper ? 25 : 24, uint.MaxValue);
        }
    }
}
