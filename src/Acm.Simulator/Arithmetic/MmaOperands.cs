using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>
/// The operands of one floating <c>mma.sync</c>, unfolded to float32. A slot stands for one k: slot 4 (w r + e) + q is element
/// e of the word (of w elements) at position q of register chunk r. So the k's of a chunk are neighbours, in another order.
/// </summary>
internal readonly unsafe struct MmaOperands
{
    public const int MaxSlots = 32;

    /// <summary>Exponent of a zero: below every other, even after adding the largest of a partner.</summary>
    public const short ZeroExponent = -8192;

    /// <summary>Exponent of infinity and NaN: above every other, even after adding that of a zero.</summary>
    public const short SpecialExponent = 12000;

    /// <summary>Bytes of scratch that <see cref="MmaOperands(byte*)"/> wants.</summary>
    public const int ScratchBytes = 64 + (MaxSlots * (64 + 64 + 32 + 32)) + 64;

    public MmaOperands(byte* scratch)
    {
        byte* at = MmaFragments.Align(scratch);
        RowValues = (Vector512<float>*)at;
        RowExponents = (Vector512<uint>*)(at + (MaxSlots * 64));
        ColumnValues = (float*)(at + (MaxSlots * 128));
        ColumnExponents = (uint*)(at + (MaxSlots * 160));
    }

    /// <summary>A: per slot, 16 rows.</summary>
    public Vector512<float>* RowValues { get; }

    /// <summary>Biased exponents of A, each twice: in the low and the high half of a word.</summary>
    public Vector512<uint>* RowExponents { get; }

    /// <summary>B: column j of slot s at <see cref="ColumnAt"/>.</summary>
    public float* ColumnValues { get; }

    /// <summary>Biased exponents of B: at an even column j, those of j (low half) and j + 1 (high half).</summary>
    public uint* ColumnExponents { get; }

    /// <summary>Where column 0 of a slot lies; column j is 4 j further on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ColumnAt(int slot) => ((slot >> 2) * 32) + (slot & 3);

    /// <summary>Unfolds A and B.</summary>
    public void Load(in MmaShape shape, uint* a, uint* b)
    {
        int w = 32 / MmaShape.BitsOf(shape.A), chunks = shape.K / (4 * w);
        for (int r = 0; r < chunks; r++)
        {
            uint* top = a + (2 * r * 32);
            MmaFragments.ToColumns(top, top + 32, out var w0, out var w1, out var w2, out var w3);
            int slot = r * 4 * w;
            LoadRows(w0, shape.A, slot);
            LoadRows(w1, shape.A, slot + 1);
            LoadRows(w2, shape.A, slot + 2);
            LoadRows(w3, shape.A, slot + 3);
            LoadColumns(b + (r * 32), shape.B, r * w * 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LoadRows(Vector512<uint> words, MmaType type, int slot)
    {
        int w = 32 / MmaShape.BitsOf(type);
        for (int e = 0; e < w; e++)
        {
            Unfold(words, type, e, out Vector512<float> value, out Vector512<uint> exponent);
            RowValues[slot + (4 * e)] = value;
            RowExponents[slot + (4 * e)] = (exponent & Vector512.Create(0xffffu)) | Vector512.ShiftLeft(exponent, 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void LoadColumns(uint* plane, MmaType type, int at)
    {
        int w = 32 / MmaShape.BitsOf(type);
        Vector512<uint> next = Vector512.Create(4u, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15);
        for (int half = 0; half < 2; half++)
        {
            Vector512<uint> words = Vector512.Load(plane + (16 * half));
            for (int e = 0; e < w; e++)
            {
                Unfold(words, type, e, out Vector512<float> value, out Vector512<uint> exponent);
                value.Store(ColumnValues + at + (32 * e) + (16 * half));
                Vector512<uint> pair = (exponent & Vector512.Create(0xffffu)) | Vector512.ShiftLeft(Vector512.Shuffle(exponent, next), 16);
                pair.Store(ColumnExponents + at + (32 * e) + (16 * half));
            }
        }
    }

    /// <summary>Element e of each word as float32 (exact), with the biased exponent it has in its own format.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unfold(Vector512<uint> words, MmaType type, int e, out Vector512<float> value, out Vector512<uint> exponent)
    {
        switch (type)
        {
            case MmaType.Bf16:
                value = (e == 0 ? Vector512.ShiftLeft(words, 16) : words & Vector512.Create(0xffff0000u)).AsSingle();
                exponent = Exponent(value.AsUInt32(), 1);
                break;
            case MmaType.Tf32:
                value = (words & Vector512.Create(0xffffe000u)).AsSingle();
                exponent = Exponent(value.AsUInt32(), 1);
                break;
            case MmaType.F16:
                value = Halves.ToSingle(e == 0 ? words : HalfMath.High(words), Half16.F16);
                exponent = Exponent(value.AsUInt32(), 113);
                break;
            case MmaType.E5M2:
                value = FromSmall(Vector512.ShiftLeft(words, 24 - (8 * e)), 0x7fu << 24, 3, 112, 0x7c00u << 13);
                exponent = Exponent(value.AsUInt32(), 113);
                break;
            default:
                value = FromSmall(Vector512.ShiftLeft(words, 24 - (8 * e)), 0x7fu << 24, 4, 120, 0x7fu << 20);
                exponent = Exponent(value.AsUInt32(), 121);
                break;
        }
    }

    /// <summary>
    /// A small float that stands at the top of the word: its exponent and mantissa are shifted into place, then a
    /// multiplication mends the bias and normalises subnormals; everything from <paramref name="special"/> on is infinity or NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FromSmall(Vector512<uint> top, uint magnitudeMask, int shift, int bias, uint special)
    {
        Vector512<uint> magnitude = Vector512.ShiftRightLogical(top & Vector512.Create(magnitudeMask), shift);
        Vector512<uint> scaled = (magnitude.AsSingle() * Vector512.Create(BitConverter.UInt32BitsToSingle((uint)(127 + bias) << 23))).AsUInt32();
        Vector512<uint> isSpecial = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create((int)special)).AsUInt32();
        // In e4m3 only the all-ones pattern is special, and it is NaN: its mantissa is not zero.
        Vector512<uint> infinite = isSpecial & Vector512.Create(0x7f800000u);
        return (scaled | infinite | (top & Vector512.Create(0x80000000u))).AsSingle();
    }

    /// <summary>The biased exponent of float32 bits, at least <paramref name="least"/>, or the marks for zero and for infinity and NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Exponent(Vector512<uint> bits, uint least)
    {
        Vector512<uint> magnitude = bits & Vector512.Create(0x7fffffffu);
        Vector512<int> exponent = Vector512.Max(Vector512.ShiftRightLogical(magnitude, 23).AsInt32(), Vector512.Create((int)least));
        exponent = Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x7f800000)), Vector512.Create((int)SpecialExponent), exponent);
        exponent = Vector512.ConditionalSelect(
            Vector512.Equals(magnitude.AsInt32(), Vector512<int>.Zero), Vector512.Create((int)ZeroExponent), exponent);
        return exponent.AsUInt32();
    }
}
