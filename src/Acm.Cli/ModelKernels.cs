using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Driver;

namespace Acm.Cli;

/// <summary>The kernels that a model takes on a device, whether one is there or not: a simulated device of that architecture stands for it.</summary>
internal static class ModelKernels
{
    /// <summary>Batches whose kernels are built: tiles depend on how much there is to do.</summary>
    private static readonly int[] s_batches = [1, 8, 64];

    /// <summary>Compiles them into a cache, or finds them there.</summary>
    public static IReadOnlyList<(string Request, CompiledKernel Kernel)> Build(
        string folder, string architecture, KernelImageKind kind, Precision precision, KernelCache cache, IKernelCompiler compiler)
    {
        DeviceProfile profile = DeviceProfile.All.LastOrDefault(p => p.Capability <= CommonOptions.CapabilityOf(architecture))
            ?? throw new BadInputException($"--arch {architecture}: 75 or later");
        using AcmModel model = AcmModel.Load(folder);
        using SimulatedDriver simulated = new(new SimulatorOptions { Profile = profile });
        CudaDevice device = simulated.Start().Devices[0];
        var requests = new Dictionary<string, CompileRequest>(StringComparer.Ordinal);
        // For a machine with a compiler, which has a choice of tiles, and for one that these are carried to because it has none.
        foreach (bool oneTile in (bool[])[false, true])
        {
            using CudaBackend backend = new(model.Plan, CudaContext.Primary(device), true, cache, compiler, precision, BackendKind.Simulator, oneTile);
            foreach (int batch in s_batches)
                backend.LoadKernels(batch);
            foreach ((string family, string[] defines) in backend.Kernels.Asked)
            {
                CompileRequest request = new(KernelSources.Get(family + ".cu"), architecture, kind) { Defines = defines };
                requests[request.ToString()] = request;
            }
        }
        var built = new List<(string Request, CompiledKernel Kernel)>();
        Parallel.ForEach(requests.Values, new ParallelOptions { MaxDegreeOfParallelism = 2 }, request =>
        {
            CompiledKernel kernel = cache.Get(request, compiler);
            lock (built)
                built.Add((request.ToString(), kernel));
        });
        return [.. built.OrderBy(static one => one.Request, StringComparer.Ordinal)];
    }
}
