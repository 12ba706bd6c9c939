using System.Numerics;
using System.Runtime.CompilerServices;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// cp.async: the copy is made at once (it may finish at any time before its wait); checked execution remembers that it must be waited for.
/// </summary>
internal static unsafe class AsyncCopy
{
    /// <summary>
    /// D destination (shared; Flags 2: 64-bit register) + Mode2, A source (Flags 1) + Imm, ElementBytes; B: bytes to read, or -1; C: predicate of lanes that
    /// ignore the source, or -1.
    /// </summary>
    public static void Copy(Warp w, Instruction* i, uint exec)
    {
        int bytes = i->ElementBytes;
        ulong* to = stackalloc ulong[32];
        ulong* from = MemoryAccess.Addresses(w, i);
        MemoryAccess.Addresses(w, i->D, (i->Flags & 2) != 0, i->Mode2, to);
        MemoryAccess.CheckAlignment(w, to, exec, bytes);
        MemoryAccess.CheckAlignment(w, from, exec, bytes);
        uint ignored = i->C >= 0 ? *w.Plane(i->C) : 0, reading = 0;
        long asked = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (to[lane] >= AddressMap.SharedWindow)
                to[lane] -= AddressMap.SharedWindow;
            MemoryAccess.Shared(w, to[lane], bytes, lane);
            int size = SizeOf(w, i, lane, ignored);
            if (size > bytes)
                throw w.Fault(FaultKind.IllegalInstruction, $"cp.async of {bytes} bytes is told to read {size}", lane);
            if (size > 0)
            {
                reading |= 1u << lane;
                asked += size;
                MemoryAccess.PageOf(w, from[lane], lane);
            }
        }

        w.Block.Checks?.AsyncCopy(w, i, exec, reading, to, from, bytes);
        if (asked == (long)BitOperations.PopCount(reading) * bytes && reading != 0)
            AccessCounters.Global(w, from, reading, bytes, store: false);
        else if (reading != 0)
            CountParts(w, i, reading, ignored, from, asked);
        AccessCounters.Shared(w, to, exec, bytes);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            byte* d = w.Block.Shared + to[lane];
            int size = (reading >> lane & 1) != 0 ? SizeOf(w, i, lane, ignored) : 0;
            if (size == 16)
            {
                Unsafe.CopyBlock(d, Source(w, from[lane]), 16);
                continue;
            }

            for (int b = 0; b < bytes; b++)
                d[b] = b < size ? Source(w, from[lane])[b] : (byte)0;
        }
    }

    // Lanes that read less than they copy. Being aligned, each has one sector all the same.
    private static void CountParts(Warp w, Instruction* i, uint reading, uint ignored, ulong* from, long asked)
    {
        AccessCounters.Add(w.Counters, store: false, 1, AccessCounters.Sectors(from, reading, i->ElementBytes), asked);
        for (; reading != 0; reading &= reading - 1)
        {
            int lane = BitOperations.TrailingZeroCount(reading);
            AccessCounters.Mark(w, from, 1u << lane, SizeOf(w, i, lane, ignored), store: false);
        }
    }

    private static byte* Source(Warp w, ulong address) =>
        (byte*)((long)address + w.Pages[(address - AddressMap.Global) >> AddressMap.PageShift].Data);

    public static int SizeOf(Warp w, Instruction* i, int lane, uint ignored)
    {
        if ((ignored >> lane & 1) != 0)
            return 0;
        return i->B >= 0 ? (int)w.Plane(i->B)[lane] : i->ElementBytes;
    }

    public static void Commit(Warp w, Instruction* i, uint exec) => w.Block.Checks?.Commit(w, exec);

    /// <summary>Imm: groups that may stay under way; -1: none, not even those not committed.</summary>
    public static void Wait(Warp w, Instruction* i, uint exec) => w.Block.Checks?.WaitGroups(w, exec, (int)i->Imm);
}
