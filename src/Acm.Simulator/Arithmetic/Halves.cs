using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>The two 16-bit float formats.</summary>
internal enum Half16 { F16, Bf16 }

/// <summary>Sixteen lanes of f16, bf16 and tf32 to and from float32. 16-bit patterns stand in the low half of a word.</summary>
internal static class Halves
{
    /// <summary>f16 or bf16 (low halves; what is above them is ignored) as float32; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToSingle(Vector512<uint> halves, Half16 format)
    {
        Vector512<uint> top = Vector512.ShiftLeft(halves, 16);
        if (format == Half16.Bf16)
            return top.AsSingle();
        Vector512<uint> magnitude = Vector512.ShiftRightLogical(top & Vector512.Create(0x7fff0000u), 3);
        Vector512<uint> scaled = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32(); // 2^112: from bias 15 to 127
        Vector512<uint> special = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x7c00 << 13)).AsUInt32();
        scaled |= special & Vector512.Create(0x7f800000u);
        return (scaled | (top & Vector512.Create(0x80000000u))).AsSingle();
    }

    /// <summary>float32 to f16 or bf16, nearest even; NaN becomes 0x7fff.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> FromSingle(Vector512<float> x, Half16 format) =>
        format == Half16.Bf16 ? ToBf16(x) : Pack16(RoundToF16(x));

    /// <summary>float32 to bf16, nearest even; NaN becomes 0x7fff.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ToBf16(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32();
        Vector512<uint> last = Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One;
        Vector512<uint> rounded = Vector512.ShiftRightLogical(bits + last + Vector512.Create(0x7fffu), 16);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, Vector512.Create(0x7fffu));
    }

    /// <summary>float32 rounded to what f16 can hold (nearest even, infinity beyond it), still as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundToF16(Vector512<float> x)
    {
        Vector512<uint> sign = x.AsUInt32() & Vector512.Create(0x80000000u), bits = x.AsUInt32() ^ sign;
        Vector512<uint> last = Vector512.ShiftRightLogical(bits, 13) & Vector512<uint>.One;
        Vector512<uint> normal = (bits + last + Vector512.Create(0xfffu)) & Vector512.Create(0xffffe000u);
        // Below the normals the last place is 2^-24, which is the last place of 0.5 in float32.
        Vector512<float> half = Vector512.Create(0.5f);
        Vector512<uint> small = ((bits.AsSingle() + half) - half).AsUInt32();
        Vector512<uint> result = Vector512.ConditionalSelect(
            Vector512.LessThan(bits.AsInt32(), Vector512.Create(0x38800000)).AsUInt32(), small, normal);
        Vector512<uint> beyond = Vector512.GreaterThanOrEqual(result, Vector512.Create(0x47800000u)); // unsigned: a NaN may have carried into the sign
        Vector512<uint> infinite = Vector512.ConditionalSelect(
            Vector512.GreaterThan(bits.AsInt32(), Vector512.Create(0x7f800000)).AsUInt32(), Vector512.Create(0x7fffffffu), Vector512.Create(0x7f800000u));
        return (Vector512.ConditionalSelect(beyond, infinite, result) | sign).AsSingle();
    }

    /// <summary>float32 that f16 can hold, to its f16 bits; NaN becomes 0x7fff.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Pack16(Vector512<float> exact)
    {
        Vector512<uint> bits = exact.AsUInt32(), magnitude = bits & Vector512.Create(0x7fffffffu);
        // The inverse of the scaling in ToSingle; subnormal results come out by themselves, infinity does not.
        Vector512<uint> scaled = Vector512.ShiftRightLogical((magnitude.AsSingle() * Vector512.Create(1.925929944387236e-34f)).AsUInt32(), 13);
        Vector512<uint> infinite = Vector512.Equals(magnitude, Vector512.Create(0x7f800000u));
        scaled = Vector512.ConditionalSelect(infinite, Vector512.Create(0x7c00u), scaled) | Vector512.ShiftRightLogical(bits & Vector512.Create(0x80000000u), 16);
        return Vector512.ConditionalSelect(Vector512.Equals(exact, exact).AsUInt32(), scaled, Vector512.Create(0x7fffu));
    }

    /// <summary><c>cvt.rna.tf32.f32</c>: nearest, ties away; the low 13 bits zero; NaN becomes 0x7fffffff.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToTf32(Vector512<float> x)
    {
        Vector512<uint> rounded = (x.AsUInt32() + Vector512.Create(0x1000u)) & Vector512.Create(0xffffe000u);
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, Vector512.Create(0x7fffffffu)).AsSingle();
    }
}
