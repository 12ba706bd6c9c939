using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// bar and barrier: A number, B count (or -1), C predicate to reduce (or -1), D result; Mode: 0 sync, 1 arrive, 2 red.and, 3 red.or, 4 red.popc, and of the
/// cluster 5 arrive, 6 arrive relaxed, 7 wait; Mode2 1: aligned.
/// </summary>
internal static unsafe class Barriers
{
    public static void Run(Warp w, Instruction* i, uint exec)
    {
        int lane = Lanes.First(exec);
        int id = (int)w.Plane(i->A)[lane], count = i->B >= 0 ? (int)w.Plane(i->B)[lane] : 0;
        if (i->Mode2 == 1 && exec != w.Live && w.Block.Checks is not null && !w.Broken)
        {
            if (w.Defer(i))
                return; // the others may be about to exit
            throw w.Fault(FaultKind.BarrierUnderDivergence,
                $"lanes 0x{exec:x8} of a warp come to barrier {id} without the others (alive: 0x{w.Live:x8})", lane);
        }

        w.Counters.Barriers++;
        if (i->Mode is 5 or 6)
        {
            w.Block.Cluster.Arrive(w, exec, relaxed: i->Mode == 6);
            return;
        }

        if (i->Mode == 7)
        {
            w.Block.Cluster.Wait(w, i, exec);
            return;
        }

        uint trues = i->C >= 0 ? *w.Plane(i->C) & exec : 0;
        w.Block.Arrive(w, i, exec, id, count, wait: i->Mode != 1, trues);
    }

    /// <summary>The number of the barrier that a split waits at.</summary>
    public static int IdOf(Split split) =>
        (int)((uint*)(split.Frame.Registers + split.Waiting->A))[BitOperations.TrailingZeroCount(split.WaitingLanes)];

    /// <summary>Gives waiting lanes the result of their reduction.</summary>
    public static void Finish(Split split, BlockBarrier barrier)
    {
        Instruction* i = split.Waiting;
        uint* d = (uint*)(split.Frame.Registers + i->D);
        switch (i->Mode)
        {
            case 2:
                Lanes.SetPredicate(d, barrier.Trues == barrier.Threads ? Lanes.All : 0, split.WaitingLanes);
                break;
            case 3:
                Lanes.SetPredicate(d, barrier.Trues > 0 ? Lanes.All : 0, split.WaitingLanes);
                break;
            case 4:
                for (uint rest = split.WaitingLanes; rest != 0; rest &= rest - 1)
                    d[BitOperations.TrailingZeroCount(rest)] = (uint)barrier.Trues;
                break;
        }
    }
}
