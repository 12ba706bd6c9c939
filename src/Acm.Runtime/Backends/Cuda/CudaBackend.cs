using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// CUDA: weights packed and uploaded once, a forward enqueued without a host synchronisation, one captured graph per size of batch. The same
/// calls reach a real driver and the simulated device.
/// </summary>
internal sealed class CudaBackend : IBackend
{
    private readonly CudaContext _context;
    private readonly bool _ownsContext;
    private readonly CudaStream _upload = null!;
    private readonly List<DeviceMemory> _weights = [];

    /// <exception cref="BackendUnavailableException">The model or the precision is not served on this device.</exception>
    public CudaBackend(
        ForwardPlan plan, CudaContext context, bool ownsContext, KernelCache cache, IKernelCompiler? compiler, Precision precision, BackendKind kind, bool oneTile = false)
    {
        (_context, _ownsContext, Kind, Plan) = (context, ownsContext, kind, plan);
        try
        {
            Element = ElementOf(plan, precision, context.Device.Architecture, kind);
            CudaDevice device = context.Device;
            Figures = DeviceFigures.Of(device.Multiprocessors, device.SharedBytesPerMultiprocessor, device.Architecture);
            // A simulated device runs PTX only; a real one gets its own machine code, where there is a compiler for it.
            (string architecture, KernelImageKind image) = kind == BackendKind.Simulator
                ? (device.Architecture switch { >= 90 => "90", >= 80 => "80", _ => "75" }, KernelImageKind.Ptx)
                : compiler?.TargetFor(device.Architecture, device.Driver.CudaVersion) ?? ($"{device.Architecture}", KernelImageKind.Cubin);
            Kernels = new KernelLibrary(context, cache, compiler, architecture, image, oneTile);
            Description = $"{device.Name}, {Element.ToString().ToLowerInvariant()}, kernels by {Kernels.Compiler}";
            _upload = new CudaStream(context);
            (Steps, Output) = new PlanCompiler(plan, this).Compile();
            Classes = new BestClassStep(Output);
            Placement = new Placement(Steps, Output);
            Spaces = RowSpaces(plan);
            LoadKernels(1);
            _upload.Synchronize();
        }
        catch
        {
            Releasing.Quietly(this);
            throw;
        }
    }

    /// <summary>A real device's, or a simulated one's.</summary>
    public BackendKind Kind { get; }

    public string Name => Kind == BackendKind.Simulator ? "simulator" : "cuda";

    public string Description { get; }

    public ForwardPlan Plan { get; }

    public ElementType Element { get; }

    public DeviceFigures Figures { get; }

    public KernelLibrary Kernels { get; } = null!;

    public CudaContext Context => _context;

    public IReadOnlyList<CudaStep> Steps { get; } = [];

    /// <summary>Where the last step leaves the model's output: floats.</summary>
    public CudaStorage Output { get; } = null!;

    /// <summary>Takes the best class of each row of the output.</summary>
    public BestClassStep Classes { get; } = null!;

    /// <summary>Where storages lie in a workspace's memory.</summary>
    public Placement Placement { get; } = null!;

    /// <summary>The row spaces that steps ask about.</summary>
    public IReadOnlyList<RowSpace> Spaces { get; } = [];

    public IForward CreateForward(int maxSequences, int maxLength) => new CudaForward(this, maxSequences, maxLength);

    /// <summary>Compiles or loads what a batch of so many sequences of a usual length takes.</summary>
    public void LoadKernels(int sequences)
    {
        RunShape one = Typical(Plan.Input);
        // Recognising speech asks for classes.
        LoadKernels(new RunShape(sequences, one.Length * sequences, one.Longest), Plan.Input == InputKind.Samples);
    }

    /// <summary>Compiles or loads what a shape takes, on several threads: a kernel takes a compiler some tenths of a second, and some hundred megabytes.</summary>
    public void LoadKernels(RunShape shape, bool classes)
    {
        // One step at a time to whoever is free: layers ask for the same kernels in the same order, so that threads begun in two of them would wait for each other at every kernel.
        Partitioner<CudaStep> steps = Partitioner.Create(classes ? Steps.Append(Classes) : Steps, EnumerablePartitionerOptions.NoBuffering);
        try
        {
            Parallel.ForEach(steps, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(8, Environment.ProcessorCount) }, step => step.LoadKernels(this, shape));
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
    }

    /// <summary>Uploads values that live as long as the backend.</summary>
    public ulong Keep<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        DeviceMemory memory = new(_upload, Math.Max(16, (long)values.Length * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
        _weights.Add(memory);
        _upload.Upload(values, memory.Slice(0, (long)values.Length * System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
        return memory.Address;
    }

    /// <summary>Frees everything, also where construction ended early: memory on the upload stream is freed in that stream's order.</summary>
    public void Dispose() => Releasing.All([Kernels, .. _weights, _upload, _ownsContext ? _context : null]);

    private static ElementType ElementOf(ForwardPlan plan, Precision precision, int architecture, BackendKind kind)
    {
        ElementType element = precision switch
        {
            Precision.Float32 => ElementType.Float32,
            Precision.TF32 => ElementType.TF32,
            Precision.Float16 => ElementType.Float16,
            Precision.BFloat16 => ElementType.BFloat16,
            _ => MatrixOf(plan).StoredAs switch
            {
                WeightPrecision.Float16 => ElementType.Float16,
                WeightPrecision.BFloat16 => architecture >= 80 ? ElementType.BFloat16 : ElementType.Float32,
                _ => architecture >= 80 ? ElementType.TF32 : ElementType.Float32,
            },
        };
        if (architecture < 80 && element is ElementType.TF32 or ElementType.BFloat16)
            throw new BackendUnavailableException(
                kind, $"{element} needs a device of compute capability 8.0; this one has {architecture / 10}.{architecture % 10}. Use Float16 or Float32.");
        return element;
    }

    private static List<RowSpace> RowSpaces(ForwardPlan plan)
    {
        HashSet<RowSpace> spaces = new(ReferenceEqualityComparer.Instance) { RowSpace.Sequence, plan.Tokens };
        foreach (Conv1d op in plan.Ops.OfType<Conv1d>())
            spaces.UnionWith([op.In.Rows, op.Out.Rows]);
        return [.. spaces];
    }

    // A single sequence, as long as warming up takes it: its kernels are compiled with the session.
    private static RunShape Typical(InputKind input) => input switch
    {
        InputKind.Pixels => new RunShape(1, 1, 1),
        InputKind.WordPieces => new RunShape(1, 128, 128),
        _ => new RunShape(1, 16_384, 16_384),
    };

    private static Weight MatrixOf(ForwardPlan plan) =>
        plan.Sites.Count > 0 ? plan.Sites[0].W1 : plan.Ops.OfType<Linear>().First().Weight;
}
