using System.Numerics;
using System.Runtime.InteropServices;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>
/// The shadow state of a block in checked execution: what of its shared memory is written or being copied to, who accessed it last, and what each
/// warp knows of the others (<see cref="Clocks"/>).
/// </summary>
internal sealed unsafe partial class BlockChecks : IDisposable
{
    private readonly BlockState _block;
    private readonly int _warps;
    private readonly byte* _shared;
    private readonly uint* _writes;
    private readonly uint* _reads;
    private readonly int _granuleShift;
    private readonly List<PendingCopy>[] _pending;
    private readonly int[] _groups;
    private bool _hasPending;

    public BlockChecks(BlockState block, int warps)
    {
        _block = block;
        _warps = warps;
        _granuleShift = BitOperations.TrailingZeroCount(block.Launch.Kernel.RaceGranule);
        Clocks = new Clocks(warps);
        int bytes = block.Launch.SharedBytes + 128, granules = (bytes >> _granuleShift) + 1;
        _shared = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        _writes = (uint*)NativeMemory.AllocZeroed((nuint)granules, 4);
        _reads = (uint*)NativeMemory.AllocZeroed((nuint)granules * (nuint)warps, 4);
        _pending = new List<PendingCopy>[warps];
        for (int w = 0; w < warps; w++)
            _pending[w] = [];
        _groups = new int[warps * 32];
        _order = new BlockOrder(block.Launch.Number, warps);
        _fenced = new uint[warps][];
        _matrices = [.. Enumerable.Range(0, warps).Select(static _ => new WarpMatrices())];
        _matrixSteps = [.. Enumerable.Range(0, (warps + 3) / 4).Select(static _ => new List<nint>())];
    }

    /// <summary>What each warp of the block knows of the others' past.</summary>
    public Clocks Clocks { get; }

    public void Start()
    {
        int bytes = _block.SharedBytes + 128, granules = (bytes >> _granuleShift) + 1;
        NativeMemory.Fill(_shared, (nuint)bytes, AddressMap.Owned);
        NativeMemory.Clear(_writes, (nuint)granules * 4);
        NativeMemory.Clear(_reads, (nuint)granules * (nuint)_warps * 4);
        Clocks.Reset();
        foreach (List<PendingCopy> list in _pending)
            list.Clear();
        Array.Clear(_groups);
        _hasPending = false;
        _order.Start(_block.Number);
        StartSync();
        _sharedDoubts.Clear();
        StartMatrices();
    }

    public void Arrive(Warp warp, BlockBarrier barrier) => Clocks.Publish(warp.Index, barrier.Clocks!);

    /// <summary>A barrier opens: every warp that waits at it knows what all who arrived knew.</summary>
    public void Open(BlockBarrier barrier, int id)
    {
        foreach (Warp warp in _block.Warps)
        {
            foreach (Split split in warp.Waiting)
            {
                if (split.State == SplitState.Barrier && Barriers.IdOf(split) == id)
                {
                    Clocks.Learn(warp.Index, barrier.Clocks!);
                    break;
                }
            }
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_shared);
        NativeMemory.Free(_writes);
        NativeMemory.Free(_reads);
    }
}
