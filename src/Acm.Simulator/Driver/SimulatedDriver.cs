using System.Diagnostics.CodeAnalysis;
using Acm.Native;
using Acm.Native.Driver;

namespace Acm.Simulator.Driver;

/// <summary>Exact counts of what was asked of a simulated driver.</summary>
internal sealed class DriverCounters
{
    /// <summary>Calls by the driver's name for them.</summary>
    public Dictionary<string, long> Calls { get; } = new(StringComparer.Ordinal);

    /// <summary>Kernels run, those of graphs included.</summary>
    public long KernelLaunches { get; set; }

    /// <summary>Graphs launched.</summary>
    public long GraphLaunches { get; set; }

    /// <summary>Calls that made the host wait for the device.</summary>
    public long HostSynchronisations { get; set; }

    /// <summary>Most device memory in use at one time, in bytes.</summary>
    public ulong PeakBytes { get; set; }
}

/// <summary>
/// A CUDA driver in software behind the driver's own table of functions. Several can live in one process: each has its own devices, and calls that name
/// no device or context go to the one the calling thread is in (<see cref="Enter"/>), else to the newest.
/// </summary>
internal sealed partial class SimulatedDriver : IDisposable
{
    private static readonly Lock Registry = new();
    private static readonly List<SimulatedDriver> All = [];
    private static readonly Dictionary<int, DriverDevice> DevicesById = [];
    private static int s_nextDevice;
    private static long s_nextHandle = 0x10000;
    [ThreadStatic]
    private static SimulatedDriver? t_entered;
    private readonly Dictionary<nint, DriverObject> _objects = [];
    private readonly Dictionary<(string Call, long Time), CUresult> _faults = [];

    /// <summary>A driver over devices.</summary>
    /// <param name="engines">One for each device; disposed with the driver.</param>
    /// <param name="cudaVersion">The version it reports, as 1000 * major + 10 * minor.</param>
    public SimulatedDriver(IReadOnlyList<IDeviceEngine> engines, int cudaVersion = 13000)
    {
        CudaVersion = cudaVersion;
        lock (Registry)
        {
            Devices = [.. engines.Select(e => new DriverDevice(this, s_nextDevice++, e))];
            foreach (DriverDevice device in Devices)
                DevicesById.Add(device.Id, device);
            All.Add(this);
        }
    }

    /// <summary>A driver with one simulated device.</summary>
    public SimulatedDriver(SimulatorOptions options, int cudaVersion = 13000)
        : this([new SimulatedGpu(options)], cudaVersion)
    {
    }

    public int CudaVersion { get; }

    public IReadOnlyList<DriverDevice> Devices { get; }

    public bool Initialised { get; private set; }

    public DriverCounters Counters { get; } = new();

    /// <summary>The last exception behind an error code, for messages that the codes cannot carry.</summary>
    public Exception? LastError { get; private set; }

    /// <summary>What has been made and not given back, in words; empty when nothing leaks.</summary>
    public IReadOnlyList<string> LiveObjects
    {
        get
        {
            lock (this)
                return
                [
                    .. _objects.Values.Where(o => o is not DriverFunction && !IsDefaultPool(o)).Select(o => $"{o.GetType().Name[6..].ToLowerInvariant()} 0x{o.Handle:x}"),
                    .. Contexts.SelectMany(c => c.Memory.Select(m => $"device memory 0x{m.Key:x}, {m.Value.Bytes} bytes")),
                    .. Contexts.SelectMany(c => c.HostMemory.Select(m => $"host memory 0x{m.Key:x}, {m.Value.Bytes} bytes")),
                ];
        }
    }

    private IEnumerable<DriverContext> Contexts => _objects.Values.OfType<DriverContext>();

    /// <summary>The table of functions. It is the same for all simulated drivers.</summary>
    public static DriverTable Table => SimulatedEntries.Table;

    /// <summary>Starts the driver as the product does.</summary>
    /// <exception cref="CudaUnavailableException">It does not start (an injected fault, or no device).</exception>
    public CudaDriver Start()
    {
        using (Enter())
            return CudaDriver.FromTable(Table, $"simulated {string.Join(", ", Devices.Select(d => d.Engine.Name))}", out CudaUnavailable? why) ?? throw new CudaUnavailableException(why!);
    }

    /// <summary>Until disposed, calls of this thread that name no device or context go to this driver.</summary>
    public Entered Enter()
    {
        SimulatedDriver? before = t_entered;
        t_entered = this;
        return new(before);
    }

    /// <summary>From now on, the <paramref name="time"/>th call (counted from now, from 1) fails. A call that gives something back does it all the same, as the real driver's do.</summary>
    /// <param name="call">The entry's name in the table.</param>
    /// <param name="time">Which call.</param>
    /// <param name="result">What it answers.</param>
    public void Inject(string call, long time, CUresult result)
    {
        lock (this)
            _faults[(call, Counters.Calls.GetValueOrDefault(call) + time)] = result;
    }

    /// <summary>Removes the driver; its devices are gone and their handles invalid.</summary>
    public void Dispose()
    {
        lock (Registry)
        {
            All.Remove(this);
            foreach (DriverDevice device in Devices)
                DevicesById.Remove(device.Id);
        }
        lock (this)
        {
            foreach (DriverModule module in _objects.Values.OfType<DriverModule>())
                module.Module.Dispose();
            foreach (DriverDevice device in Devices)
                device.Engine.Dispose();
            _objects.Clear();
        }
    }

    /// <summary>The driver that a call without a device or context goes to, or null.</summary>
    public static SimulatedDriver? Ambient
    {
        get
        {
            lock (Registry)
                return t_entered ?? (All.Count > 0 ? All[^1] : null);
        }
    }

    public static DriverDevice? FindDevice(int id)
    {
        lock (Registry)
            return DevicesById.GetValueOrDefault(id);
    }

    public static DriverContext? FindContext(nint handle)
    {
        SimulatedDriver[] all;
        lock (Registry)
            all = [.. All];
        foreach (SimulatedDriver driver in all)
            lock (driver)
                if (driver._objects.TryGetValue(handle, out DriverObject? found))
                    return found as DriverContext;
        return null;
    }

    public void Initialise() => Initialised = true;

    /// <summary>Counts a call and answers the fault injected into it, if any.</summary>
    public bool IsInjected(string call, out CUresult result)
    {
        long time = Counters.Calls[call] = Counters.Calls.GetValueOrDefault(call) + 1;
        return _faults.Remove((call, time), out result);
    }

    public void Remember(Exception error) => LastError = error;

    public T Register<T>(T made)
        where T : DriverObject
    {
        made.Handle = (nint)Interlocked.Add(ref s_nextHandle, 16);
        _objects.Add(made.Handle, made);
        if (made is ContextObject owned)
            owned.Context.Owned.Add(made.Handle, made);
        return made;
    }

    /// <exception cref="DriverError">The handle is stale, or of another kind.</exception>
    public T Find<T>(nint handle, CUresult otherwise = CUresult.CUDA_ERROR_INVALID_HANDLE)
        where T : DriverObject =>
        _objects.TryGetValue(handle, out DriverObject? found) && found is T typed ? typed : throw new DriverError(otherwise);

    public void Forget(DriverObject gone)
    {
        _objects.Remove(gone.Handle);
        if (gone is ContextObject owned)
            owned.Context.Owned.Remove(gone.Handle);
    }

    private bool IsDefaultPool(DriverObject o) => Devices.Any(d => d.DefaultPool == o);

    /// <summary>Ends an <see cref="Enter"/>.</summary>
    [SuppressMessage("Design", "CA1034", Justification = "means nothing elsewhere")]
    public readonly struct Entered(SimulatedDriver? before) : IDisposable
    {
        public void Dispose() => t_entered = before;
    }
}
