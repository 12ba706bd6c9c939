using System.Runtime.Intrinsics;
using Acm.Runtime.Backends.Cpu.Steps;
using Acm.Runtime.Diagnostics;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Where a buffer of the plan lies in a forward.</summary>
/// <param name="Index">Among the forward's buffers.</param>
/// <param name="Rows">Its row space.</param>
/// <param name="Width">Values of a row.</param>
/// <param name="Pitch">From one row to the next: more than the width only for buffers between dense layers.</param>
internal readonly record struct BufferSlot(int Index, int Rows, int Width, int Pitch);

/// <summary>float32 on the CPU: weights packed once, SIMD, own threads, tokens sorted by descending k. Rows do not depend on their batch, to the bit.</summary>
internal sealed unsafe class CpuBackend : IBackend
{
    // Values of the front's widest buffer: 4 MB, so that it and its neighbour stay in the third-level cache.
    private const int FrontValues = 1 << 20;

    private readonly Dictionary<Buffer, BufferSlot> _slots = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<RowSpace, int> _spaceIndex = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Weight, nint> _kept = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ChoiceBuffer, int> _choiceIndex = new(ReferenceEqualityComparer.Instance);
    private readonly List<IDisposable> _owned = [];
    private readonly BufferSlot _output;
    private readonly bool[] _isFront;

    public CpuBackend(ForwardPlan plan, int threads = 0, bool unfoldedGates = false, IReadOnlyList<int>? cores = null)
    {
        Plan = plan;
        OutputPlan = OutputRows.Of(plan);
        UnfoldedGates = unfoldedGates;
        Threads = Math.Min(threads > 0 ? threads : cores?.Count ?? Environment.ProcessorCount, ParallelWork.MostThreads);
        Packing = new WeightPacking(Threads);
        Steps = CpuStep.For(plan.Ops, this, []);
        OutputSteps = OutputPlan is null ? Steps : CpuStep.For(OutputPlan.Ops, this, Steps);
        FrontSteps = 1 + Array.FindLastIndex(Steps, step => step.Ops[0] is Conv1d conv && conv.In.Rows != plan.Tokens);
        _isFront = [.. Spaces.Select(space => FrontSteps > 0 && space != plan.Tokens && space != RowSpace.Sequence)];
        FrontLength = (int)(FrontValues / Buffers.Where(buffer => _isFront[buffer.Rows]).Select(ValuesPerUnit).DefaultIfEmpty(1).Max());
        _output = Slot(plan.Output);
        Pool = WorkerPool.Open(Threads, cores);
        try
        {
            WeightBytes += Packing.Bytes;
            Own(Packing.Run(Pool));
        }
        catch
        {
            // Nobody has it to dispose of, and its helpers would stay as long as the process.
            Dispose();
            throw;
        }
        VectorWidth.Warning();
    }

    public string Name => "cpu";

    public string Description =>
        $"{InstructionSet}, {Threads} {(Threads == 1 ? "thread" : "threads")}{(VectorWidth.Warning() is { } warning ? $"; {warning}" : "")}";

    /// <summary>What the register tiles are made of here.</summary>
    public static string InstructionSet =>
        Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2" : "128-bit SIMD";

    public ForwardPlan Plan { get; }

    public ForwardPlan? OutputPlan { get; }

    public bool UnfoldedGates { get; }

    /// <summary>Threads of one run, the caller's among them.</summary>
    public int Threads { get; }

    public WorkerPool Pool { get; }

    internal CpuStep[] Steps { get; }

    /// <summary>The steps of a run of which only the output is wanted; those that are the same, the front's among them, are shared.</summary>
    internal CpuStep[] OutputSteps { get; }

    /// <summary>
    /// How many steps at the beginning see more rows a sequence than the transformer: a speech model's convolutions down to its frames. What they
    /// write before the last of them is read by no step outside.
    /// </summary>
    internal int FrontSteps { get; }

    /// <summary>Whether a row space is the front's own.</summary>
    internal bool IsFront(int space) => _isFront[space];

    /// <summary>How long an input the front takes at a time, unless one sequence is longer.</summary>
    internal int FrontLength { get; }

    /// <summary>Weights that steps have asked for; packed once all of them are made.</summary>
    internal WeightPacking Packing { get; }

    /// <summary>Bytes of all that is kept of weights.</summary>
    internal long WeightBytes { get; private set; }

    internal List<BufferSlot> Buffers { get; } = [];

    internal List<RowSpace> Spaces { get; } = [];

    internal int BufferCount => Buffers.Count;

    internal int SpaceCount => Spaces.Count;

    internal int ChoiceCount => _choiceIndex.Count;

    public IForward CreateForward(int maxSequences, int maxLength) => new CpuForward(this);

    public void Enter(CancellationToken cancellation) => Pool.Slots.Enter(cancellation);

    public void Leave() => Pool.Slots.Leave();

    public void Dispose()
    {
        Pool.Close();
        foreach (IDisposable owned in _owned)
            owned.Dispose();
    }

    internal BufferSlot Slot(Buffer buffer)
    {
        if (!_slots.TryGetValue(buffer, out BufferSlot slot))
        {
            _slots[buffer] = slot = new BufferSlot(Buffers.Count, Space(buffer.Rows), buffer.Width, DenseOnly.Pitch(Ops, Plan.Output, buffer));
            Buffers.Add(slot);
        }
        return slot;
    }

    internal int Space(RowSpace space)
    {
        if (!_spaceIndex.TryGetValue(space, out int index))
        {
            _spaceIndex[space] = index = Spaces.Count;
            Spaces.Add(space);
        }
        return index;
    }

    internal int Slot(ChoiceBuffer choice)
    {
        if (!_choiceIndex.TryGetValue(choice, out int index))
            _choiceIndex[choice] = index = _choiceIndex.Count;
        return index;
    }

    /// <summary>A weight's values in memory that lives as long as the backend.</summary>
    internal float* Keep(Weight weight)
    {
        if (!_kept.TryGetValue(weight, out nint kept))
            _kept[weight] = kept = (nint)Keep(Values(weight));
        return (float*)kept;
    }

    internal float* Keep(ReadOnlySpan<float> values)
    {
        NativeBuffer<float> kept = Own(new NativeBuffer<float>());
        WeightBytes += sizeof(float) * (long)values.Length;
        // A whole vector may be read from the last value on.
        float* data = kept.Need(values.Length + 16);
        values.CopyTo(new Span<float>(data, values.Length));
        return data;
    }

    internal float* KeepOrNull(Weight? weight) => weight is null ? null : Keep(weight);

    internal T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    internal static float[] Values(Weight weight)
    {
        float[] values = new float[weight.Count];
        weight.CopyTo(values);
        return values;
    }

    internal void CopyOutput(CpuForward forward, in ForwardRun run) =>
        new ReadOnlySpan<float>(forward.Buffer(_output), forward.Rows(_output.Rows) * _output.Width).CopyTo(run.Output);

    private IEnumerable<Op> Ops => OutputPlan is null ? Plan.Ops : Plan.Ops.Concat(OutputPlan.Ops);

    private double ValuesPerUnit(BufferSlot buffer) => (double)buffer.Width * Spaces[buffer.Rows].RowsOf(FrontValues) / FrontValues;
}
