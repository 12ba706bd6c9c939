using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Addresses in the shared memory of a cluster, which is one block.</summary>
internal static unsafe class Clusters
{
    /// <summary>mapa: A address, B number of a block; Mode: bits of the address.</summary>
    public static void Map(Warp w, Instruction* i, uint exec)
    {
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            if (w.Plane(i->B)[lane] is not 0 and uint rank)
                throw w.Fault(FaultKind.IllegalInstruction, $"block {rank} of a cluster of one does not exist", lane);
            if (i->Mode == 64)
                w.Wide(i->D)[lane] = w.Wide(i->A)[lane];
            else
                w.Plane(i->D)[lane] = w.Plane(i->A)[lane];
        }
    }
}
