using System.Runtime.InteropServices;
using System.Text;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>The driver's entry points as managed methods: start, versions, errors and the way every call takes.</summary>
internal static unsafe partial class SimulatedEntries
{
    private static readonly Dictionary<string, nint> Texts = new(StringComparer.Ordinal);

    /// <summary>
    /// The way of every call: counted, failed where a fault was injected, and no exception leaves it. A call that gives something back is carried out even then.
    /// </summary>
    private static CUresult Call(string name, SimulatedDriver? driver, Action<SimulatedDriver> body, bool releases = false, bool early = false)
    {
        if (driver is null)
            return CUDA_ERROR_NO_DEVICE;
        lock (driver)
        {
            bool injected = driver.IsInjected(name, out CUresult fault);
            if (injected && !releases)
                return fault;
            CUresult result = !early && !driver.Initialised ? CUDA_ERROR_NOT_INITIALIZED : Guard(driver, body);
            return injected ? fault : result;
        }
    }

    /// <summary>A call in the thread's current context. A lost context answers its error to everything.</summary>
    private static CUresult InContext(string name, Action<DriverContext> body, bool releases = false)
    {
        DriverContext? context = CurrentContext;
        SimulatedDriver? driver = context?.Driver ?? SimulatedDriver.Ambient;
        CUresult answer = Call(name, driver, _ =>
        {
            if (context is null)
                throw new DriverError(CUDA_ERROR_INVALID_CONTEXT);
            if (context.Lost is not null && !releases)
                throw context.Lost;
            body(context);
            if (context.Lost is not null)
                throw context.Lost;
        }, releases);
        return answer;
    }

    private static CUresult Guard(SimulatedDriver driver, Action<SimulatedDriver> body)
    {
        try
        {
            body(driver);
            return CUDA_SUCCESS;
        }
        catch (DriverError e)
        {
            driver.Remember(e);
            return e.Result;
        }
        catch (Exception e)
        {
            // Native callers cannot take an exception; the driver keeps it for whoever asks.
            driver.Remember(e);
            return CUDA_ERROR_UNKNOWN;
        }
    }

    private static void Require(bool condition, CUresult otherwise = CUDA_ERROR_INVALID_VALUE, string message = "")
    {
        if (!condition)
            throw new DriverError(otherwise, message);
    }

    [UnmanagedCallersOnly]
    private static CUresult cuInit(uint flags) => Call(nameof(cuInit), SimulatedDriver.Ambient, d =>
    {
        Require(flags == 0);
        Require(d.Devices.Count > 0, CUDA_ERROR_NO_DEVICE);
        d.Initialise();
    }, early: true);

    [UnmanagedCallersOnly]
    private static CUresult cuDriverGetVersion(int* version) => Call(nameof(cuDriverGetVersion), SimulatedDriver.Ambient, d => *version = d.CudaVersion, early: true);

    [UnmanagedCallersOnly]
    private static CUresult cuGetErrorName(CUresult error, byte** text) => ErrorText(nameof(cuGetErrorName), error, text, name: true);

    [UnmanagedCallersOnly]
    private static CUresult cuGetErrorString(CUresult error, byte** text) => ErrorText(nameof(cuGetErrorString), error, text, name: false);

    // The text says what the simulated device saw, which a code alone cannot: the fault, the kernel, the line.
    private static CUresult ErrorText(string call, CUresult error, byte** text, bool name) => Call(call, SimulatedDriver.Ambient, _ =>
    {
        *text = null;
        Require(Enum.IsDefined(error));
        string plain = error.ToString();
        SimulatedDriver? source = CurrentContext?.Driver ?? SimulatedDriver.Ambient;
        DriverError? seen = CurrentContext?.Lost ?? source?.LastError as DriverError;
        string said = name ? plain : plain["CUDA_".Length..].Replace('_', ' ').ToLowerInvariant() + (seen?.Result == error && seen.Message != plain ? ": " + seen.Message : "");
        lock (Texts)
        {
            if (!Texts.TryGetValue(said, out nint kept))
                Texts[said] = kept = Marshal.StringToCoTaskMemUTF8(said);
            *text = (byte*)kept;
        }
    }, early: true);

    [UnmanagedCallersOnly]
    private static CUresult cuGetProcAddress_v2(byte* symbol, void** address, int version, ulong flags, CUdriverProcAddressQueryResult* status) =>
        Call(nameof(cuGetProcAddress_v2), SimulatedDriver.Ambient, d =>
        {
            Require(version <= d.CudaVersion);
            string name = Text(symbol);
            int index = Array.FindLastIndex(DriverEntries.All, e => e.Symbol == name);
            bool old = index >= 0 && DriverEntries.All[index].Since > version;
            DriverTable table = Table;
            *address = index < 0 || old ? null : (void*)TableFiller.Slots(ref table)[index];
            if (status != null)
                *status = index < 0 ? CUdriverProcAddressQueryResult.CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND
                    : old ? CUdriverProcAddressQueryResult.CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT : CUdriverProcAddressQueryResult.CU_GET_PROC_ADDRESS_SUCCESS;
            Require(*address != null, CUDA_ERROR_NOT_FOUND);
        }, early: true);

    private static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}
