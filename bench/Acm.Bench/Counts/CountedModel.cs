using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Driver;

namespace Acm.Bench.Counts;

/// <summary>A model on a simulated device of its own, whose every kernel run is counted.</summary>
internal sealed class CountedModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly List<KernelRun> _runs = [];
    private Dictionary<string, long> _before = [];
    private SimulatedDriver? _driver;

    public CountedModel(AcmModel model, DeviceProfile profile, Precision precision, int batch)
        : this(model, new SimulatorOptions { Profile = profile }, precision, batch)
    {
    }

    /// <param name="model">The model.</param>
    /// <param name="device">The device.</param>
    /// <param name="precision">Of the products.</param>
    /// <param name="batch">Most sequences of a run, which the tiles are chosen for.</param>
    public CountedModel(AcmModel model, SimulatorOptions device, Precision precision, int batch)
    {
        Func<Acm.Runtime.Plan.ForwardPlan, SessionOptions, IBackend>? before = BackendFactory.Simulator;
        BackendFactory.Simulator = (plan, options) =>
        {
            SimulatedGpu gpu = new(device) { Ran = _runs.Add };
            _driver = new SimulatedDriver([gpu]);
            Backend = (CudaBackend)BackendFactory.Cuda(plan, options, _driver.Start(), BackendKind.Simulator);
            return Backend;
        };
        try
        {
            _session = model.CreateSession(new SessionOptions { Backend = BackendKind.Simulator, Precision = precision, MaxBatch = batch });
        }
        finally
        {
            BackendFactory.Simulator = before;
        }
    }

    public CudaBackend Backend { get; private set; } = null!;

    public InferenceResult CreateResult(bool hidden = false) => _session.CreateResult(hidden);

    /// <summary>Host synchronisations of the last run.</summary>
    public long Synchronisations { get; private set; }

    /// <summary>Runs once; the kernel runs in their order.</summary>
    public IReadOnlyList<KernelRun> Run(ModelInput input, InferenceResult result, RunOptions options)
    {
        _runs.Clear();
        _before = new(_driver!.Counters.Calls);
        long before = _driver.Counters.HostSynchronisations;
        _session.Run(input, result, options);
        Synchronisations = _driver.Counters.HostSynchronisations - before;
        return [.. _runs];
    }

    /// <summary>How often an entry of the driver was called by the last run.</summary>
    public long CallsOf(string entry) => _driver!.Counters.Calls.GetValueOrDefault(entry) - _before.GetValueOrDefault(entry);

    public void Dispose()
    {
        _session.Dispose();
        _driver?.Dispose();
    }
}
