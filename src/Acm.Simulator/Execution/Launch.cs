using System.Runtime.InteropServices;
using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution;

/// <summary>One launch: its shape, its parameters, and the running of its blocks over host threads.</summary>
internal sealed unsafe class Launch : IDisposable
{
    /// <summary>Blocks that one host thread keeps going at a time when they wait for each other.</summary>
    private const int MostResident = 64;

    private int _next;
    private volatile bool _stop;
    private Exception? _fault;
    private int _faultBlock = int.MaxValue;
    private readonly Lock _lock = new();

    public required SimulatedKernel Kernel { get; init; }

    public required Dim3 Grid { get; init; }

    public required Dim3 BlockSize { get; init; }

    public required int DynamicShared { get; init; }

    public required GlobalMemory Memory { get; init; }

    public required SimulatorOptions Options { get; init; }

    public required MmaArithmetic Arithmetic { get; init; }

    /// <summary>Number of the launch on its device.</summary>
    public required int Number { get; init; }

    public Code Code => Kernel.Code;

    public DeviceProfile Profile => Options.Profile;

    public int Seed => Options.Seed;

    public bool IsChecked => Options.Mode == ExecutionMode.Checked;

    public long IssueBudget => Options.IssueBudget;

    public int SharedBytes => Kernel.StaticSharedBytes + DynamicShared;

    public int LocalBytes => Kernel.LocalBytes;

    public byte* Parameters { get; private set; }

    public int ParameterBytes => Kernel.ParameterBytes;

    public void SetParameters(ReadOnlySpan<byte> bytes)
    {
        Parameters = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(ParameterBytes, 64), 64);
        bytes[..ParameterBytes].CopyTo(new Span<byte>(Parameters, ParameterBytes));
    }

    /// <summary>Checked execution: by address of a synchronisation variable, what those who wrote it had published.</summary>
    public Dictionary<ulong, Dictionary<int, Checks.Past>> Published { get; } = [];

    /// <summary>Checked execution: races that the reader's own atomic may yet clear up, by its block, its warp and the address.</summary>
    public Dictionary<(int Block, int Warp, ulong Address), DeviceFaultException> Doubts { get; } = [];

    /// <summary>Checked execution: guards <see cref="Published"/> and the accesses that it orders.</summary>
    public Lock Order { get; } = new();

    private Chunk?[] _chunks = [];

    /// <summary>A chunk by its number, without a lock.</summary>
    public Chunk ChunkAt(int index)
    {
        Chunk?[] chunks = _chunks;
        return index < chunks.Length && chunks[index] is { } chunk ? chunk : AddChunk(index);
    }

    private Chunk AddChunk(int index)
    {
        lock (_lock)
        {
            Chunk?[] chunks = new Chunk?[Math.Max(index + 1, _chunks.Length)];
            _chunks.CopyTo(chunks, 0);
            Chunk chunk = Memory.ChunkAt(index);
            chunks[index] = chunk;
            _chunks = chunks;
            return chunk;
        }
    }

    public LaunchCounters Run()
    {
        LaunchCounters total = new() { Launches = 1, SharedBytesPerBlock = SharedBytes };
        int blocks = (int)Grid.Count;
        if (IsChecked && (Number & 0xff) == 0)
        {
            // Stamps hold eight bits of the launch's number: start afresh before they come around.
            foreach (Chunk chunk in Memory.Chunks())
                chunk.ClearStamps(2);
        }

        int[]? order = Seed == 0 ? null : Shuffled(blocks, Seed);
        int threads = Math.Min(Options.Threads > 0 ? Options.Threads : Environment.ProcessorCount, blocks);
        if (threads <= 1)
        {
            Work(order, blocks, total);
        }
        else
        {
            Thread[] others = new Thread[threads - 1];
            for (int i = 0; i < others.Length; i++)
            {
                others[i] = new Thread(() => Work(order, blocks, total)) { IsBackground = true, Name = "simulated device" };
                others[i].Start();
            }

            Work(order, blocks, total);
            foreach (Thread thread in others)
                thread.Join();
        }

        UniqueBytes.Collect(Memory, total);
        _fault ??= Doubts.OrderBy(d => d.Key).Select(d => d.Value).FirstOrDefault();
        if (_fault is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_fault);
        return total;
    }

    private static int[] Shuffled(int count, int seed)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
            order[i] = i;
        new Random(seed).Shuffle(order);
        return order;
    }

    private void Work(int[]? order, int blocks, LaunchCounters total)
    {
        LaunchCounters mine = new();
        List<BlockState> running = [];
        Stack<BlockState> free = new();
        int turn = 0;
        try
        {
            while (!_stop)
            {
                if (running.Count == 0 && !StartOne())
                    break;
                turn = turn >= running.Count ? 0 : turn;
                BlockState block = running[turn];
                try
                {
                    block.Run();
                }
                catch (DeviceFaultException fault)
                {
                    Report(fault, block.Number);
                    break;
                }

                if (block.IsFinished)
                {
                    running.RemoveAt(turn);
                    free.Push(block);
                }
                else
                {
                    // It may wait for a block that has not started: let one more in.
                    if (running.Count < MostResident)
                        StartOne();
                    turn++;
                }
            }
        }
        catch (Exception e)
        {
            Report(e, -1);
        }
        finally
        {
            foreach (BlockState block in running)
                block.Dispose();
            foreach (BlockState block in free)
                block.Dispose();
            lock (_lock)
                total.Add(mine);
        }

        bool StartOne()
        {
            int index = Interlocked.Increment(ref _next) - 1;
            if (index >= blocks)
                return false;
            BlockState block = free.Count > 0 ? free.Pop() : new BlockState(this, mine);
            block.Start(order is null ? index : order[index]);
            running.Add(block);
            return true;
        }
    }

    private void Report(Exception e, int block)
    {
        lock (_lock)
        {
            if (_fault is null || block < _faultBlock)
                (_fault, _faultBlock) = (e, block);
            _stop = true;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(Parameters);
}
