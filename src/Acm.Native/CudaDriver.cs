using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>A CUDA driver: the real one, or a simulated device behind the same table of functions. Thread-safe; lives as long as the process.</summary>
public sealed unsafe class CudaDriver
{
    private static readonly Lazy<(CudaDriver? Driver, CudaUnavailable? Why)> System = new(() => (DriverLoader.Load(DriverLoader.Candidates(), out CudaUnavailable? why), why));

    private readonly DriverTable _table;

    private CudaDriver(in DriverTable table, string source)
    {
        _table = table;
        Source = source;
    }

    /// <summary>The library the driver was loaded from, or the simulated device's name.</summary>
    public string Source { get; }

    /// <summary>The newest CUDA version the driver supports, as 1000 * major + 10 * minor.</summary>
    public int CudaVersion { get; private set; }

    /// <summary>The driver's devices, in its own order.</summary>
    public IReadOnlyList<CudaDevice> Devices { get; private set; } = [];

    /// <summary>The functions.</summary>
    internal ref readonly DriverTable Api => ref _table;

    /// <summary>The machine's driver, or null and why it cannot be used. Looked for once per process.</summary>
    /// <param name="why">The reason, where null is returned.</param>
    public static CudaDriver? TryLoad(out CudaUnavailable? why)
    {
        (CudaDriver? driver, why) = System.Value;
        return driver;
    }

    /// <summary>The machine's driver.</summary>
    /// <exception cref="CudaUnavailableException">There is none that can be used.</exception>
    public static CudaDriver Load() => TryLoad(out CudaUnavailable? why) ?? throw new CudaUnavailableException(why!);

    /// <summary>Starts the driver behind a filled table and lists its devices; null and why where it does not start or has none.</summary>
    /// <param name="table">A filled table.</param>
    /// <param name="source">The library's path, or the simulated device's name.</param>
    /// <param name="why">The reason, where null is returned.</param>
    internal static CudaDriver? FromTable(in DriverTable table, string source, out CudaUnavailable? why)
    {
        CudaDriver driver = new(table, source);
        why = driver.Start();
        return why is null ? driver : null;
    }

    /// <summary>Throws what a failed call amounts to.</summary>
    /// <param name="result">What the call answered.</param>
    /// <param name="call">The call's text, filled in by the compiler.</param>
    internal void Check(CUresult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CUresult.CUDA_SUCCESS)
            throw new CudaException(CallName(call), result, Describe(result));
    }

    /// <summary>The driver's own description of an error.</summary>
    internal string Describe(CUresult result)
    {
        byte* text = null;
        return _table.cuGetErrorString(result, &text) == CUresult.CUDA_SUCCESS && text != null ? Marshal.PtrToStringUTF8((nint)text)! : "no description";
    }

    /// <summary>"Api.cuMemFree_v2(x)" as "cuMemFree_v2".</summary>
    internal static string CallName(string call)
    {
        int end = call.IndexOf('(', StringComparison.Ordinal);
        string head = end < 0 ? call : call[..end];
        return head[(head.LastIndexOf('.') + 1)..];
    }

    private CudaUnavailable? Start()
    {
        CUresult answer = _table.cuInit(0);
        if (answer != CUresult.CUDA_SUCCESS)
            return DriverLoader.Failed("cuInit", answer);
        int version, count;
        if ((answer = _table.cuDriverGetVersion(&version)) != CUresult.CUDA_SUCCESS)
            return DriverLoader.Failed("cuDriverGetVersion", answer);
        CudaVersion = version;
        if ((answer = _table.cuDeviceGetCount(&count)) != CUresult.CUDA_SUCCESS)
            return DriverLoader.Failed("cuDeviceGetCount", answer);
        if (count == 0)
            return DriverLoader.NoDevice();
        try
        {
            Devices = [.. Enumerable.Range(0, count).Select(ordinal => new CudaDevice(this, ordinal))];
            return null;
        }
        catch (CudaException e)
        {
            return DriverLoader.Failed(e.Call, e.Result);
        }
    }
}
