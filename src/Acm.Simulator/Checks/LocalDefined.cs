using System.Numerics;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>Local memory may hold values that nobody computed (copies of structs with gaps): they stay undefined when loaded again.</summary>
internal static unsafe class LocalDefined
{
    /// <summary>Lanes whose bytes are all defined. Other spaces check for themselves, so that their lanes count as defined.</summary>
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
            for (int b = 0; b < bytes; b++)
            {
                if (w.LocalWritten[MemoryAccess.LocalAt(offset + b, lane)] == 0)
                    good &= ~(1u << lane);
            }
        }

        return good;
    }

    public static void Store(Warp w, Instruction* i, uint exec, uint good)
    {
        int bytes = i->ElementBytes * i->Count;
        ulong* addresses = MemoryAccess.Addresses(w, i);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            bool defined = (good >> lane & 1) != 0;
            if (!IsLocal(i, addresses[lane]))
            {
                if (!defined)
                    throw w.Fault(FaultKind.UninitialisedRegister, "a register that nobody has written is stored", lane, addresses[lane]);
                continue;
            }

            int offset = MemoryAccess.Local(w, addresses[lane], bytes, lane);
            for (int b = 0; b < bytes; b++)
                w.LocalWritten[MemoryAccess.LocalAt(offset + b, lane)] = defined ? (byte)1 : (byte)0;
        }
    }

    private static bool IsLocal(Instruction* i, ulong address) => (MemorySpace)i->Space == MemorySpace.Local
        || ((MemorySpace)i->Space == MemorySpace.Generic && MemoryAccess.SpaceOf(address) == MemorySpace.Local);
}
