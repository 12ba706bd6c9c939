using Acm.Runtime.Backends;
using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>A model made ready on one backend. Any number of threads may call it at once; a call that fails leaves it usable.</summary>
public sealed class InferenceSession : IDisposable
{
    private readonly ForwardPlan _plan;
    private readonly IBackend _backend;
    private readonly WorkspacePool _pool;
    private readonly InputCheck _check;
    private readonly RoutingResolver _routing;
    private readonly CostModel _cost;
    private readonly CostModel _outputCost;
    private readonly RunQueue _queue;
    private readonly int _maxBatch;
    private readonly int _maxLength;

    internal InferenceSession(ModelConfig config, ForwardPlan plan, SessionOptions options)
        : this(config, plan, options, BackendFactory.Create(plan, options, out string reason), reason)
    {
    }

    internal InferenceSession(ModelConfig config, ForwardPlan plan, SessionOptions options, IBackend backend, string reason)
    {
        try
        {
            _plan = plan;
            _backend = backend;
            BackendReason = reason;
            _maxBatch = options.MaxBatch;
            _maxLength = LongestBatch(config, options);
            _check = new InputCheck(plan, _maxBatch, _maxLength);
            _pool = new WorkspacePool(backend, plan, _maxBatch, _maxLength);
            _routing = new RoutingResolver(plan, config.Budget);
            _cost = new CostModel(plan, config.IntermediateSize);
            _outputCost = backend.OutputPlan is { } less ? new CostModel(less, config.IntermediateSize) : _cost;
            _queue = new RunQueue(this);
        }
        catch
        {
            // Nobody else has it to dispose of.
            Releasing.Quietly(backend);
            throw;
        }
    }

    /// <summary>Which backend runs: <c>cpu</c>, <c>cuda</c>, <c>simulator</c>, <c>reference</c>.</summary>
    public string BackendName => _backend.Name;

    /// <summary>One line on what it runs on: instruction set and threads, or device and compiler.</summary>
    public string BackendDescription => _backend.Description;

    /// <summary>Why this backend runs.</summary>
    public string BackendReason { get; }

    /// <summary>Most sequences of one run.</summary>
    public int MaxBatch => _maxBatch;

    /// <summary>Most word pieces or samples of one run, all sequences together; for images, <see cref="MaxBatch"/>.</summary>
    public int MaxLength => _maxLength;

    /// <summary>Makes a result to reuse from run to run.</summary>
    /// <param name="hidden">Whether it holds the hidden states too.</param>
    /// <param name="routing">
    /// Whether it holds each token's k too. With neither, runs may leave out what does not reach the output, whose bits stay the same: the CPU computes the
    /// last layer of a model that reads one token (vision; text pooled by its first token) for that token alone, but for keys and values.
    /// </param>
    public InferenceResult CreateResult(bool hidden = false, bool routing = true) => new(_plan, hidden, routing, _backend is Backends.Reference.ReferenceBackend);

    /// <summary>Runs a batch on the calling thread and the backend's own.</summary>
    /// <param name="input">The batch.</param>
    /// <param name="result">Made by this session's <see cref="CreateResult"/>; empty (Batch 0) should the run fail.</param>
    /// <param name="options">How to spend compute; null: the model as trained.</param>
    /// <exception cref="ArgumentException">
    /// The batch or the options are not what the model or the session takes, or the batch gives more numbers of a kind than an array holds (hidden states
    /// are soonest so many); nothing has run.
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled, under way or while it waited for its turn.</exception>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public void Run(in ModelInput input, InferenceResult result, RunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (!ReferenceEquals(result.Plan, _plan))
        {
            throw new ArgumentException("The result was made by a session of another model.", nameof(result));
        }
        result.Clear();
        bool classesOnly = options?.ClassesOnly ?? false;
        if (classesOnly && _plan.OutputName != "logits")
            throw new ArgumentException($"ClassesOnly: the model gives {_plan.OutputName}, not logits.", nameof(options));
        var lengths = _check.Lengths(input);
        var cancellation = options?.Cancellation ?? default;
        var workspace = _pool.Rent(lengths.Length, Total(lengths), cancellation);
        try
        {
            result.Prepare(lengths, classesOnly);
            var (rule, applied) = _routing.Resolve(options, result.PreparedTokens, workspace.Forced);
            cancellation.ThrowIfCancellationRequested();
            workspace.Forward.Run(new ForwardRun
            {
                Lengths = lengths,
                Values = input.Values,
                Ids = input.Ids,
                TypeIds = input.TypeIds,
                Routing = rule,
                Output = result.OutputSpace,
                Classes = result.ClassSpace,
                Choices = result.KSpace,
                Hidden = result.HiddenSpace,
                ExactOutput = result.ExactOutputSpace,
                ExactHidden = result.ExactHiddenSpace,
                OutputOnly = result.OutputOnly,
                Cancellation = cancellation,
            });
            if (classesOnly && !workspace.Forward.FillsClasses)
                BestClass.Of(result.OutputSpace, result.ClassSpace);
            var (macs, denseMacs, fraction) = (result.OutputOnly ? _outputCost : _cost).Of(lengths, result.PreparedTokens, result.KSpace, rule);
            result.Complete(lengths.Length, applied, macs, denseMacs, fraction);
        }
        finally
        {
            _pool.Return(workspace);
        }
    }

    /// <summary>The same on a thread of the session's own, in the order of the calls; the caller's thread does not compute.</summary>
    /// <param name="input">The batch; leave its memory alone until the run has ended.</param>
    /// <param name="result">As for <see cref="Run"/>; its own for every run under way.</param>
    /// <param name="options">How to spend compute; null: the model as trained.</param>
    /// <returns>Ends with the run, or with the exception <see cref="Run"/> would throw. Await it once.</returns>
    public ValueTask RunAsync(ModelInputMemory input, InferenceResult result, RunOptions? options = null) => _queue.Enqueue(input, result, options);

    /// <summary>Runs made-up batches, so that runs of at most their size allocate and compile nothing afterwards. Takes a good half second.</summary>
    /// <param name="batch">Sequences; of text 128 word pieces each, of speech one second, or what the session takes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batch"/> is less than 1 or more than <see cref="MaxBatch"/>.</exception>
    /// <exception cref="ArgumentException">So many sequences are more than <see cref="MaxLength"/> allows, or than <see cref="Run"/> takes.</exception>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public void WarmUp(int batch = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch, _maxBatch);
        SessionWarmUp.Run(this, _plan, batch, length: Math.Max(_check.Shortest, Math.Min(_check.Longest, _maxLength / batch)), thorough: _backend is Backends.Cpu.CpuBackend);
    }

    /// <summary>Waits for the runs under way and frees everything; runs called later throw.</summary>
    public void Dispose()
    {
        _queue.Dispose();
        _pool.Dispose();
    }

    private static int LongestBatch(ModelConfig config, SessionOptions options)
    {
        long perSequence = config.Bert?.MaxPositions ?? config.Wav2Vec2?.SamplingRate * 60L ?? 1;
        return options.MaxLength > 0 && config.Vit is null ? options.MaxLength : (int)Math.Min(options.MaxBatch * perSequence, int.MaxValue / 4);
    }

    private static int Total(ReadOnlySpan<int> lengths)
    {
        int total = 0;
        foreach (int length in lengths)
        {
            total += length;
        }
        return total;
    }
}
