using Acm.Native.Compile;
using Acm.Native.Driver;

namespace Acm.Native.Doctor;

/// <summary>Driver, devices, compiler and kernel cache.</summary>
internal static class CudaFindings
{
    public static IEnumerable<DoctorFinding> Driver()
    {
        CudaDriver? driver = CudaDriver.TryLoad(out CudaUnavailable? why);
        return driver is null ? [Unavailable(why!)] : Working(driver);
    }

    /// <summary>A driver that cannot be used, with every path tried.</summary>
    public static DoctorFinding Unavailable(CudaUnavailable why) =>
        new("driver", DoctorState.Missing, $"{why.Message} ({why.Reason})", why.NextStep, [.. why.Attempts.Select(a => $"{a.Path}: {a.Outcome}")]);

    /// <summary>A driver that works, and its devices.</summary>
    public static IEnumerable<DoctorFinding> Working(CudaDriver driver)
    {
        yield return new("driver", DoctorState.Good, $"CUDA {DriverLoader.VersionText(driver.CudaVersion)}, from {driver.Source}", "", [$"takes PTX up to {PtxVersion.NewestFor(driver.CudaVersion)}"]);
        foreach (CudaDevice device in driver.Devices)
        {
            bool tensor = device.Architecture >= 75;
            yield return new("device", tensor ? DoctorState.Good : DoctorState.Limited, $"{device.Ordinal}: {device}",
                tensor ? "" : "the kernels need compute capability 7.5 (Turing) or later: use --backend cpu",
                [$"uuid GPU-{device.Uuid}, {device.MaxSharedBytesPerBlock / 1024} KiB shared per block, {device.L2Bytes / 1024 / 1024} MiB L2",
                    $"stream-ordered memory: {(device.SupportsMemoryPools ? "yes" : "no")}, clusters and dependent launch: {(device.SupportsClusters ? "yes" : "no")}"]);
        }
    }

    public static DoctorFinding Compiler()
    {
        CompilerSearchResult search = CompilerSearch.Result;
        IReadOnlyList<string> tried = [.. search.Attempts.Select(a => $"{a.Path}: {a.Outcome}")];
        return search.Compiler switch
        {
            NvrtcCompiler nvrtc => new("compiler", DoctorState.Good, $"{nvrtc.Name}, from {nvrtc.Source}", "", [$"compiles for sm_{string.Join(", sm_", nvrtc.Architectures)}"]),
            { } other => new("compiler", DoctorState.Limited, $"{other.Name}, from {other.Source}", "for binaries and the newest architectures install NVRTC (pip install nvidia-cuda-nvrtc-cu12), or set ACM_NVRTC", tried),
            null => new("compiler", DoctorState.Missing, "neither NVRTC nor clang was found; prebuilt kernels only", "install NVRTC (pip install nvidia-cuda-nvrtc-cu12) and set ACM_NVRTC to libnvrtc.so.12", tried),
        };
    }

    public static DoctorFinding Cache()
    {
        KernelCache cache = KernelCache.Default;
        try
        {
            Directory.CreateDirectory(cache.Folder);
            string probe = Path.Combine(cache.Folder, $".probe-{Environment.ProcessId}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            var kernels = cache.List().ToList();
            return new("cache", DoctorState.Good, $"{cache.Folder}: {kernels.Count} kernels, {kernels.Sum(k => k.Kernel.Image.LongLength) / 1024} KiB", "", []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new("cache", DoctorState.Limited, $"{cache.Folder} cannot be written: {e.Message}", "set ACM_KERNEL_CACHE to a folder that can be written; until then every start compiles anew", []);
        }
    }
}
