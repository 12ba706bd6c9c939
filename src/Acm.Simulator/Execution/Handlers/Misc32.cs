using System.Numerics;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Integer instructions with options, carries and predicates.</summary>
internal static unsafe class Misc32
{
    /// <summary>bfi: a into b at position c, length E. Mode 1: 64 bits.</summary>
    public static void Bfi(Warp w, Instruction* i, uint exec)
    {
        uint* c = w.Plane(i->C), length = w.Plane(i->E);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            if (i->Mode == 1)
                w.Wide(i->D)[lane] = Bits.Insert(w.Wide(i->A)[lane], w.Wide(i->B)[lane], c[lane], length[lane], 64);
            else
                w.Plane(i->D)[lane] = (uint)Bits.Insert(w.Plane(i->A)[lane], w.Plane(i->B)[lane], c[lane], length[lane], 32);
        }
    }

    /// <summary>lop3 with its table in <see cref="Instruction.Imm"/>; Mode 1, 2: also the predicate E = (d != 0) or/and Mode2.</summary>
    public static void Lop3(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), c = w.Plane(i->C), d = w.Plane(i->D);
        int table = (int)i->Imm;
        Vector512<uint> low = Table(a, b, c, table), high = Table(a + 16, b + 16, c + 16, table);
        if (i->Mode != 0)
        {
            uint set = ~Lanes.Bits(Vector512.Equals(low, Vector512<uint>.Zero), Vector512.Equals(high, Vector512<uint>.Zero));
            uint other = *w.Plane(i->Mode2);
            Lanes.SetPredicate(w.Plane(i->E), i->Mode == 1 ? set | other : set & other, exec);
        }

        Lanes.Store(d, low, high, exec);
    }

    private static Vector512<uint> Table(uint* pa, uint* pb, uint* pc, int table)
    {
        Vector512<uint> a = Vector512.Load(pa), b = Vector512.Load(pb), c = Vector512.Load(pc), result = default;
        for (int i = 0; i < 8; i++)
        {
            if ((table >> i & 1) != 0)
                result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
        }

        return result;
    }

    /// <summary>dp2a. Mode: 1 a signed, 2 b signed, 4 high half.</summary>
    public static void Dp2a(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), c = w.Plane(i->C), d = w.Plane(i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = Bits.Dot2(a[lane], b[lane], c[lane], (i->Mode & 1) != 0, (i->Mode & 2) != 0, (i->Mode & 4) != 0);
        }
    }

    /// <summary>add/sub with carry. Mode: 1 subtract, 2 carry in, 4 carry out, 8 64 bits.</summary>
    public static void AddCarry(Warp w, Instruction* i, uint exec)
    {
        bool subtract = (i->Mode & 1) != 0, takes = (i->Mode & 2) != 0, gives = (i->Mode & 4) != 0, wide = (i->Mode & 8) != 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong a = wide ? w.Wide(i->A)[lane] : w.Plane(i->A)[lane], b = wide ? w.Wide(i->B)[lane] : w.Plane(i->B)[lane];
            uint carry = takes ? w.Carry >> lane & 1 : 0;
            UInt128 sum = subtract ? (UInt128)a - b - carry : (UInt128)a + b + carry;
            if (wide)
                w.Wide(i->D)[lane] = (ulong)sum;
            else
                w.Plane(i->D)[lane] = (uint)sum;
            if (gives)
                w.SetCarry(lane, (uint)(sum >> (wide ? 64 : 32)) & 1);
        }
    }

    /// <summary>mad with carry. Mode: 1 high half, 2 carry in, 4 carry out, 8 64 bits, 16 signed.</summary>
    public static void MadCarry(Warp w, Instruction* i, uint exec)
    {
        bool high = (i->Mode & 1) != 0, takes = (i->Mode & 2) != 0, gives = (i->Mode & 4) != 0, wide = (i->Mode & 8) != 0, signed = (i->Mode & 16) != 0;
        int bits = wide ? 64 : 32;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Int128 a = Read(w, i->A, lane, wide, signed), b = Read(w, i->B, lane, wide, signed);
            ulong c = wide ? w.Wide(i->C)[lane] : w.Plane(i->C)[lane];
            UInt128 product = (UInt128)(a * b);
            ulong part = high ? (ulong)(product >> bits) : (ulong)product;
            if (!wide)
                part = (uint)part;
            UInt128 sum = (UInt128)part + c + (takes ? w.Carry >> lane & 1 : 0);
            if (wide)
                w.Wide(i->D)[lane] = (ulong)sum;
            else
                w.Plane(i->D)[lane] = (uint)sum;
            if (gives)
                w.SetCarry(lane, (uint)(sum >> bits) & 1);
        }
    }

    private static Int128 Read(Warp w, int offset, int lane, bool wide, bool signed)
    {
        if (wide)
            return signed ? (long)w.Wide(offset)[lane] : w.Wide(offset)[lane];
        return signed ? (int)w.Plane(offset)[lane] : w.Plane(offset)[lane];
    }

    /// <summary>
    /// Video instructions on packed elements. Mode: 0 add, 1 sub, 2 absdiff, 3 min, 4 max, 5 avrg. Mode2: bits of an element (8, 16).
    /// Count: 1 a signed, 2 b signed, 4 d signed, 8 saturate, 16 sum the elements into c.
    /// </summary>
    public static void Video(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), c = w.Plane(i->C), d = w.Plane(i->D);
        int bits = i->Mode2;
        bool signedA = (i->Count & 1) != 0, signedB = (i->Count & 2) != 0, signedD = (i->Count & 4) != 0;
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            uint packed = 0, sum = c[lane];
            for (int at = 0; at < 32; at += bits)
            {
                int x = Element(a[lane], at, bits, signedA), y = Element(b[lane], at, bits, signedB);
                int value = i->Mode switch
                {
                    0 => x + y,
                    1 => x - y,
                    2 => Math.Abs(x - y),
                    3 => Math.Min(x, y),
                    4 => Math.Max(x, y),
                    _ => (x + y + (x + y >= 0 ? 1 : 0)) >> 1,
                };
                if ((i->Count & 8) != 0)
                    value = signedD ? Math.Clamp(value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1) : Math.Clamp(value, 0, (1 << bits) - 1);
                sum += (uint)value;
                packed |= ((uint)value & ((1u << bits) - 1)) << at;
            }

            d[lane] = (i->Count & 16) != 0 ? sum : packed;
        }
    }

    private static int Element(uint x, int at, int bits, bool signed)
    {
        int value = (int)(x << (32 - at - bits));
        return signed ? value >> (32 - bits) : (int)((uint)value >> (32 - bits));
    }
}
