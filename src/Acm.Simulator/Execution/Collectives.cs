namespace Acm.Simulator.Execution;

/// <summary>Instructions that lanes of a warp carry out together: who must be there.</summary>
internal static unsafe class Collectives
{
    /// <summary>
    /// Whether every lane that the lanes' member masks (a plane) name is here or has exited. If not, the current lanes wait for
    /// the missing ones and the caller returns.
    /// </summary>
    public static bool Together(Warp w, Instruction* i, uint exec, uint* members)
    {
        if (w.Gathered || AllHere(w, exec, members))
            return true;
        w.Wait(SplitState.Collective, i, exec, i + 1);
        return false;
    }

    private static bool AllHere(Warp w, uint exec, uint* members)
    {
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = System.Numerics.BitOperations.TrailingZeroCount(rest);
            if ((members[lane] & w.Live & ~exec) != 0)
                return false;
            if ((members[lane] >> lane & 1) == 0)
                throw w.Fault(FaultKind.PartialCollective, $"the executing lane {lane} is not in its member mask 0x{members[lane]:x8}", lane);
        }

        return true;
    }

    /// <summary>Carries out a collective whose lanes came in several splits and are now all there.</summary>
    public static bool TryGather(Warp w)
    {
        foreach (Split first in w.Waiting)
        {
            if (first.State != SplitState.Collective)
                continue;
            uint lanes = 0;
            foreach (Split split in w.Waiting)
            {
                if (IsSame(first, split))
                    lanes |= split.WaitingLanes;
            }

            Instruction* at = first.Waiting;
            if (!AllHere(w, lanes, (uint*)(first.Frame.Registers + at->E)))
                continue;
            Frame frame = first.Frame;
            foreach (Split split in w.Waiting)
            {
                if (IsSame(first, split) && split != first)
                    split.State = SplitState.Ready;
            }

            first.State = SplitState.Ready;
            w.R = frame.Registers;
            w.Frame = frame;
            w.Mask = lanes;
            w.Ip = at + 1;
            w.Gathered = true;
            at->Run(w, at, lanes);
            w.Gathered = false;
            return true;
        }

        return false;
    }

    private static bool IsSame(Split a, Split b) => b.State == SplitState.Collective && a.Waiting == b.Waiting && a.Frame == b.Frame;
}
