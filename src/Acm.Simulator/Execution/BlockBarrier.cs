using System.Numerics;

namespace Acm.Simulator.Execution;

/// <summary>One of a block's sixteen barriers.</summary>
internal sealed class BlockBarrier
{
    /// <summary>Threads that have arrived in this phase.</summary>
    public int Arrived;

    /// <summary>Threads that are expected; 0: all that live.</summary>
    public int Expected;

    /// <summary>Warps that have arrived, as bits: the missing lanes of a warp count once.</summary>
    public uint Warps;

    /// <summary>What <c>bar.red</c> has gathered.</summary>
    public int Trues;
    public int Threads;

    public bool IsOpen => Warps != 0;

    /// <summary>Clocks of the warps that have arrived (checked execution).</summary>
    public uint[]? Clocks;

    public void Reset()
    {
        Arrived = Expected = Trues = Threads = 0;
        Warps = 0;
        if (Clocks is not null)
            Array.Clear(Clocks);
    }

    public void Arrive(Warp warp, uint lanes)
    {
        Arrived += BitOperations.PopCount(lanes);
        if ((Warps >> warp.Index & 1) == 0)
            Arrived += BitOperations.PopCount(~warp.Live);
        Warps |= 1u << warp.Index;
    }
}
