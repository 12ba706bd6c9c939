using System.Numerics;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// mbarrier objects in shared memory, kept in a form of the simulator's own: bits 0-19 arrivals pending, 20-39 arrivals expected per phase, 40-61 bytes
/// expected (biased), 62 valid, 63 phase.
/// </summary>
internal static unsafe class MemoryBarriers
{
    private const ulong CountMask = (1 << 20) - 1, Valid = 1UL << 62, Phase = 1UL << 63;
    private const int TxBias = 1 << 21;

    private static ulong* At(Warp w, Instruction* i, int lane, ulong* addresses)
    {
        ulong address = addresses[lane];
        if (address >= AddressMap.SharedWindow)
            address -= AddressMap.SharedWindow;
        if ((address & 7) != 0)
            throw w.Fault(FaultKind.Misaligned, "an mbarrier must be aligned to 8 bytes", lane, address, "shared memory");
        ulong* at = (ulong*)MemoryAccess.Shared(w, address, 8, lane);
        w.Block.Checks?.BarrierObject(w, lane, address);
        return at;
    }

    private static ulong Make(ulong pending, ulong expected, int tx, ulong phase) =>
        pending | (expected << 20) | ((ulong)(uint)(tx + TxBias) << 40) | Valid | phase;

    private static int Tx(ulong b) => (int)(b >> 40 & ((1 << 22) - 1)) - TxBias;

    private static ulong NeedValid(Warp w, ulong* at, int lane)
    {
        if ((*at & Valid) == 0)
            throw w.Fault(FaultKind.UninitialisedShared, "the mbarrier is not initialised", lane);
        return *at;
    }

    /// <summary>Mode: 0 init, 1 inval, 2 expect_tx, 3 complete_tx.</summary>
    public static void Change(Warp w, Instruction* i, uint exec)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            ulong* at = At(w, i, lane, addresses);
            uint value = w.Plane(i->B)[lane];
            switch (i->Mode)
            {
                case 0:
                    if (value is 0 or > (uint)CountMask)
                        throw w.Fault(FaultKind.IllegalInstruction, $"an mbarrier cannot expect {value} arrivals", lane);
                    *at = Make(value, value, 0, 0);
                    break;
                case 1:
                    *at = 0;
                    break;
                default:
                    ulong b = NeedValid(w, at, lane);
                    int tx = Tx(b) + (i->Mode == 2 ? (int)value : -(int)value);
                    *at = Complete(Make(b & CountMask, b >> 20 & CountMask, tx, b & Phase));
                    break;
            }
        }
    }

    /// <summary>Mode: 1 drop, 2 B is expected bytes, 4 must not complete the phase, 8 of cp.async (16: noinc).</summary>
    public static void Arrive(Warp w, Instruction* i, uint exec)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        w.Block.Checks?.ObjectArrive(w, exec, (i->Mode & 8) != 0);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            ulong* at = At(w, i, lane, addresses);
            ulong b = NeedValid(w, at, lane);
            ulong pending = b & CountMask, expected = b >> 20 & CountMask;
            int tx = Tx(b);
            if (i->D >= 0)
                w.Wide(i->D)[lane] = b;
            ulong count = (i->Mode & 2) != 0 ? 1 : w.Plane(i->B)[lane];
            if ((i->Mode & 2) != 0)
                tx += (int)w.Plane(i->B)[lane];
            if ((i->Mode & 24) == 8)
                continue; // pending is raised by one and lowered again when the copies are done: they are
            if (count > pending)
                throw w.Fault(FaultKind.IllegalInstruction, $"{count} arrivals at an mbarrier that expects {pending} more", lane);
            pending -= count;
            if ((i->Mode & 4) != 0 && pending == 0)
                throw w.Fault(FaultKind.IllegalInstruction, "an arrival with .noComplete is the last that an mbarrier expects", lane);
            if ((i->Mode & 1) != 0)
                expected -= count;
            *at = Complete(Make(pending, expected, tx, b & Phase));
        }
    }

    private static ulong Complete(ulong b)
    {
        if ((b & CountMask) != 0 || Tx(b) != 0)
            return b;
        ulong expected = b >> 20 & CountMask;
        return Make(expected, expected, 0, (b & Phase) ^ Phase);
    }

    /// <summary>Whether the phase of the state B (Mode 1: of the parity B) is over.</summary>
    public static void Test(Warp w, Instruction* i, uint exec)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        uint done = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong b = NeedValid(w, At(w, i, lane, addresses), lane);
            ulong phase = i->Mode == 1 ? (ulong)w.Plane(i->B)[lane] << 63 : w.Wide(i->B)[lane] & Phase;
            done |= ((b & Phase) != phase ? 1u : 0) << lane;
        }

        if (done != 0)
            w.Block.Checks?.ObjectWait(w);
        Lanes.SetPredicate(w.Plane(i->D), done, exec);
    }

    public static void PendingCount(Warp w, Instruction* i, uint exec)
    {
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            w.Plane(i->D)[lane] = (uint)(w.Wide(i->A)[lane] & CountMask);
        }
    }
}
