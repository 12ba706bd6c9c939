using System.Numerics;
using System.Runtime.Intrinsics;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>What a <c>cvt</c> does.</summary>
internal sealed record Conversion(PtxType To, PtxType From, RoundMode Mode, bool ToIntegral, bool Ftz, bool Saturate, bool Relu, bool Finite, bool WideSource, bool WideTarget, bool NarrowTarget);

/// <summary>cvt. The hot ones have vectors; the others read a value, round it and write it.</summary>
internal static unsafe class Conversions
{
    public static void Run(Warp w, Instruction* i, uint exec)
    {
        Conversion how = (Conversion)w.Frame.Code.Tables[i->Extra];
        bool fromFloat = how.From.IsFloat(), toFloat = how.To.IsFloat();
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            ulong bits = how.WideSource ? w.Wide(i->A)[lane] : w.Plane(i->A)[lane];
            ulong result = fromFloat
                ? FromFloat(how, FloatValue(how.From, bits, how.Ftz))
                : toFloat ? FloatBits(how.To, IntegerToFloat(how, bits), how) : IntegerToInteger(how, bits);
            if (how.WideTarget)
                w.Wide(i->D)[lane] = result;
            else
                w.Plane(i->D)[lane] = (uint)result;
        }
    }

    private static ulong FromFloat(Conversion how, double x)
    {
        if (how.To.IsFloat())
            return FloatBits(how.To, how.ToIntegral ? KeepSign(x, Rounding.Integral(x, how.Mode)) : x, how);
        return FloatToInteger(how, x);
    }

    private static double KeepSign(double x, double r) => r == 0 ? Math.CopySign(0, x) : r;

    public static double FloatValue(PtxType type, ulong bits, bool ftz)
    {
        switch (type)
        {
            case PtxType.F16:
                return Narrows.FromF16((uint)bits);
            case PtxType.BF16:
                return Narrows.FromBf16((uint)bits & 0xffff);
            case PtxType.F64:
                return BitConverter.UInt64BitsToDouble(bits);
            default:
                float f = BitConverter.UInt32BitsToSingle((uint)bits);
                return ftz ? Float.Flush(f) : f;
        }
    }

    /// <summary>A value rounded into a type's bits.</summary>
    public static ulong FloatBits(PtxType type, double x, Conversion how)
    {
        if (how.Saturate)
            x = Float.Clamp(x);
        if (how.Relu && x <= 0)
            x = 0;
        switch (type)
        {
            case PtxType.F64:
                return BitConverter.DoubleToUInt64Bits(x);
            case PtxType.F16:
                return Finite(how, Narrows.ToF16(x, how.Mode), 0x7c00);
            case PtxType.BF16:
                return Finite(how, Narrows.ToBf16(x, how.Mode), 0x7f80);
            case PtxType.TF32:
                if (double.IsNaN(x))
                    return 0x7fffffff;
                double tf32 = Rounding.To(x, FloatFormat.Tf32, how.Mode);
                return BitConverter.SingleToUInt32Bits((float)(how.Finite ? Math.Clamp(tf32, -FloatFormat.Tf32.Max, FloatFormat.Tf32.Max) : tf32));
            default:
                float f = how.Mode == RoundMode.Nearest ? (float)x : (float)Rounding.To(x, FloatFormat.F32, how.Mode);
                return BitConverter.SingleToUInt32Bits(how.Ftz ? Float.Flush(f) : f);
        }
    }

    // The number below where infinity was to stay finite.
    private static ulong Finite(Conversion how, uint half, uint infinity) => how.Finite && (half & 0x7fff) == infinity ? half - 1 : half;

    private static double IntegerToFloat(Conversion how, ulong bits)
    {
        long value = Extend(how.From, bits);
        bool negative = how.From.IsSigned() && value < 0;
        ulong magnitude = negative ? (ulong)-value : (ulong)value;
        int precision = how.To switch { PtxType.F64 => 53, PtxType.F16 => 11, PtxType.BF16 => 8, _ => 24 };
        return Rounding.Integer(magnitude, negative, precision, how.Mode);
    }

    private static long Extend(PtxType type, ulong bits) => type.Bits() switch
    {
        8 => type.IsSigned() ? (sbyte)bits : (byte)bits,
        16 => type.IsSigned() ? (short)bits : (ushort)bits,
        32 => type.IsSigned() ? (int)bits : (uint)bits,
        _ => (long)bits,
    };

    private static ulong IntegerToInteger(Conversion how, ulong bits)
    {
        long value = Extend(how.From, bits);
        int width = how.To.Bits();
        if (how.Saturate)
        {
            Int128 wide = how.From.IsSigned() ? value : (ulong)value;
            Int128 low = how.To.IsSigned() ? -(Int128.One << (width - 1)) : 0;
            Int128 high = how.To.IsSigned() ? (Int128.One << (width - 1)) - 1 : (Int128.One << width) - 1;
            value = (long)(ulong)Int128.Clamp(wide, low, high);
        }

        return Fit(how, (ulong)value);
    }

    /// <summary>Cut to the type, then extended to the register that holds it.</summary>
    private static ulong Fit(Conversion how, ulong value)
    {
        ulong extended = (ulong)Extend(how.To, value);
        return how.NarrowTarget ? (ushort)extended : extended;
    }

    private static ulong FloatToInteger(Conversion how, double x)
    {
        int width = how.To.Bits();
        bool signed = how.To.IsSigned();
        if (double.IsNaN(x))
            return how.From == PtxType.F64 || width == 64 ? 1UL << (width - 1) : 0;
        double r = Rounding.Integral(x, how.Mode);
        double low = signed ? -Math.ScaleB(1, width - 1) : 0, high = Math.ScaleB(1, signed ? width - 1 : width);
        ulong value = r <= low ? (signed ? 1UL << (width - 1) : 0)
            : r >= high ? (signed ? (1UL << (width - 1)) - 1 : ulong.MaxValue >> (64 - width))
            : signed ? (ulong)(long)r : (ulong)r;
        return Fit(how, value);
    }

    // 32 bits to 64 and back.
    public static void U64FromU32(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, Vector512.WidenLower(Vector512.Create(Vector256.Load(a + lane), default)), exec);
    }

    public static void S64FromS32(Warp w, Instruction* i, uint exec)
    {
        int* a = (int*)w.Plane(i->A);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, Vector512.WidenLower(Vector512.Create(Vector256.Load(a + lane), default)).AsUInt64(), exec);
    }

    public static void U32FromU64(Warp w, Instruction* i, uint exec)
    {
        ulong* a = w.Wide(i->A);
        Vector512<uint> low = Vector512.Narrow(Vector512.Load(a), Vector512.Load(a + 8));
        Vector512<uint> high = Vector512.Narrow(Vector512.Load(a + 16), Vector512.Load(a + 24));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void F32FromS32(Warp w, Instruction* i, uint exec)
    {
        int* a = (int*)w.Plane(i->A);
        Lanes.Store(w.Plane(i->D), Vector512.ConvertToSingle(Vector512.Load(a)).AsUInt32(), Vector512.ConvertToSingle(Vector512.Load(a + 16)).AsUInt32(), exec);
    }

    public static void F32FromBf16(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A);
        Lanes.Store(w.Plane(i->D), Vector512.Load(a) << 16, Vector512.Load(a + 16) << 16, exec);
    }

    public static void Bf16FromF32(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A);
        Lanes.Store(w.Plane(i->D), Bf16(Vector512.Load(a)), Bf16(Vector512.Load(a + 16)), exec);
    }

    public static Vector512<uint> Bf16(Vector512<uint> bits)
    {
        Vector512<uint> odd = (bits >>> 16) & Vector512<uint>.One;
        Vector512<uint> rounded = (bits + odd + Vector512.Create(0x7fffu)) >>> 16;
        Vector512<uint> isNumber = Vector512.Equals(bits.AsSingle(), bits.AsSingle()).AsUInt32();
        return Vector512.ConditionalSelect(isNumber, rounded, Vector512.Create(0x7fffu));
    }

    /// <summary>cvt.rn.{f16x2,bf16x2}.f32 d, a, b: a is the upper half. Mode: 1 bf16, 2 relu, 4 toward zero, 8 finite.</summary>
    public static void Pair(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), d = w.Plane(i->D);
        if (i->Mode == 1)
        {
            Vector512<uint> low = (Bf16(Vector512.Load(a)) << 16) | Bf16(Vector512.Load(b));
            Vector512<uint> high = (Bf16(Vector512.Load(a + 16)) << 16) | Bf16(Vector512.Load(b + 16));
            Lanes.Store(d, low, high, exec);
            return;
        }

        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = (Half(i->Mode, a[lane]) << 16) | Half(i->Mode, b[lane]);
        }
    }

    private static uint Half(int mode, uint bits)
    {
        double x = BitConverter.UInt32BitsToSingle(bits);
        if ((mode & 2) != 0 && x <= 0)
            x = 0;
        RoundMode rounding = (mode & 4) != 0 ? RoundMode.Zero : RoundMode.Nearest;
        uint half = (mode & 1) != 0 ? Narrows.ToBf16(x, rounding) : Narrows.ToF16(x, rounding);
        uint infinity = (mode & 1) != 0 ? 0x7f80u : 0x7c00u;
        return (mode & 8) != 0 && (half & 0x7fff) == infinity ? half - 1 : half;
    }

    /// <summary>To and from pairs of 8-bit floats. Mode: 1 e5m2, 2 relu, 4 from f16x2 (else two f32, a the upper), 8 to f16x2 from the pair.</summary>
    public static void Fp8(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), d = w.Plane(i->D);
        bool e5m2 = (i->Mode & 1) != 0, relu = (i->Mode & 2) != 0;
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            if ((i->Mode & 8) != 0)
            {
                uint low = Narrows.F16Bits(e5m2 ? Narrows.FromE5M2(a[lane]) : Narrows.FromE4M3(a[lane]));
                uint high = Narrows.F16Bits(e5m2 ? Narrows.FromE5M2(a[lane] >> 8) : Narrows.FromE4M3(a[lane] >> 8));
                d[lane] = Relu16(low, relu) | (Relu16(high, relu) << 16);
                continue;
            }

            double x = (i->Mode & 4) != 0 ? Narrows.FromF16(a[lane] >> 16) : BitConverter.UInt32BitsToSingle(a[lane]);
            double y = (i->Mode & 4) != 0 ? Narrows.FromF16(a[lane]) : BitConverter.UInt32BitsToSingle(b[lane]);
            if (relu)
                (x, y) = (x <= 0 ? 0 : x, y <= 0 ? 0 : y);
            d[lane] = e5m2 ? (Narrows.ToE5M2(x) << 8) | Narrows.ToE5M2(y) : (Narrows.ToE4M3(x) << 8) | Narrows.ToE4M3(y);
        }
    }

    private static uint Relu16(uint half, bool relu) => relu && (half & 0x8000) != 0 && (half & 0x7fff) <= 0x7c00 ? 0 : half;

    /// <summary>cvt.pack.sat: a, b saturated and packed, above the bits of c. Mode: bits of an element, Mode2: signed.</summary>
    public static void Pack(Warp w, Instruction* i, uint exec)
    {
        int bits = i->Mode;
        long low = i->Mode2 == 1 ? -(1L << (bits - 1)) : 0, high = i->Mode2 == 1 ? (1L << (bits - 1)) - 1 : (1L << bits) - 1;
        uint mask = (1u << bits) - 1;
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            uint a = (uint)Math.Clamp((int)w.Plane(i->A)[lane], low, high) & mask, b = (uint)Math.Clamp((int)w.Plane(i->B)[lane], low, high) & mask;
            uint c = i->C >= 0 && bits < 16 ? w.Plane(i->C)[lane] << (2 * bits) : 0;
            w.Plane(i->D)[lane] = c | (a << bits) | b;
        }
    }
}
