using System.Runtime.InteropServices;
using System.Text;

namespace Acm.Native.Driver;

/// <summary>
/// Finds the driver's library and fills a <see cref="DriverTable"/> from it. Everything that can be missing is an answer, never an exception.
/// </summary>
internal static unsafe class DriverLoader
{
    private const string Update = "install an NVIDIA driver of release 525 or later (nvidia-smi shows the one in use)";

    /// <summary>Names and paths in the order they are tried: <c>ACM_CUDA_DRIVER</c> alone if set, else the system's usual places.</summary>
    public static IReadOnlyList<string> Candidates()
    {
        string? named = Environment.GetEnvironmentVariable("ACM_CUDA_DRIVER");
        if (!string.IsNullOrEmpty(named))
            return [named];
        if (OperatingSystem.IsWindows())
            return ["nvcuda.dll"];
        string machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64" : "x86_64";
        return
        [
            "libcuda.so.1", "libcuda.so", $"/usr/lib/{machine}-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1",
            "/usr/lib/wsl/lib/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1",
        ];
    }

    /// <summary>The first candidate that is a working driver with a device, or why there is none.</summary>
    public static CudaDriver? Load(IEnumerable<string> candidates, out CudaUnavailable? why)
    {
        List<LoadAttempt> attempts = [];
        CudaUnavailable? first = null;
        foreach (string path in candidates)
        {
            nint library = NativeLibraries.Open(path, out LoadAttempt attempt);
            CudaUnavailable? reason = null;
            if (library != 0)
            {
                DriverTable table = default;
                reason = Fill(ref table, name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0);
                CudaDriver? driver = reason is null ? CudaDriver.FromTable(table, path, out reason) : null;
                if (driver is not null)
                {
                    why = null;
                    return driver;
                }
                attempt = attempt with { Outcome = reason!.Message };
                // The library stays open: a driver starts threads that outlive any call.
            }
            attempts.Add(attempt);
            first ??= reason;
        }
        // Of one place alone, as where ACM_CUDA_DRIVER names it, what is wrong with it is the answer.
        string where = attempts is [var only] ? $" ({only.Path}: {only.Outcome})" : "";
        first ??= new(CudaUnavailableReason.NoLibrary, $"no CUDA driver library was found{where}", Update + ", or set ACM_CUDA_DRIVER to its path", []);
        why = first with { Attempts = attempts };
        return null;
    }

    /// <summary>
    /// Fills the table from a library's exports, through cuGetProcAddress where that is one of them; null, or what is wrong with the library.
    /// </summary>
    public static CudaUnavailable? Fill(ref DriverTable table, Func<string, nint> export)
    {
        var getVersion = (delegate* unmanaged<int*, CUresult>)export("cuDriverGetVersion");
        if (getVersion == null)
            return Missing(["cuDriverGetVersion"], "the library is not a CUDA driver");
        int has;
        CUresult answer = getVersion(&has);
        if (answer == CUresult.CUDA_ERROR_STUB_LIBRARY)
            return Stub();
        if (answer != CUresult.CUDA_SUCCESS)
            return Failed("cuDriverGetVersion", answer);
        int version = has;
        if (version < DriverEntries.OldestDriver)
            return TooOld(DriverEntries.OldestDriver, version);

        var getAddress = (delegate* unmanaged<byte*, void**, int, ulong, CUdriverProcAddressQueryResult*, CUresult>)export("cuGetProcAddress_v2");
        List<TableEntry> missing = TableFiller.Fill(ref table, DriverEntries.All, entry => Find(entry, version, getAddress, export));
        if (missing.Count == 0)
            return null;
        int needed = missing.Max(entry => entry.Since);
        return needed > version ? TooOld(needed, version) : Missing(missing.Select(entry => entry.Export), $"driver {VersionText(version)} lacks what it should have");
    }

    /// <summary>12080 as 12.8.</summary>
    public static string VersionText(int version) => $"{version / 1000}.{version % 1000 / 10}";

    /// <summary>A reason for a driver whose start-up answered with an error.</summary>
    public static CudaUnavailable Failed(string call, CUresult answer) => answer switch
    {
        CUresult.CUDA_ERROR_STUB_LIBRARY => Stub(),
        CUresult.CUDA_ERROR_NO_DEVICE => NoDevice(),
        _ => new(CudaUnavailableReason.InitializationFailed, $"{call} answered {answer} ({(int)answer})",
            answer == CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
                ? "the driver's library and kernel module differ in version: reboot, or reinstall the driver"
                : "see whether nvidia-smi works; in a container, start it with the NVIDIA runtime", []),
    };

    /// <summary>The reason for a driver without a device.</summary>
    public static CudaUnavailable NoDevice() =>
        new(CudaUnavailableReason.NoDevice, "the driver has no CUDA device", "check nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, pass --gpus all", []);

    private static nint Find(TableEntry entry, int version, delegate* unmanaged<byte*, void**, int, ulong, CUdriverProcAddressQueryResult*, CUresult> getAddress, Func<string, nint> export)
    {
        if (version >= entry.Since)
        {
            nint address = Ask(entry.Symbol, entry.Since, getAddress);
            if (address == 0)
                address = export(entry.Export);
            if (address != 0)
                return address;
        }
        return entry.OlderExport is not null && version >= entry.OlderSince ? Find(new(entry.OlderExport, entry.Symbol, entry.OlderSince), version, getAddress, export) : 0;
    }

    private static nint Ask(string symbol, int since, delegate* unmanaged<byte*, void**, int, ulong, CUdriverProcAddressQueryResult*, CUresult> getAddress)
    {
        if (getAddress == null)
            return 0;
        void* address = null;
        CUdriverProcAddressQueryResult status;
        // The zero at the end: GetBytes does not write one.
        fixed (byte* name = Encoding.UTF8.GetBytes(symbol + '\0'))
            return getAddress(name, &address, since, (ulong)CUdriverProcAddress_flags.CU_GET_PROC_ADDRESS_LEGACY_STREAM, &status) == CUresult.CUDA_SUCCESS
                ? (nint)address
                : 0;
    }

    private static CudaUnavailable Stub() =>
        new(CudaUnavailableReason.StubLibrary, "the library is the toolkit's link-time stub (CUDA_ERROR_STUB_LIBRARY, 34), not a driver",
            "take the toolkit's stubs folder off LD_LIBRARY_PATH and " + Update, []);

    /// <summary>The reason for a driver that lacks what came later.</summary>
    public static CudaUnavailable TooOld(int needs, int has) =>
        new(CudaUnavailableReason.DriverTooOld, $"the driver is too old: needs CUDA {VersionText(needs)}, has {VersionText(has)}", Update, []);

    private static CudaUnavailable Missing(IEnumerable<string> symbols, string what) =>
        new(CudaUnavailableReason.SymbolMissing, $"{what}: {string.Join(", ", symbols)}", Update, []);
}
