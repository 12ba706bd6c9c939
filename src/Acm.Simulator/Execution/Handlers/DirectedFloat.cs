using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

internal enum FloatOp { Add, Sub, Mul, Fma, Div, Rcp, Sqrt }

/// <summary>
/// f32 and f64 arithmetic in any rounding direction: the result to nearest, moved one step where the exact value lies on its other side.
/// Count: <see cref="FloatOp"/>; Mode: <see cref="RoundMode"/>; Mode2: 1 flush subnormals, 2 saturate.
/// </summary>
internal static unsafe class DirectedFloat
{
    public static void Single(Warp w, Instruction* i, uint exec)
    {
        float* a = (float*)w.Plane(i->A), b = (float*)w.Plane(i->B), c = (float*)w.Plane(i->C), d = (float*)w.Plane(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            float r = One(i, a[lane], b[lane], c[lane]);
            d[lane] = (i->Mode2 & 2) != 0 ? Float.Clamp(r) : r;
        }
    }

    /// <summary>f32x2: two f32 in a register of 64 bits.</summary>
    public static void Pair(Warp w, Instruction* i, uint exec)
    {
        float* a = (float*)w.Wide(i->A), b = (float*)w.Wide(i->B), c = (float*)w.Wide(i->C), d = (float*)w.Wide(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int at = 2 * BitOperations.TrailingZeroCount(exec);
            (d[at], d[at + 1]) = (One(i, a[at], b[at], c[at]), One(i, a[at + 1], b[at + 1], c[at + 1]));
        }
    }

    private static float One(Instruction* i, float x, float y, float z)
    {
        if ((i->Mode2 & 1) == 0)
            return Single((FloatOp)i->Count, x, y, z, (RoundMode)i->Mode);
        return Float.Flush(Single((FloatOp)i->Count, Float.Flush(x), Float.Flush(y), Float.Flush(z), (RoundMode)i->Mode));
    }

    public static float Single(FloatOp op, float a, float b, float c, RoundMode mode)
    {
        double high, error = 0;
        switch (op)
        {
            case FloatOp.Add:
                high = Rounding.Sum(a, b, out error);
                break;
            case FloatOp.Sub:
                high = Rounding.Sum(a, -b, out error);
                break;
            case FloatOp.Mul:
                high = (double)a * b;
                break;
            case FloatOp.Fma:
                if (mode == RoundMode.Nearest)
                    return MathF.FusedMultiplyAdd(a, b, c);
                high = Rounding.Sum((double)a * b, c, out error);
                break;
            case FloatOp.Div or FloatOp.Rcp:
            {
                (float x, float y) = op == FloatOp.Rcp ? (1, a) : (a, b);
                float q = x / y;
                if (mode == RoundMode.Nearest || q == 0 && x == 0 || float.IsNaN(q) || float.IsInfinity(x) || y == 0 || float.IsInfinity(y))
                    return q;
                // The sign of x - q y tells on which side of q the quotient is.
                double rest = float.IsInfinity(q) ? (q > 0 ? -1 : 1) * (y > 0 ? 1.0 : -1) : x - ((double)q * y);
                return Step(q, rest == 0 ? 0 : rest > 0 == y > 0 ? 1 : -1, mode, x > 0 == y > 0);
            }

            default:
            {
                float s = MathF.Sqrt(a);
                if (mode == RoundMode.Nearest || !(a > 0) || float.IsInfinity(a))
                    return s;
                return Step(s, Math.Sign(a - ((double)s * s)), mode, true);
            }
        }

        float near = (float)high;
        if (mode == RoundMode.Nearest || !double.IsFinite(high))
            return near;
        if (high == 0 && error == 0)
            return ZeroSum(op, a, b, c, near);
        double side = high - near;
        return Step(near, side != 0 ? Math.Sign(side) : Math.Sign(error), mode, high > 0);
    }

    /// <summary>Terms that cancel give +0 in every direction, as the conformance set has it (IEEE 754 says -0 when rounding down).</summary>
    private static float ZeroSum(FloatOp op, float a, float b, float c, float zero)
    {
        bool cancels = op switch
        {
            FloatOp.Add => float.IsNegative(a) != float.IsNegative(b),
            FloatOp.Sub => float.IsNegative(a) == float.IsNegative(b),
            FloatOp.Fma => (float.IsNegative(a) != float.IsNegative(b)) != float.IsNegative(c),
            _ => false,
        };
        return cancels ? 0f : zero;
    }

    /// <summary>The neighbour of a value rounded to nearest when the exact value is above (+1) or below (-1) it.</summary>
    private static float Step(float near, int exactIs, RoundMode mode, bool positive)
    {
        if (exactIs == 0)
            return near;
        bool up = mode == RoundMode.Up || (mode == RoundMode.Zero && !positive);
        float r = up && exactIs > 0 ? MathF.BitIncrement(near) : !up && exactIs < 0 ? MathF.BitDecrement(near) : near;
        return r == 0 ? MathF.CopySign(0, positive ? 1 : -1) : r;
    }

    public static void Double(Warp w, Instruction* i, uint exec)
    {
        double* a = (double*)w.Wide(i->A), b = (double*)w.Wide(i->B), c = (double*)w.Wide(i->C), d = (double*)w.Wide(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = Double((FloatOp)i->Count, a[lane], b[lane], c[lane], (RoundMode)i->Mode);
        }
    }

    public static double Double(FloatOp op, double a, double b, double c, RoundMode mode)
    {
        if (op == FloatOp.Sub)
            (op, b) = (FloatOp.Add, -b);
        if (op == FloatOp.Rcp)
            (op, a, b) = (FloatOp.Div, 1, a);
        double near = op switch
        {
            FloatOp.Add => a + b,
            FloatOp.Mul => a * b,
            FloatOp.Fma => Math.FusedMultiplyAdd(a, b, c),
            FloatOp.Div => a / b,
            _ => Math.Sqrt(a),
        };
        if (mode == RoundMode.Nearest || double.IsNaN(near) || !double.IsFinite(a))
            return near;
        bool needsB = op != FloatOp.Sqrt, needsC = op == FloatOp.Fma;
        if ((needsB && !double.IsFinite(b)) || (needsC && !double.IsFinite(c)) || (op == FloatOp.Div && b == 0))
            return near;
        int side = ExactDouble.Compare(op, a, b, c, near, out int sign);
        if (sign == 0)
        {
            bool cancels = op switch
            {
                FloatOp.Add => double.IsNegative(a) != double.IsNegative(b),
                FloatOp.Fma => (double.IsNegative(a) != double.IsNegative(b)) != double.IsNegative(c),
                _ => false,
            };
            return cancels ? 0.0 : near;
        }

        bool up = mode == RoundMode.Up || (mode == RoundMode.Zero && sign < 0);
        double r = up && side > 0 ? Math.BitIncrement(near) : !up && side < 0 ? Math.BitDecrement(near) : near;
        return r == 0 ? Math.CopySign(0, sign) : r;
    }
}

/// <summary>Exact comparison of an f64 operation with a value near it, in whole numbers. Rare, so it may be slow.</summary>
internal static class ExactDouble
{
    /// <summary>1 where the exact result is above <paramref name="near"/>, -1 below, 0 equal; and the sign of the exact result.</summary>
    public static int Compare(FloatOp op, double a, double b, double c, double near, out int sign)
    {
        if (double.IsInfinity(near)) // of finite operands: the exact result lies inward of it, however large
        {
            sign = Math.Sign(near);
            return -sign;
        }

        // Everything as an integer times 2^-2200 (products: 2^-2200 is the product's unit, so each factor has 2^-1100).
        BigInteger x = Scaled(a), y = Scaled(b), z = Scaled(c) << 1100;
        BigInteger r = Scaled(near);
        switch (op)
        {
            case FloatOp.Add:
                sign = (x + y).Sign;
                return (x + y).CompareTo(r);
            case FloatOp.Mul:
                sign = (x * y).Sign;
                return (x * y).CompareTo(r << 1100);
            case FloatOp.Fma:
                sign = ((x * y) + z).Sign;
                return ((x * y) + z).CompareTo(r << 1100);
            case FloatOp.Div:
                sign = x.Sign * y.Sign;
                return (x << 1100).CompareTo(r * y) * y.Sign;
            default:
                sign = x.Sign;
                return (x << 1100).CompareTo(r * r);
        }
    }

    private static BigInteger Scaled(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) & 0x7ff;
        long fraction = bits & ((1L << 52) - 1);
        BigInteger magnitude = exponent == 0 ? fraction : fraction | (1L << 52);
        magnitude <<= Math.Max(exponent, 1) - 1075 + 1100;
        return bits < 0 ? -magnitude : magnitude;
    }
}
