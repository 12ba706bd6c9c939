using System.Numerics;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Execution.Handlers;

internal enum AtomicOp { Add, Exch, Cas, Min, Max, Inc, Dec, And, Or, Xor }

/// <summary>What an <c>atom</c> or <c>red</c> does.</summary>
internal sealed record Atomic(AtomicOp Op, PtxType Type, bool Acquire, bool Release, bool Returns);

/// <summary>
/// atom and red: D old value (or scratch), A address, B operand, C the second one of cas. Blocks run on several host threads, so global memory
/// is changed by compare-and-exchange.
/// </summary>
internal static unsafe class Atomics
{
    public static void Run(Warp w, Instruction* i, uint exec)
    {
        Atomic how = (Atomic)w.Frame.Code.Tables[i->Extra];
        int bytes = how.Type.Bytes();
        ulong* addresses = MemoryAccess.Addresses(w, i);
        MemoryAccess.CheckAlignment(w, addresses, exec, bytes);
        w.Counters.Atomics += BitOperations.PopCount(exec);
        uint global = 0, shared = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemorySpace space = (MemorySpace)i->Space == MemorySpace.Generic ? MemoryAccess.SpaceOf(addresses[lane]) : (MemorySpace)i->Space;
            if (space == MemorySpace.Shared)
            {
                if ((MemorySpace)i->Space == MemorySpace.Generic)
                    addresses[lane] -= AddressMap.SharedWindow;
                MemoryAccess.Shared(w, addresses[lane], bytes, lane);
                shared |= 1u << lane;
            }
            else if (space == MemorySpace.Global)
            {
                MemoryAccess.PageOf(w, addresses[lane], lane);
                global |= 1u << lane;
            }
            else
            {
                throw w.Fault(FaultKind.OutOfBounds, "atomic access to local memory or parameters", lane, addresses[lane]);
            }
        }

        if (how.Release)
            w.Block.Checks?.Fence(w, 1);
        if (global != 0)
        {
            AccessCounters.Global(w, addresses, global, bytes, store: true);
            AccessCounters.Mark(w, addresses, global, bytes, store: false);
            if (w.Block.Checks is { } checks)
            {
                lock (checks.Order)
                {
                    checks.GlobalAtomic(w, i, global, addresses, bytes);
                    Change(w, i, global, addresses, how, shared: false);
                }
            }
            else
            {
                Change(w, i, global, addresses, how, shared: false);
            }
        }

        if (shared != 0)
        {
            w.Block.Checks?.SharedAtomic(w, i, shared, addresses, bytes);
            AccessCounters.Shared(w, addresses, shared, bytes);
            Change(w, i, shared, addresses, how, shared: true);
        }
    }

    /// <summary>Each element of a vector is changed for itself. Count: how many; E: their B and D in <see cref="Code.Extra"/>.</summary>
    public static void RunVector(Warp w, Instruction* i, uint exec)
    {
        int bytes = ((Atomic)w.Frame.Code.Tables[i->Extra]).Type.Bytes();
        MemoryAccess.CheckAlignment(w, MemoryAccess.Addresses(w, i), exec, bytes * i->Count);
        int* registers = w.Frame.Code.ExtraFirst + i->E;
        Instruction element = *i;
        for (int n = 0; n < i->Count; n++)
        {
            (element.B, element.D) = (registers[2 * n], registers[(2 * n) + 1]);
            element.C = element.B;
            Run(w, &element, exec);
            element.Imm += bytes;
        }
    }

    private static void Change(Warp w, Instruction* i, uint exec, ulong* addresses, Atomic how, bool shared)
    {
        bool wide = how.Type.Bytes() == 8;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            byte* at = shared
                ? w.Block.Shared + addresses[lane]
                : (byte*)((long)addresses[lane] + w.Pages[(addresses[lane] - AddressMap.Global) >> AddressMap.PageShift].Data);
            ulong b = wide ? w.Wide(i->B)[lane] : w.Plane(i->B)[lane], c = wide ? w.Wide(i->C)[lane] : w.Plane(i->C)[lane];
            ulong old = Change(how, at, b, c, flush: !shared);
            if (!how.Returns)
                continue;
            if (wide)
                w.Wide(i->D)[lane] = old;
            else
                w.Plane(i->D)[lane] = (uint)old;
        }
    }

    // Changes memory by one operation and gives what was there. Devices add float32 in global memory without subnormals, in shared memory with them.
    private static ulong Change(Atomic how, byte* at, ulong b, ulong c, bool flush)
    {
        switch (how.Type.Bytes())
        {
            case 8:
                while (true)
                {
                    ulong old = Volatile.Read(ref *(ulong*)at);
                    if (Interlocked.CompareExchange(ref *(ulong*)at, New(how, old, b, c, flush), old) == old)
                        return old;
                }

            case 4:
                while (true)
                {
                    uint old = Volatile.Read(ref *(uint*)at);
                    if (Interlocked.CompareExchange(ref *(uint*)at, (uint)New(how, old, b, c, flush), old) == old)
                        return old;
                }

            default:
                uint* word = (uint*)((ulong)at & ~3UL);
                int shift = (int)((ulong)at & 2) * 8;
                while (true)
                {
                    uint whole = Volatile.Read(ref *word), old = whole >> shift & 0xffff;
                    uint changed = (whole & ~(0xffffu << shift)) | (((uint)New(how, old, b, c, flush) & 0xffff) << shift);
                    if (Interlocked.CompareExchange(ref *word, changed, whole) == whole)
                        return old;
                }
        }
    }

    private static ulong New(Atomic how, ulong old, ulong b, ulong c, bool flush)
    {
        bool wide = how.Type.Bytes() == 8;
        switch (how.Op)
        {
            case AtomicOp.Exch:
                return b;
            case AtomicOp.Cas:
                return old == (wide ? b : how.Type.Bytes() == 2 ? (ushort)b : (uint)b) ? c : old;
            case AtomicOp.And:
                return old & b;
            case AtomicOp.Or:
                return old | b;
            case AtomicOp.Xor:
                return old ^ b;
            case AtomicOp.Inc:
                return old >= b ? 0 : old + 1;
            case AtomicOp.Dec:
                return old == 0 || old > b ? b : old - 1;
            case AtomicOp.Min or AtomicOp.Max when how.Type.IsInteger():
            {
                bool less = how.Type switch
                {
                    PtxType.S32 => (int)b < (int)old,
                    PtxType.S64 => (long)b < (long)old,
                    PtxType.U32 => (uint)b < (uint)old,
                    _ => b < old,
                };
                return less == (how.Op == AtomicOp.Min) ? b : old;
            }

            default:
                return OfFloats(how, old, b, flush);
        }
    }

    private static ulong OfFloats(Atomic how, ulong old, ulong b, bool flush)
    {
        HalfOp half = how.Op switch { AtomicOp.Add => HalfOp.Add, AtomicOp.Min => HalfOp.Min, _ => HalfOp.Max };
        bool bf16 = how.Type is PtxType.BF16 or PtxType.BF16x2;
        switch (how.Type)
        {
            case PtxType.F32:
                float x = BitConverter.UInt32BitsToSingle((uint)old), y = BitConverter.UInt32BitsToSingle((uint)b);
                return BitConverter.SingleToUInt32Bits(flush ? Float.Flush(Float.Flush(x) + Float.Flush(y)) : x + y);
            case PtxType.F64:
                return BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(old) + BitConverter.UInt64BitsToDouble(b));
            case PtxType.F16 or PtxType.BF16:
                return HalfOps.One(half, bf16, 0, (uint)old & 0xffff, (uint)b & 0xffff, 0);
            case PtxType.F16x2 or PtxType.BF16x2:
                return HalfOps.One(half, bf16, 0, (uint)old & 0xffff, (uint)b & 0xffff, 0)
                    | ((ulong)HalfOps.One(half, bf16, 0, (uint)old >> 16, (uint)b >> 16, 0) << 16);
            default:
                return old + b;
        }
    }
}
