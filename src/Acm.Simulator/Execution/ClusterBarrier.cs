using Acm.Simulator.Execution.Handlers;

namespace Acm.Simulator.Execution;

/// <summary>The barrier of a cluster, which is one block: threads arrive, and wait at another place until all that live have arrived.</summary>
internal sealed unsafe class ClusterBarrier
{
    /// <summary>Its number beside those of the block's own barriers.</summary>
    public const int Id = BlockState.BlockBarriers;

    private readonly BlockState _block;

    /// <summary>Lanes of each warp that have arrived in this phase, and those that have not waited yet for the end of the last.</summary>
    private readonly uint[] _arrived, _free;

    private readonly BlockBarrier _phase;
    private readonly uint[]? _last;

    public ClusterBarrier(BlockState block, int warps)
    {
        _block = block;
        _arrived = new uint[warps];
        _free = new uint[warps];
        _phase = new BlockBarrier { Clocks = block.Launch.IsChecked ? new uint[warps] : null };
        _last = block.Launch.IsChecked ? new uint[warps] : null;
    }

    public void Reset()
    {
        Array.Clear(_arrived);
        Array.Clear(_free);
        _phase.Reset();
    }

    /// <summary>Lanes arrive; <paramref name="relaxed"/>: what they did before is not made known.</summary>
    public void Arrive(Warp warp, uint lanes, bool relaxed)
    {
        if (((_arrived[warp.Index] | _free[warp.Index]) & lanes) != 0)
            throw warp.Fault(FaultKind.IllegalInstruction, "a thread arrives again at the cluster's barrier without having waited");
        _arrived[warp.Index] |= lanes;
        if (!relaxed)
            _block.Checks?.Arrive(warp, _phase);
        OpenIfComplete();
    }

    public void Wait(Warp warp, Instruction* i, uint lanes)
    {
        if (((_arrived[warp.Index] | _free[warp.Index]) & lanes) != lanes)
            throw warp.Fault(FaultKind.IllegalInstruction, "a thread waits at the cluster's barrier without having arrived");
        if ((_arrived[warp.Index] & lanes) != 0)
        {
            _block.Hold(warp, i, lanes);
            return;
        }

        _free[warp.Index] &= ~lanes;
        _block.Checks?.Clocks.Learn(warp.Index, _last!);
    }

    /// <summary>Opens where all threads that live have arrived, and some.</summary>
    public void OpenIfComplete()
    {
        uint any = 0;
        foreach (Warp warp in _block.Warps)
        {
            any |= _arrived[warp.Index];
            if ((warp.Live & ~_arrived[warp.Index]) != 0)
                return;
        }

        if (any == 0)
            return;
        _arrived.CopyTo(_free, 0);
        Array.Clear(_arrived);
        foreach (Warp warp in _block.Warps)
        {
            foreach (Split split in warp.Waiting)
            {
                if (split.State == SplitState.Barrier && Barriers.IdOf(split) == Id)
                    _free[warp.Index] &= ~split.WaitingLanes;
            }
        }

        if (_last is not null)
            _phase.Clocks!.CopyTo(_last, 0);
        _block.Open(_phase, Id);
    }
}
