using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>
/// f16 and bf16 arithmetic on sixteen lanes, each result rounded once to nearest even. The <c>x2</c> forms work on both halves
/// of a word; the others on the low half, and leave the high half zero. NaN results are 0x7fff.
/// </summary>
internal static class HalfMath
{
    /// <summary>What PTX lets an arithmetic instruction do besides.</summary>
    [Flags]
    internal enum Modifiers { None = 0, Ftz = 1, Sat = 2, Relu = 4 }

    /// <summary>x * y + z.</summary>
    public static Vector512<uint> MultiplyAdd(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z, Half16 format, Modifiers modifiers = 0)
    {
        Vector512<float> a = Input(x, format, modifiers), b = Input(y, format, modifiers), c = Input(z, format, modifiers);
        return Output(format == Half16.F16 ? FusedF16(a, b, c) : FusedBf16(a, b, c), format, modifiers);
    }

    /// <summary>x * y + z in both halves.</summary>
    public static Vector512<uint> MultiplyAddX2(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z, Half16 format, Modifiers modifiers = 0) =>
        Join(MultiplyAdd(x, y, z, format, modifiers), MultiplyAdd(High(x), High(y), High(z), format, modifiers));

    /// <summary>x + y.</summary>
    public static Vector512<uint> Add(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0)
    {
        // Both formats: a float32 sum has more than twice the bits and two, so rounding it again is right; its exact zeros keep their sign.
        Vector512<float> sum = Input(x, format, modifiers) + Input(y, format, modifiers);
        return Output(format == Half16.F16 ? Halves.RoundToF16(sum) : sum, format, modifiers);
    }

    /// <summary>x + y in both halves.</summary>
    public static Vector512<uint> AddX2(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0) =>
        Join(Add(x, y, format, modifiers), Add(High(x), High(y), format, modifiers));

    /// <summary>x - y.</summary>
    public static Vector512<uint> Subtract(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0) =>
        Add(x, y ^ Vector512.Create(0x8000u), format, modifiers);

    /// <summary>x - y in both halves.</summary>
    public static Vector512<uint> SubtractX2(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0) =>
        AddX2(x, y ^ Vector512.Create(0x80008000u), format, modifiers);

    /// <summary>x * y.</summary>
    public static Vector512<uint> Multiply(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0)
    {
        Vector512<float> a = Input(x, format, modifiers), b = Input(y, format, modifiers);
        return Output(format == Half16.F16 ? Halves.RoundToF16(a * b) : ProductBf16(a, b), format, modifiers);
    }

    /// <summary>x * y in both halves.</summary>
    public static Vector512<uint> MultiplyX2(Vector512<uint> x, Vector512<uint> y, Half16 format, Modifiers modifiers = 0) =>
        Join(Multiply(x, y, format, modifiers), Multiply(High(x), High(y), format, modifiers));

    /// <summary>The high halves, moved down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> High(Vector512<uint> words) => Vector512.ShiftRightLogical(words, 16);

    /// <summary>Two 16-bit patterns as one word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Join(Vector512<uint> low, Vector512<uint> high) => low | Vector512.ShiftLeft(high, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Input(Vector512<uint> x, Half16 format, Modifiers modifiers)
    {
        Vector512<float> value = Halves.ToSingle(x, format);
        return (modifiers & Modifiers.Ftz) != 0 ? Flush(value, format) : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Output(Vector512<float> x, Half16 format, Modifiers modifiers)
    {
        if ((modifiers & Modifiers.Sat) != 0) // NaN to 0
            x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512.Min(x, Vector512<float>.One), Vector512<float>.Zero);
        if ((modifiers & Modifiers.Relu) != 0) // NaN stays
            x = Vector512.ConditionalSelect(Vector512.LessThanOrEqual(x, Vector512<float>.Zero), Vector512<float>.Zero, x);
        if ((modifiers & Modifiers.Ftz) != 0)
            x = Flush(x, format);
        return format == Half16.F16 ? Halves.Pack16(x) : Halves.ToBf16(x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Flush(Vector512<float> x, Half16 format)
    {
        Vector512<float> least = Vector512.Create(format == Half16.F16 ? 6.103515625e-05f : 1.17549435e-38f);
        Vector512<uint> sign = x.AsUInt32() & Vector512.Create(0x80000000u);
        return Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Abs(x), least), sign.AsSingle(), x);
    }

    /// <summary>Product exact in float32; the sum made odd where inexact, so that rounding it again to 11 bits is right.</summary>
    private static Vector512<float> FusedF16(Vector512<float> x, Vector512<float> y, Vector512<float> z)
    {
        Vector512<float> product = x * y, sum = product + z, back = sum - product;
        Vector512<float> error = (product - (sum - back)) + (z - back);
        Vector512<int> bits = sum.AsInt32();
        Vector512<int> change = Vector512.GreaterThan(Vector512.Abs(error), Vector512<float>.Zero).AsInt32() // false for NaN
            & Vector512.Equals(bits & Vector512<int>.One, Vector512<int>.Zero);
        // A step away from zero where error and sum have one sign, else toward it.
        Vector512<int> step = Vector512.ShiftRightArithmetic(error.AsInt32() ^ bits, 31) | Vector512<int>.One;
        return Halves.RoundToF16((bits + (step & change)).AsSingle());
    }

    private static Vector512<float> ProductBf16(Vector512<float> x, Vector512<float> y)
    {
        (Vector512<double> x0, Vector512<double> x1) = Vector512.Widen(x);
        (Vector512<double> y0, Vector512<double> y1) = Vector512.Widen(y);
        return Vector512.Narrow(RoundToBf16(x0 * y0), RoundToBf16(x1 * y1));
    }

    private static Vector512<float> FusedBf16(Vector512<float> x, Vector512<float> y, Vector512<float> z)
    {
        (Vector512<double> x0, Vector512<double> x1) = Vector512.Widen(x);
        (Vector512<double> y0, Vector512<double> y1) = Vector512.Widen(y);
        (Vector512<double> z0, Vector512<double> z1) = Vector512.Widen(z);
        return Vector512.Narrow(RoundToBf16(OddSum(x0 * y0, z0)), RoundToBf16(OddSum(x1 * y1, z1)));
    }

    private static Vector512<double> OddSum(Vector512<double> x, Vector512<double> y)
    {
        Vector512<double> sum = x + y, back = sum - x;
        Vector512<double> error = (x - (sum - back)) + (y - back);
        Vector512<long> bits = sum.AsInt64();
        Vector512<long> change = Vector512.GreaterThan(Vector512.Abs(error), Vector512<double>.Zero).AsInt64()
            & Vector512.Equals(bits & Vector512<long>.One, Vector512<long>.Zero);
        Vector512<long> step = Vector512.ShiftRightArithmetic(error.AsInt64() ^ bits, 63) | Vector512<long>.One;
        return (bits + (step & change)).AsDouble();
    }

    /// <summary>Rounded to what bf16 can hold, nearest even; beyond its range it is 2^128, which float32 turns into infinity.</summary>
    private static Vector512<double> RoundToBf16(Vector512<double> x)
    {
        Vector512<ulong> sign = x.AsUInt64() & Vector512.Create(1UL << 63), bits = x.AsUInt64() ^ sign;
        Vector512<ulong> last = Vector512.ShiftRightLogical(bits, 45) & Vector512<ulong>.One;
        Vector512<ulong> normal = (bits + last + Vector512.Create((1UL << 44) - 1)) & Vector512.Create(~((1UL << 45) - 1));
        // Below the normals the last place is 2^-133, which is the last place of 2^-81 in double.
        Vector512<double> magic = Vector512.Create(4.1359030627651384e-25);
        Vector512<double> small = (bits.AsDouble() + magic) - magic;
        Vector512<double> isSmall = Vector512.LessThan(bits.AsDouble(), Vector512.Create(1.1754943508222875e-38));
        Vector512<double> result = Vector512.ConditionalSelect(isSmall, small, normal.AsDouble());
        result = Vector512.ConditionalSelect(Vector512.Equals(x, x), result, x);
        return (result.AsUInt64() | sign).AsDouble();
    }
}
