using System.Diagnostics;
using System.Runtime.CompilerServices;
using Acm.Runtime.Backends.Cpu.Steps;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// One run at a time: buffers, the step under way, and its tasks. Nothing is allocated once the largest run has been seen. A front that shrinks long
/// inputs (<see cref="CpuBackend.FrontSteps"/>) runs over a few sequences at a time, in buffers that they share and that stay in the caches.
/// </summary>
internal sealed unsafe class CpuForward : ParallelWork, IForward
{
    /// <summary>Products that can be carried out together.</summary>
    public const int MostProducts = 3;

    // Floats between two buffers: five cache lines.
    private const int Apart = 80;

    private readonly CpuBackend _backend;
    private readonly NativeBuffer<float> _run = new(), _front = new();
    private readonly float*[] _buffers;
    private readonly Choices[] _choices;
    private readonly int[][] _starts;
    private readonly NativeBuffer<float>[] _scratch, _workerScratch;
    private readonly NativeBuffer<int>[] _maps;
    // By lane, then by product.
    private readonly GemmTasks[] _products;
    private readonly int[] _taskEnds, _laneEnds;
    private int _productCount, _laneCount, _phase, _first;
    private CpuStep? _step;

    public CpuForward(CpuBackend backend)
        : base(backend.Threads)
    {
        _backend = backend;
        _products = [.. Enumerable.Range(0, MostProducts * Threads).Select(_ => new GemmTasks(Threads))];
        (_taskEnds, _laneEnds) = (new int[_products.Length], new int[Threads]);
        _buffers = new float*[backend.BufferCount];
        _choices = [.. Enumerable.Range(0, backend.ChoiceCount).Select(_ => new Choices())];
        _starts = [.. Enumerable.Range(0, backend.SpaceCount).Select(_ => new int[2])];
        _scratch = Make<float>(MostProducts);
        _maps = Make<int>(2);
        _workerScratch = Make<float>(backend.Threads);
        backend.Pool.Add(this);

        static NativeBuffer<T>[] Make<T>(int count) where T : unmanaged => [.. Enumerable.Range(0, count).Select(_ => new NativeBuffer<T>())];
    }

    /// <summary>Sequences under way: all of this run, in the front a few of them.</summary>
    public int Sequences { get; private set; }

    /// <summary>How this run chooses k.</summary>
    public RoutingRule Routing { get; private set; }

    /// <summary>Where to leave what each step of the last run took (each that run has), in <see cref="Stopwatch"/> ticks; null: nowhere.</summary>
    internal long[]? StepTicks { get; set; }

    public void Run(in ForwardRun run)
    {
        Routing = run.Routing;
        (_first, Sequences) = (0, run.Lengths.Length);
        for (int space = 0; space < _starts.Length; space++)
            if (!_backend.IsFront(space))
                Lay(space, run.Lengths);
        LayBuffers(_run, front: false);
        StepTicks.AsSpan().Clear();
        CpuStep[] steps = run.OutputOnly ? _backend.OutputSteps : _backend.Steps;
        if (_backend.FrontSteps > 0)
            RunFront(steps, run);
        Run(steps, _backend.FrontSteps, steps.Length, run);
        _backend.CopyOutput(this, run);
    }

    private void RunFront(CpuStep[] steps, in ForwardRun run)
    {
        for (int from = 0; _first < run.Lengths.Length; _first += Sequences)
        {
            int end = _first, length = 0;
            do
                length += run.Lengths[end++];
            while (end < run.Lengths.Length && length + run.Lengths[end] <= _backend.FrontLength);
            ReadOnlySpan<int> lengths = run.Lengths[_first..end];
            Sequences = lengths.Length;
            for (int space = 0; space < _starts.Length; space++)
                if (_backend.IsFront(space))
                    Lay(space, lengths);
            LayBuffers(_front, front: true);
            int input = length * _backend.Plan.InputWidth;
            Run(steps, 0, _backend.FrontSteps, run with { Lengths = lengths, Values = run.Values.Slice(from, input) });
            from += input;
        }
        (_first, Sequences) = (0, run.Lengths.Length);
    }

    private void Run(CpuStep[] steps, int first, int end, in ForwardRun run)
    {
        for (int i = first; i < end; i++)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            long start = StepTicks is null ? 0 : Stopwatch.GetTimestamp();
            steps[i].Run(this, run);
            if (StepTicks is { } ticks)
                ticks[i] += Stopwatch.GetTimestamp() - start;
        }
    }

    // Where the rows of sequences begin in a space.
    private void Lay(int space, ReadOnlySpan<int> lengths)
    {
        if (_starts[space].Length <= lengths.Length)
            _starts[space] = new int[lengths.Length + 1];
        for (int s = 0; s < lengths.Length; s++)
            _starts[space][s + 1] = _starts[space][s] + _backend.Spaces[space].RowsOf(lengths[s]);
    }

    // The front's buffers, or all others, one after the other: together they are worth large pages.
    private void LayBuffers(NativeBuffer<float> memory, bool front)
    {
        List<BufferSlot> slots = _backend.Buffers;
        long total = 0;
        foreach (BufferSlot slot in slots)
            total += _backend.IsFront(slot.Rows) == front ? Floats(slot) : 0;
        float* next = memory.Need(total);
        foreach (BufferSlot slot in slots)
            if (_backend.IsFront(slot.Rows) == front)
            {
                _buffers[slot.Index] = next;
                next += Floats(slot);
            }
    }

    // Whole cache lines, and some more, so that buffers of whole pages do not all begin at the same place of one.
    private long Floats(BufferSlot slot) => ((long)Rows(slot.Rows) * slot.Pitch + Apart + 15) & ~15L;

    /// <summary>A buffer of the plan, [rows, width].</summary>
    public float* Buffer(BufferSlot slot) => _buffers[slot.Index];

    /// <summary>Rows up to the last sequence's end in a row space.</summary>
    public int Rows(int space) => Starts(space)[Sequences];

    /// <summary>First row of each sequence in a row space, and one past the last.</summary>
    public ReadOnlySpan<int> Starts(int space) => _starts[space].AsSpan(_backend.IsFront(space) ? 0 : _first, Sequences + 1);

    public Choices Choice(int slot) => _choices[slot];

    /// <summary>Memory for within one step; one for every product that can be carried out together.</summary>
    public float* Scratch(int which, long count) => _scratch[which].Need(count);

    /// <summary>Row maps for within one step; two of them.</summary>
    public int* Map(int which, long count) => _maps[which].Need(count);

    /// <summary>Memory of one worker's own, for within one task.</summary>
    public float* WorkerScratch(int worker, long count) => _workerScratch[worker].Need(count);

    /// <summary>Spreads tasks of a step over the threads.</summary>
    public void Parallel(CpuStep step, int phase, int tasks)
    {
        (_step, _phase) = (step, phase);
        _backend.Pool.Run(this, tasks);
    }

    /// <summary>Begins the list of row blocks of a product, the first of those carried out next.</summary>
    public void ClearBlocks()
    {
        _productCount = _laneCount = 0;
        _products[0].Clear();
    }

    /// <summary>Adds rows to it: of <paramref name="a"/>, those that <paramref name="from"/> names, or one after the other.</summary>
    public void AddRows(float* a, nint stride, int row, int rows, int depth, int group = 0, float* bias = null, int* from = null) =>
        _products[_productCount].Add(a, stride, row, rows, depth, group, bias, from);

    /// <summary>Ends the list: its row blocks are to be multiplied with every panel of their weights. Another product's list may follow.</summary>
    public void Add(in GemmCall call)
    {
        int tasks = _products[_productCount].Begin(call);
        _taskEnds[_productCount] = tasks + (_productCount > 0 ? _taskEnds[_productCount - 1] : 0);
        if (++_productCount < _products.Length)
            _products[_productCount].Clear();
    }

    /// <summary>Ends a lane: the products added since the last one are its own.</summary>
    public void EndLane() => _laneEnds[_laneCount++] = _taskEnds[_productCount - 1];

    /// <summary>Carries out the products of all lanes, which must not depend on each other.</summary>
    public void Multiply()
    {
        int tasks = _laneEnds[_laneCount - 1];
        long work = 0;
        for (int i = 0; i < _productCount; i++)
            work += _products[i].Work;
        _step = null;
        if (work < 1 << 17 || tasks < 2)
            for (int task = 0; task < tasks; task++)
                Execute(task, 0);
        else
            _backend.Pool.Run(this, _laneEnds.AsSpan(0, _laneCount));
    }

    /// <summary>Carries out one product that is not cut into lanes.</summary>
    public void Multiply(in GemmCall call)
    {
        Add(call);
        EndLane();
        Multiply();
    }

    protected override void Execute(int task, int worker)
    {
        if (_step is { } step)
        {
            step.Execute(this, _phase, task, worker);
            return;
        }
        int product = 0;
        while (task >= _taskEnds[product])
            product++;
        task -= product > 0 ? _taskEnds[product - 1] : 0;
        _products[product].Execute(task, WorkerScratch(worker, _products[product].Room));
    }

    public void Dispose()
    {
        _backend.Pool.Remove(this);
        foreach (IDisposable part in (IEnumerable<IDisposable>)[_run, _front, .. _choices, .. _scratch, .. _workerScratch, .. _maps])
            part.Dispose();
    }
}
