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
        using CudaBackend backend = new(model.Plan, CudaContext.Primary(simulated.Start().Devices[0]), true, cache, compiler, precision, "simulator");
        foreach (int batch in s_batches)
            backend.LoadKernels(batch);
        var built = new List<(string Request, CompiledKernel Kernel)>();
        Parallel.ForEach(backend.Kernels.Asked, new ParallelOptions { MaxDegreeOfParallelism = 2 }, asked =>
        {
            CompileRequest request = new(KernelSources.Get(asked.Family + ".cu"), architecture, kind) { Defines = asked.Defines };
            CompiledKernel kernel = cache.Get(request, compiler);
            lock (built)
                built.Add((request.ToString(), kernel));
        });
        return [.. built.OrderBy(static one => one.Request, StringComparer.Ordinal)];
    }
}
