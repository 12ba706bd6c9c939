using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Simulator.Arithmetic;

/// <summary>Integers times a power of two, rounded once to a float.</summary>
internal static class Narrow
{
    /// <summary>value * 2^exponent as float32, cut toward zero; infinity beyond the largest.</summary>
    public static float TowardZero(long value, int exponent)
    {
        ulong magnitude = (ulong)Math.Abs(value);
        int excess = 64 - System.Numerics.BitOperations.LeadingZeroCount(magnitude) - 24;
        excess = Math.Max(excess, -149 - exponent); // subnormal results keep fewer bits
        if (excess > 0)
        {
            magnitude = excess >= 64 ? 0 : magnitude >> excess;
            exponent += excess;
        }

        float result = (float)Math.ScaleB((double)magnitude, exponent);
        return value < 0 ? -result : result;
    }

    /// <summary>Integers as float32, cut toward zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> TowardZero(Vector512<int> value)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512Single(value, FloatRoundingMode.ToZero);
        Vector512<float> nearest = Vector512.ConvertToSingle(value);
        Vector512<int> above = Vector512.GreaterThan(Vector512.Abs(Vector512.ConvertToInt32(nearest)), Vector512.Abs(value));
        return (nearest.AsInt32() + above).AsSingle(); // one step toward zero, whatever the sign
    }

    /// <summary>value * unit (a power of two) rounded to f16, nearest even, and given back as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToHalf(Vector512<int> value, Vector512<float> unit)
    {
        // Cut with the lost bits or-ed into the last: the second rounding then cannot meet a false tie.
        Vector512<float> cut = TowardZero(value);
        Vector512<int> inexact = ~Vector512.Equals(Vector512.ConvertToInt32(cut), value) & Vector512<int>.One;
        return Halves.RoundToF16((cut.AsInt32() | inexact).AsSingle() * unit);
    }
}
