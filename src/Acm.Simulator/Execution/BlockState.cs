using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Acm.Simulator.Checks;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution;

/// <summary>A block that is being run: its warps, shared memory and barriers. Used again for the next block.</summary>
internal sealed unsafe class BlockState : IDisposable
{
    /// <summary>Barriers of a block.</summary>
    public const int BlockBarriers = 16;

    private const long MostWithoutProgress = 40_000, MostAtOnce = 2_000_000;
    private readonly Warp[] _warps;
    private readonly int[] _order;
    private readonly BlockBarrier[] _barriers = new BlockBarrier[BlockBarriers];
    private ulong _random;
    private bool _movedOn;

    public BlockState(Launch launch, LaunchCounters counters)
    {
        Launch = launch;
        Counters = counters;
        SharedBytes = launch.SharedBytes;
        Shared = (byte*)NativeMemory.AlignedAlloc((nuint)SharedBytes + 128, 128);
        int warps = (int)((launch.BlockSize.Count + 31) / 32);
        for (int i = 0; i < _barriers.Length; i++)
            _barriers[i] = new BlockBarrier { Clocks = launch.IsChecked ? new uint[warps] : null };
        _warps = new Warp[warps];
        for (int i = 0; i < warps; i++)
            _warps[i] = new Warp(this, i);
        _order = new int[warps];
        Cluster = new ClusterBarrier(this, warps);
        if (launch.IsChecked)
            Checks = new BlockChecks(this, warps);
    }

    public Launch Launch { get; }

    public LaunchCounters Counters { get; }

    public BlockChecks? Checks { get; }

    public ClusterBarrier Cluster { get; }

    public byte* Shared { get; }

    public int SharedBytes { get; }

    public Dim3 Index { get; private set; }

    public int Number { get; private set; }

    public ReadOnlySpan<Warp> Warps => _warps;

    public bool IsFinished { get; private set; }

    /// <summary>Whether some warp waits at a barrier.</summary>
    public bool HasWaiters { get; private set; }

    public void Start(int number)
    {
        Number = number;
        Index = Launch.Grid.At(number);
        IsFinished = false;
        HasWaiters = false;
        NativeMemory.Fill(Shared, (nuint)SharedBytes, AddressMap.Poison);
        foreach (BlockBarrier barrier in _barriers)
            barrier.Reset();
        Cluster.Reset();
        _random = Scramble(((ulong)(uint)Launch.Seed << 32) ^ (uint)number);
        Checks?.Start();
        for (int i = 0; i < _warps.Length; i++)
        {
            _warps[i].Start(Launch.Code);
            _order[i] = i;
        }

        if (Launch.Seed != 0)
        {
            for (int i = _order.Length - 1; i > 0; i--)
            {
                int other = (int)(Random() % (ulong)(i + 1));
                (_order[i], _order[other]) = (_order[other], _order[i]);
            }
        }

        Counters.Blocks++;
    }

    private ulong Random()
    {
        _random += 0x9e3779b97f4a7c15;
        return Scramble(_random);
    }

    private static ulong Scramble(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    /// <summary>
    /// Runs until the block is finished, or until it may be waiting for another block: it has issued much without a barrier opening or a thread
    /// ending, or very much altogether.
    /// </summary>
    public void Run()
    {
        long start = Progress(), mark = start, before = start;
        while (true)
        {
            bool running = false;
            _movedOn = false;
            foreach (int index in _order)
            {
                Warp warp = _warps[index];
                if (warp.IsFinished)
                    continue;
                if (Launch.IsChecked)
                    warp.Run<WithRegisterChecks>(Launch.Seed == 0 ? 2000 : 1 + (int)(Random() % 400));
                else
                    warp.Run<WithoutRegisterChecks>(20000);
                running |= !warp.IsFinished;
            }

            if (!running)
            {
                IsFinished = true;
                Checks?.Finish();
                return;
            }

            long now = Progress();
            if (now == before)
                throw Stuck();
            before = now;
            if (_movedOn)
                mark = now;
            if (now - mark > MostWithoutProgress || now - start > MostAtOnce)
                return;
        }
    }

    private long Progress()
    {
        long sum = 0;
        foreach (Warp warp in _warps)
            sum += warp.Issued;
        return sum;
    }

    private DeviceFaultException Stuck()
    {
        foreach (Warp warp in _warps)
        {
            foreach (Split split in warp.Waiting)
            {
                if (split.State == SplitState.Collective)
                {
                    warp.Frame = split.Frame;
                    warp.Mask = split.WaitingLanes;
                    return warp.FaultAt(split.Waiting, FaultKind.PartialCollective,
                        $"lanes 0x{split.WaitingLanes:x8} wait for lanes that never come (alive: 0x{warp.Live:x8}); {Describe()}");
                }
            }
        }

        foreach (Warp warp in _warps)
        {
            foreach (Split split in warp.Waiting)
            {
                warp.Frame = split.Frame;
                warp.Mask = split.Mask;
                return warp.FaultAt(split.Waiting, FaultKind.Deadlock, $"no warp can go on; {Describe()}");
            }
        }

        return _warps[0].Fault(FaultKind.Deadlock, "no warp can go on");
    }

    /// <summary>Where each warp stands.</summary>
    public string Describe()
    {
        StringBuilder text = new();
        foreach (Warp warp in _warps)
        {
            text.Append(text.Length == 0 ? "" : "; ").Append("warp ").Append(warp.Index).Append(": ");
            if (warp.IsFinished)
                text.Append("finished");
            if (warp.Running)
                text.Append("runs line ").Append(LineOf(warp.Frame, warp.Ip)).Append($" (lanes 0x{warp.Mask:x8})");
            foreach (Split split in warp.Waiting)
            {
                text.Append(split.State switch
                {
                    SplitState.Barrier => " waits at a barrier, line ",
                    SplitState.Collective => " waits for lanes, line ",
                    _ => " ready at line ",
                });
                text.Append(LineOf(split.Frame, split.State == SplitState.Ready ? split.Ip : split.Waiting)).Append($" (lanes 0x{split.Mask:x8})");
            }
        }

        return text.ToString();
    }

    private static int LineOf(Frame frame, Instruction* at)
    {
        Code code = frame.Code;
        return at is not null && at >= code.First && at < code.First + code.Instructions.Length ? code.Sites[at->Site].Line : 0;
    }

    /// <summary>Lanes arrive at a barrier; with <paramref name="wait"/> they stay until it opens.</summary>
    public void Arrive(Warp warp, Instruction* i, uint exec, int id, int count, bool wait, uint trues)
    {
        if (id is < 0 or >= BlockBarriers)
            throw warp.Fault(FaultKind.IllegalInstruction, $"barrier {id} does not exist");
        if (count < 0 || count % 32 != 0)
            throw warp.Fault(FaultKind.IllegalInstruction, $"barrier count {count} is not a multiple of 32");
        BlockBarrier barrier = _barriers[id];
        if (barrier.IsOpen && barrier.Expected != count)
            throw warp.Fault(FaultKind.Deadlock, $"barrier {id} is asked for {count} threads while others wait for {barrier.Expected}");
        barrier.Expected = count;
        barrier.Arrive(warp, exec);
        barrier.Trues += BitOperations.PopCount(trues);
        barrier.Threads += BitOperations.PopCount(exec);
        Checks?.Arrive(warp, barrier);
        if (wait)
            Hold(warp, i, exec);
        if (IsComplete(barrier))
            Open(barrier, id);
    }

    /// <summary>Lanes stay at a barrier until it opens.</summary>
    public void Hold(Warp warp, Instruction* i, uint exec)
    {
        HasWaiters = true;
        if (exec != warp.Mask)
        {
            warp.Push(warp.Mask & ~exec, warp.Ip, warp.Frame, warp.Token);
            SplitOff(warp, exec);
        }

        warp.Wait(SplitState.Barrier, i, exec, i + 1);
    }

    /// <summary>Only some lanes of the current split wait; they meet the others again at the same place as before.</summary>
    private static void SplitOff(Warp warp, uint lanes) => warp.Mask = lanes;

    private bool IsComplete(BlockBarrier barrier)
    {
        if (!barrier.IsOpen)
            return false;
        if (barrier.Expected != 0)
            return barrier.Arrived >= barrier.Expected;
        foreach (Warp warp in _warps)
        {
            if (warp.Live != 0 && (barrier.Warps >> warp.Index & 1) == 0)
                return false;
        }

        // Every live warp has arrived, at least in part: all of its live lanes must have.
        int live = 0, arrivedWarps = 0;
        foreach (Warp warp in _warps)
        {
            live += BitOperations.PopCount(warp.Live);
            arrivedWarps++;
        }

        return barrier.Threads >= live;
    }

    /// <summary>Lets those go on that wait at a barrier.</summary>
    public void Open(BlockBarrier barrier, int id)
    {
        Checks?.Open(barrier, id);
        _movedOn = true;
        HasWaiters = false;
        foreach (Warp warp in _warps)
        {
            foreach (Split split in warp.Waiting)
            {
                if (split.State != SplitState.Barrier)
                    continue;
                if (Handlers.Barriers.IdOf(split) != id)
                {
                    HasWaiters = true;
                    continue;
                }

                Handlers.Barriers.Finish(split, barrier);
                split.State = SplitState.Ready;
            }
        }

        barrier.Reset();
    }

    /// <summary>Threads have exited: barriers that expect all threads may be complete now.</summary>
    public void OnExit()
    {
        _movedOn = true;
        for (int id = 0; id < _barriers.Length; id++)
        {
            if (_barriers[id].IsOpen && _barriers[id].Expected == 0 && IsComplete(_barriers[id]))
                Open(_barriers[id], id);
        }

        Cluster.OpenIfComplete();
    }

    public void Dispose()
    {
        foreach (Warp warp in _warps)
            warp.Dispose();
        NativeMemory.AlignedFree(Shared);
        Checks?.Dispose();
    }
}
