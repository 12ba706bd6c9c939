using System.Numerics;
using System.Runtime.Intrinsics;
using Acm.Simulator.Arithmetic;

namespace Acm.Simulator.Execution.Handlers;

internal enum HalfOp { Add, Sub, Mul, Fma, Min, Max, Neg, Abs, Ex2, Tanh }

/// <summary>
/// f16 and bf16 arithmetic, single or packed in pairs. Count: <see cref="HalfOp"/>; Mode: 1 bf16, 2 packed; Mode2: 1 flush subnormals,
/// 2 saturate, 4 relu, 8 NaN wins in min and max, 16 xorsign.abs.
/// </summary>
internal static unsafe class HalfOps
{
    public static void Run(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), c = w.Plane(i->C), d = w.Plane(i->D);
        bool bf16 = (i->Mode & 1) != 0, packed = (i->Mode & 2) != 0;
        HalfOp op = (HalfOp)i->Count;
        int flags = i->Mode2;
        if (op <= HalfOp.Fma && (flags & ~7) == 0)
        {
            Vector512<uint> low = Vector(op, bf16, packed, flags, a, b, c), high = Vector(op, bf16, packed, flags, a + 16, b + 16, c + 16);
            Lanes.Store(d, low, high, exec);
            return;
        }

        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            uint result = One(op, bf16, flags, a[lane] & 0xffff, b[lane] & 0xffff, c[lane] & 0xffff);
            if (packed)
                result |= One(op, bf16, flags, a[lane] >> 16, b[lane] >> 16, c[lane] >> 16) << 16;
            d[lane] = result;
        }
    }

    private static Vector512<uint> Vector(HalfOp op, bool bf16, bool packed, int flags, uint* a, uint* b, uint* c)
    {
        Vector512<uint> x = Vector512.Load(a), y = Vector512.Load(b), z = Vector512.Load(c);
        Half16 format = bf16 ? Half16.Bf16 : Half16.F16;
        HalfMath.Modifiers modifiers = (HalfMath.Modifiers)flags;
        return (op, packed) switch
        {
            (HalfOp.Add, false) => HalfMath.Add(x, y, format, modifiers),
            (HalfOp.Add, true) => HalfMath.AddX2(x, y, format, modifiers),
            (HalfOp.Sub, false) => HalfMath.Subtract(x, y, format, modifiers),
            (HalfOp.Sub, true) => HalfMath.SubtractX2(x, y, format, modifiers),
            (HalfOp.Mul, false) => HalfMath.Multiply(x, y, format, modifiers),
            (HalfOp.Mul, true) => HalfMath.MultiplyX2(x, y, format, modifiers),
            (_, false) => HalfMath.MultiplyAdd(x, y, z, format, modifiers),
            _ => HalfMath.MultiplyAddX2(x, y, z, format, modifiers),
        };
    }

    public static uint One(HalfOp op, bool bf16, int flags, uint a, uint b, uint c)
    {
        bool ftz = (flags & 1) != 0;
        if (op is HalfOp.Neg or HalfOp.Abs)
        {
            a = ftz ? FlushBits(a, bf16) : a;
            return op == HalfOp.Neg ? a ^ 0x8000 : a & 0x7fff;
        }

        double x = Value(a, bf16, ftz), y = Value(b, bf16, ftz), z = Value(c, bf16, ftz);
        double r = op switch
        {
            HalfOp.Add => Rounding.FusedOdd(x, 1, y),
            HalfOp.Sub => Rounding.FusedOdd(x, 1, -y),
            HalfOp.Mul => x * y,
            HalfOp.Fma => Rounding.FusedOdd(x, y, z),
            HalfOp.Min or HalfOp.Max when (flags & 16) != 0 => XorSign(Extreme(op, flags, Math.Abs(x), Math.Abs(y)), x, y),
            HalfOp.Min or HalfOp.Max => Extreme(op, flags, x, y),
            HalfOp.Ex2 => Math.Pow(2, x),
            _ => Math.Tanh(x),
        };
        uint bits = bf16 ? Narrows.ToBf16(r, RoundMode.Nearest) : Narrows.ToF16(r, RoundMode.Nearest);
        if (ftz)
            bits = FlushBits(bits, bf16);
        if ((flags & 2) != 0)
        {
            double v = Value(bits, bf16, false);
            bits = !(v > 0) ? 0 : v > 1 ? (bf16 ? 0x3f80u : 0x3c00u) : bits;
        }

        if ((flags & 4) != 0 && (bits & 0x8000) != 0 && !double.IsNaN(Value(bits, bf16, false)))
            bits = 0;
        return bits;
    }

    private static double Extreme(HalfOp op, int flags, double x, double y) => (op, flags & 8) switch
    {
        (HalfOp.Min, 0) => double.MinNumber(x, y),
        (HalfOp.Min, _) => Math.Min(x, y),
        (_, 0) => double.MaxNumber(x, y),
        _ => Math.Max(x, y),
    };

    private static double XorSign(double magnitude, double x, double y) =>
        Math.CopySign(magnitude, double.IsNegative(x) != double.IsNegative(y) ? -1 : 1);

    private static uint FlushBits(uint bits, bool bf16) => (bits & (bf16 ? 0x7f80u : 0x7c00u)) == 0 ? bits & 0x8000 : bits;

    public static double Value(uint bits, bool bf16, bool ftz)
    {
        if (ftz)
            bits = FlushBits(bits, bf16);
        return bf16 ? Narrows.FromBf16(bits) : Narrows.FromF16(bits);
    }
}
