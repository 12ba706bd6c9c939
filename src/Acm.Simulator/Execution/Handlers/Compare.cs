using System.Numerics;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

internal enum CompareOp { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan }

internal unsafe interface ICompare
{
    static abstract uint Mask(Warp w, Instruction* i, CompareOp op);
}

/// <summary>setp, set, selp and testp.</summary>
internal static unsafe class Compare
{
    /// <summary>Mode: <see cref="CompareOp"/>; Mode2: 0, or 1 and, 2 or, 3 xor with predicate C; D and E (or -1) take the result and its opposite.</summary>
    public static void Setp<T>(Warp w, Instruction* i, uint exec)
        where T : ICompare
    {
        uint mask = T.Mask(w, i, (CompareOp)i->Mode), other = ~mask;
        if (i->Mode2 != 0)
        {
            uint c = *w.Plane(i->C);
            mask = Combine(mask, c, i->Mode2);
            other = Combine(other, c, i->Mode2);
        }

        Lanes.SetPredicate(w.Plane(i->D), mask, exec);
        if (i->E >= 0)
            Lanes.SetPredicate(w.Plane(i->E), other, exec);
    }

    /// <summary>set: lanes where it holds get <see cref="Instruction.Imm"/>, the others 0. Count 1: two halves at once (Extra: the type's packing).</summary>
    public static void Set<T>(Warp w, Instruction* i, uint exec)
        where T : ICompare
    {
        uint mask = T.Mask(w, i, (CompareOp)i->Mode);
        if (i->Mode2 != 0)
            mask = Combine(mask, *w.Plane(i->C), i->Mode2);
        uint* d = w.Plane(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = (mask >> lane & 1) != 0 ? (uint)i->Imm : 0;
        }
    }

    /// <summary>set on packed halves: each half gets Imm or 0. Count: 1 bf16, 2 flush.</summary>
    public static void SetPacked(Warp w, Instruction* i, uint exec)
    {
        (uint low, uint high) = PackedMasks(w, i, exec);
        uint* d = w.Plane(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = ((low >> lane & 1) != 0 ? (uint)i->Imm : 0) | (((high >> lane & 1) != 0 ? (uint)i->Imm : 0) << 16);
        }
    }

    /// <summary>setp on packed halves: D for the low, E for the high.</summary>
    public static void SetpPacked(Warp w, Instruction* i, uint exec)
    {
        (uint low, uint high) = PackedMasks(w, i, exec);
        Lanes.SetPredicate(w.Plane(i->D), low, exec);
        if (i->E >= 0)
            Lanes.SetPredicate(w.Plane(i->E), high, exec);
    }

    // Where it holds of the low halves and of the high ones, joined with C.
    private static (uint Low, uint High) PackedMasks(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        uint low = 0, high = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            low |= (Half(i, a[lane] & 0xffff, b[lane] & 0xffff) ? 1u : 0) << lane;
            high |= (Half(i, a[lane] >> 16, b[lane] >> 16) ? 1u : 0) << lane;
        }

        if (i->Mode2 == 0)
            return (low, high);
        uint c = *w.Plane(i->C);
        return (Combine(low, c, i->Mode2), Combine(high, c, i->Mode2));
    }

    private static bool Half(Instruction* i, uint a, uint b) =>
        Floats((CompareOp)i->Mode, HalfOps.Value(a, (i->Count & 1) != 0, (i->Count & 2) != 0), HalfOps.Value(b, (i->Count & 1) != 0, (i->Count & 2) != 0));

    private static uint Combine(uint a, uint b, int how) => how switch { 1 => a & b, 2 => a | b, _ => a ^ b };

    public static bool Floats(CompareOp op, double a, double b)
    {
        bool unordered = double.IsNaN(a) || double.IsNaN(b);
        return op switch
        {
            CompareOp.Eq => a == b,
            CompareOp.Ne => !unordered && a != b,
            CompareOp.Lt => a < b,
            CompareOp.Le => a <= b,
            CompareOp.Gt => a > b,
            CompareOp.Ge => a >= b,
            CompareOp.Equ => unordered || a == b,
            CompareOp.Neu => a != b,
            CompareOp.Ltu => !(a >= b),
            CompareOp.Leu => !(a > b),
            CompareOp.Gtu => !(a <= b),
            CompareOp.Geu => !(a < b),
            CompareOp.Num => !unordered,
            _ => unordered,
        };
    }

    public static bool Integers<T>(CompareOp op, T a, T b)
        where T : INumber<T> => op switch
        {
            CompareOp.Eq => a == b,
            CompareOp.Ne => a != b,
            CompareOp.Lt => a < b,
            CompareOp.Le => a <= b,
            CompareOp.Gt => a > b,
            _ => a >= b,
        };

    public static void Selp32(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        uint p = *w.Plane(i->C);
        Vector512<uint> low = Vector512.ConditionalSelect(Lanes.Expand(p), Vector512.Load(a), Vector512.Load(b));
        Vector512<uint> high = Vector512.ConditionalSelect(Lanes.Expand(p >> 16), Vector512.Load(a + 16), Vector512.Load(b + 16));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void Selp64(Warp w, Instruction* i, uint exec)
    {
        ulong* a = w.Wide(i->A), b = w.Wide(i->B), d = w.Wide(i->D);
        uint p = *w.Plane(i->C);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(d, lane, Vector512.ConditionalSelect(Lanes.Expand64(p >> lane), Vector512.Load(a + lane), Vector512.Load(b + lane)), exec);
    }

    /// <summary>slct: c &gt;= 0 ? a : b. Mode: 1 64 bits, 2 c is f32, 4 flush c.</summary>
    public static void Slct(Warp w, Instruction* i, uint exec)
    {
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            bool first = (i->Mode & 2) == 0 ? ((int*)w.Plane(i->C))[lane] >= 0 : ((i->Mode & 4) != 0 ? Float.Flush(((float*)w.Plane(i->C))[lane]) : ((float*)w.Plane(i->C))[lane]) >= 0;
            if ((i->Mode & 1) != 0)
                w.Wide(i->D)[lane] = w.Wide(first ? i->A : i->B)[lane];
            else
                w.Plane(i->D)[lane] = w.Plane(first ? i->A : i->B)[lane];
        }
    }

    /// <summary>testp. Mode: 0 finite, 1 infinite, 2 number, 3 notanumber, 4 normal, 5 subnormal; Mode2: 1 f64.</summary>
    public static void Testp(Warp w, Instruction* i, uint exec)
    {
        uint mask = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            float f = ((float*)w.Plane(i->A))[lane];
            bool wide = i->Mode2 == 1;
            double d = wide ? ((double*)w.Wide(i->A))[lane] : f;
            bool normal = wide ? double.IsNormal(d) : float.IsNormal(f), subnormal = wide ? double.IsSubnormal(d) : float.IsSubnormal(f);
            bool is1 = i->Mode switch
            {
                0 => double.IsFinite(d),
                1 => double.IsInfinity(d),
                2 => !double.IsNaN(d),
                3 => double.IsNaN(d),
                4 => normal,
                _ => subnormal,
            };
            mask |= (is1 ? 1u : 0) << lane;
        }

        Lanes.SetPredicate(w.Plane(i->D), mask, exec);
    }

    /// <summary>Logic of predicates. Mode: 0 and, 1 or, 2 xor, 3 not, 4 move.</summary>
    public static void Predicate(Warp w, Instruction* i, uint exec)
    {
        uint a = *w.Plane(i->A), b = *w.Plane(i->B);
        Lanes.SetPredicate(w.Plane(i->D), i->Mode switch { 0 => a & b, 1 => a | b, 2 => a ^ b, 3 => ~a, _ => a }, exec);
    }
}

internal readonly unsafe struct CompareS32 : ICompare
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        int* a = (int*)w.Plane(i->A), b = (int*)w.Plane(i->B);
        return Lanes.Bits(One(op, Vector512.Load(a), Vector512.Load(b)), One(op, Vector512.Load(a + 16), Vector512.Load(b + 16)));
    }

    private static Vector512<uint> One(CompareOp op, Vector512<int> a, Vector512<int> b) => (op switch
    {
        CompareOp.Eq => Vector512.Equals(a, b),
        CompareOp.Ne => ~Vector512.Equals(a, b),
        CompareOp.Lt => Vector512.LessThan(a, b),
        CompareOp.Le => Vector512.LessThanOrEqual(a, b),
        CompareOp.Gt => Vector512.GreaterThan(a, b),
        _ => Vector512.GreaterThanOrEqual(a, b),
    }).AsUInt32();
}

internal readonly unsafe struct CompareU32 : ICompare
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        return Lanes.Bits(One(op, Vector512.Load(a), Vector512.Load(b)), One(op, Vector512.Load(a + 16), Vector512.Load(b + 16)));
    }

    private static Vector512<uint> One(CompareOp op, Vector512<uint> a, Vector512<uint> b) => op switch
    {
        CompareOp.Eq => Vector512.Equals(a, b),
        CompareOp.Ne => ~Vector512.Equals(a, b),
        CompareOp.Lt => Vector512.LessThan(a, b),
        CompareOp.Le => Vector512.LessThanOrEqual(a, b),
        CompareOp.Gt => Vector512.GreaterThan(a, b),
        _ => Vector512.GreaterThanOrEqual(a, b),
    };
}

/// <summary>Count 2: flush subnormals.</summary>
internal readonly unsafe struct CompareF32 : ICompare
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        float* a = (float*)w.Plane(i->A), b = (float*)w.Plane(i->B);
        return Lanes.Bits(One(op, Load(i, a), Load(i, b)), One(op, Load(i, a + 16), Load(i, b + 16)));
    }

    private static Vector512<float> Load(Instruction* i, float* p) => (i->Count & 2) != 0 ? Float.Flush(Vector512.Load(p)) : Vector512.Load(p);

    private static Vector512<uint> One(CompareOp op, Vector512<float> a, Vector512<float> b) => (op switch
    {
        CompareOp.Eq => Vector512.Equals(a, b),
        CompareOp.Ne => Vector512.LessThan(a, b) | Vector512.GreaterThan(a, b),
        CompareOp.Lt => Vector512.LessThan(a, b),
        CompareOp.Le => Vector512.LessThanOrEqual(a, b),
        CompareOp.Gt => Vector512.GreaterThan(a, b),
        CompareOp.Ge => Vector512.GreaterThanOrEqual(a, b),
        CompareOp.Equ => ~(Vector512.LessThan(a, b) | Vector512.GreaterThan(a, b)),
        CompareOp.Neu => ~Vector512.Equals(a, b),
        CompareOp.Ltu => ~Vector512.GreaterThanOrEqual(a, b),
        CompareOp.Leu => ~Vector512.GreaterThan(a, b),
        CompareOp.Gtu => ~Vector512.LessThanOrEqual(a, b),
        CompareOp.Geu => ~Vector512.LessThan(a, b),
        CompareOp.Num => Vector512.Equals(a, a) & Vector512.Equals(b, b),
        _ => ~(Vector512.Equals(a, a) & Vector512.Equals(b, b)),
    }).AsUInt32();
}

internal readonly unsafe struct CompareInteger<T> : ICompare
    where T : unmanaged, INumber<T>
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        uint mask = 0;
        bool narrow = sizeof(T) == 2;
        for (int lane = 0; lane < 32; lane++)
        {
            T a = narrow ? *(T*)(w.R + i->A + (lane * 4)) : ((T*)(w.R + i->A))[lane];
            T b = narrow ? *(T*)(w.R + i->B + (lane * 4)) : ((T*)(w.R + i->B))[lane];
            mask |= (Compare.Integers(op, a, b) ? 1u : 0) << lane;
        }

        return mask;
    }
}

internal readonly unsafe struct CompareF64 : ICompare
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        uint mask = 0;
        for (int lane = 0; lane < 32; lane++)
            mask |= (Compare.Floats(op, ((double*)w.Wide(i->A))[lane], ((double*)w.Wide(i->B))[lane]) ? 1u : 0) << lane;
        return mask;
    }
}

/// <summary>One half per lane. Count: 1 bf16, 2 flush.</summary>
internal readonly unsafe struct CompareHalf : ICompare
{
    public static uint Mask(Warp w, Instruction* i, CompareOp op)
    {
        uint mask = 0;
        bool bf16 = (i->Count & 1) != 0, ftz = (i->Count & 2) != 0;
        for (int lane = 0; lane < 32; lane++)
        {
            double a = HalfOps.Value(w.Plane(i->A)[lane] & 0xffff, bf16, ftz), b = HalfOps.Value(w.Plane(i->B)[lane] & 0xffff, bf16, ftz);
            mask |= (Compare.Floats(op, a, b) ? 1u : 0) << lane;
        }

        return mask;
    }
}
