using Acm.Native.Driver;

namespace Acm.Simulator.Driver;

/// <summary>Something that a call made and another gives back. Its handle is never used again, so that a stale one is always seen.</summary>
internal abstract class DriverObject(SimulatedDriver driver)
{
    public SimulatedDriver Driver { get; } = driver;

    public nint Handle { get; set; }
}

internal sealed class DriverDevice(SimulatedDriver driver, int id, IDeviceEngine engine) : DriverObject(driver)
{
    public int Id { get; } = id;

    public IDeviceEngine Engine { get; } = engine;

    public DriverContext? Primary { get; set; }

    public int PrimaryUsers { get; set; }

    public DriverPool? DefaultPool { get; set; }
}

internal sealed class DriverContext(DriverDevice device) : DriverObject(device.Driver)
{
    public DriverDevice Device { get; } = device;

    /// <summary>The error that the context does not survive.</summary>
    public DriverError? Lost { get; set; }

    public Dictionary<nint, DriverObject> Owned { get; } = [];

    /// <summary>Stream 0, which waits for every blocking stream and is waited for by them.</summary>
    public DriverStream Legacy => _legacy ??= new(this, blocking: false);

    private DriverStream? _legacy;

    /// <summary>Live device memory by address.</summary>
    public Dictionary<ulong, (ulong Bytes, DriverPool? Pool)> Memory { get; } = [];

    /// <summary>Live pinned host memory by address; whether it was registered rather than allocated.</summary>
    public Dictionary<nint, (nuint Bytes, bool Registered)> HostMemory { get; } = [];

    public IEnumerable<DriverStream> Streams => Owned.Values.OfType<DriverStream>().Append(Legacy);

    public bool IsPinned(nint address, nuint bytes) => HostMemory.Any(h => address >= h.Key && (nuint)(address - h.Key) + bytes <= h.Value.Bytes);
}

internal abstract class ContextObject(DriverContext context) : DriverObject(context.Driver)
{
    public DriverContext Context { get; } = context;
}

internal sealed class DriverPool(DriverContext context) : ContextObject(context)
{
    public ulong Used { get; set; }

    public ulong High { get; set; }

    public ulong Threshold { get; set; }
}

internal sealed class DriverModule(DriverContext context, IEngineModule module) : ContextObject(context)
{
    public IEngineModule Module { get; } = module;

    public Dictionary<string, DriverFunction> Functions { get; } = new(StringComparer.Ordinal);
}

internal sealed class DriverFunction(DriverModule module, IEngineKernel kernel) : ContextObject(module.Context)
{
    public IEngineKernel Kernel { get; } = kernel;

    public int DynamicSharedLimit { get; set; } = 48 * 1024 - kernel.StaticSharedBytes;

    public int Carveout { get; set; } = -1;
}

/// <summary>An event: the place in a stream, or in a capture, where it was last recorded.</summary>
internal sealed class DriverEvent(DriverContext context, bool timing) : ContextObject(context)
{
    public bool Timing { get; } = timing;

    public DriverStream? Stream { get; set; }

    /// <summary>The stream's position at the recording; within a capture, the number of its nodes.</summary>
    public long Position { get; set; }

    public long Ticks { get; set; }

    /// <summary>The capture it was recorded in; null where it was recorded for real.</summary>
    public StreamCapture? Capture { get; set; }

    public bool IsDone => Stream is null || Stream.Completed >= Position;
}

internal sealed class DriverGraph(DriverContext context, List<StreamOperation> nodes) : ContextObject(context)
{
    public List<StreamOperation> Nodes { get; } = nodes;
}

internal sealed class DriverGraphExec(DriverContext context, IReadOnlyList<StreamOperation> nodes) : ContextObject(context)
{
    public IReadOnlyList<StreamOperation> Nodes { get; set; } = nodes;
}
