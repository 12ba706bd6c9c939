using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime;

/// <summary>Conversions of stored number formats to float32, exact where float32 holds the value.</summary>
internal static class Widening
{
    /// <summary>IEEE half to single, subnormals, infinities and NaNs included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void HalfToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source[i..]));
            HalfBitsToSingle(low).CopyTo(destination[i..]);
            HalfBitsToSingle(high).CopyTo(destination[(i + Vector256<float>.Count)..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
        }
    }

    // Exponent and fraction moved into a float's places are the value times 2^-112, subnormals too; the product is exact.
    private static Vector256<float> HalfBitsToSingle(Vector256<uint> half)
    {
        var sign = (half & Vector256.Create(0x8000u)) << 16;
        var magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        var value = (magnitude.AsSingle() * BitConverter.UInt32BitsToSingle((112 + 127) << 23)).AsUInt32();
        var notFinite = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00u << 13));
        return (value | sign | (notFinite & Vector256.Create(0x7F80_0000u))).AsSingle();
    }

    /// <summary>bfloat16 to single: the missing fraction bits are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BrainToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source[i..]));
            (low << 16).AsSingle().CopyTo(destination[i..]);
            (high << 16).AsSingle().CopyTo(destination[(i + Vector256<float>.Count)..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    /// <summary>Double to single, rounded to nearest.</summary>
    public static void DoubleToSingle(ReadOnlySpan<double> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = (float)source[i];
        }
    }
}

/// <summary>The search for NaN and infinity: values in which certain bits, mostly the exponent's, are all set.</summary>
internal static class Finiteness
{
    /// <summary>The index of the first NaN or infinity among values of a type, given as their bytes; -1 for none, and for the integer types.</summary>
    public static int First(TensorDType type, ReadOnlySpan<byte> bytes) => type switch
    {
        TensorDType.F32 => First(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u),
        TensorDType.F16 => First(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7C00),
        TensorDType.BF16 => First(MemoryMarshal.Cast<byte, ushort>(bytes), (ushort)0x7F80),
        TensorDType.F64 => First(MemoryMarshal.Cast<byte, ulong>(bytes), 0x7FF0_0000_0000_0000ul),
        // Of numbers to that of their pair; -1 stays.
        TensorDType.C64 => First(MemoryMarshal.Cast<byte, uint>(bytes), 0x7F80_0000u) >> 1,
        TensorDType.F8E5M2 => First(bytes, (byte)0x7C),
        // OCP's formats without infinity: NaN has every bit set, but for the sign.
        TensorDType.F8E4M3 => First(bytes, (byte)0x7F),
        TensorDType.F8E8M0 => First(bytes, (byte)0xFF),
        _ => -1,
    };

    /// <summary>The index of the first value with every bit of <paramref name="bits"/> set, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int First<T>(ReadOnlySpan<T> values, T bits)
        where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        int i = 0;
        var mask = Vector256.Create(bits);
        while (i <= values.Length - Vector256<T>.Count && !Vector256.EqualsAny(Vector256.Create(values[i..]) & mask, mask))
        {
            i += Vector256<T>.Count;
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & bits) == bits)
            {
                return i;
            }
        }
        return -1;
    }
}
