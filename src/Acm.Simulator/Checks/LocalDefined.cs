using System.Numerics;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>Local memory may hold values that nobody computed (copies of structs with gaps): they stay undefined when loaded again.</summary>
internal static unsafe class LocalDefined
{
    /// <summary>
    /// Lanes of which some byte is defined (a struct is copied with its gaps). Other spaces check for themselves, so that their lanes count as defined.
    /// </summary>
    public static uint Load(Warp w, Instruction* i, uint exec)
    {
        int bytes = i->ElementBytes * i->Count;
        ulong* addresses = MemoryAccess.Addresses(w, i);
        uint good = exec;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (!IsLocal(i, addresses[lane]))
                continue;
            int offset = MemoryAccess.Local(w, addresses[lane], bytes, lane);
            bool any = false;
            for (int b = 0; b < bytes && !any; b++)
                any = w.LocalWritten[MemoryAccess.LocalAt(offset + b, lane)] != 0;
            if (!any)
                good &= ~(1u << lane);
        }

        return good;
    }

    /// <summary>Says which bytes of local memory are defined now; elsewhere some element at least must be (a struct is stored with its gaps).</summary>
    public static void Store(Warp w, Instruction* i, uint exec, int[] reads)
    {
        uint* defined = w.Frame.Defined;
        uint some = 0;
        for (int r = 1; r < reads.Length; r++)
            some |= defined[reads[r] >> 7];
        bool mayBeLocal = (MemorySpace)i->Space is MemorySpace.Local or MemorySpace.Generic;
        if (!mayBeLocal && (some & exec) == exec)
            return;
        int bytes = i->ElementBytes * i->Count;
        ulong* addresses = MemoryAccess.Addresses(w, i);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (!IsLocal(i, addresses[lane]))
            {
                if ((some >> lane & 1) == 0)
                    throw w.Fault(FaultKind.UninitialisedRegister, "a register that nobody has written is stored", lane, addresses[lane]);
                continue;
            }

            int offset = MemoryAccess.Local(w, addresses[lane], bytes, lane);
            for (int b = 0; b < bytes; b++)
                w.LocalWritten[MemoryAccess.LocalAt(offset + b, lane)] = (byte)(defined[reads[1 + (b / i->ElementBytes)] >> 7] >> lane & 1);
        }
    }

    /// <summary>Whether all lanes access their own local memory.</summary>
    public static bool StaysLocal(Warp w, Instruction* i, uint exec)
    {
        if ((MemorySpace)i->Space is not (MemorySpace.Local or MemorySpace.Generic))
            return false;
        ulong* addresses = MemoryAccess.Addresses(w, i);
        for (; exec != 0; exec &= exec - 1)
        {
            if (!IsLocal(i, addresses[BitOperations.TrailingZeroCount(exec)]))
                return false;
        }

        return true;
    }

    private static bool IsLocal(Instruction* i, ulong address) => (MemorySpace)i->Space == MemorySpace.Local
        || ((MemorySpace)i->Space == MemorySpace.Generic && MemoryAccess.SpaceOf(address) == MemorySpace.Local);
}
