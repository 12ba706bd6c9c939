using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Backends.Cuda;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends;

/// <summary>Makes the backend a session asks for, and says why it is that one.</summary>
internal static class BackendFactory
{
    /// <summary>Set by programs that bring the simulated device along; this room does not know it.</summary>
    public static Func<ForwardPlan, SessionOptions, IBackend>? Simulator { get; set; }

    /// <exception cref="BackendUnavailableException">What was asked for cannot run here.</exception>
    public static IBackend Create(ForwardPlan plan, SessionOptions options, out string reason)
    {
        reason = "asked for";
        return options.Backend switch
        {
            BackendKind.Reference => Reference(plan, options),
            BackendKind.Cpu => Cpu(plan, options),
            BackendKind.Cuda => Cuda(plan, options),
            BackendKind.Simulator => Simulator?.Invoke(plan, options)
                ?? throw new BackendUnavailableException(options.Backend, "This program does not bring the simulated device along."),
            _ => Auto(plan, options, out reason),
        };
    }

    /// <summary>The CUDA backend over any driver's table: the machine's, or the simulated device's.</summary>
    /// <param name="plan">The model.</param>
    /// <param name="options">Its precision is followed.</param>
    /// <param name="driver">The driver.</param>
    /// <param name="kind">What to call it.</param>
    public static IBackend Cuda(ForwardPlan plan, SessionOptions options, CudaDriver driver, BackendKind kind) =>
        Cuda(plan, options, driver, kind, KernelCache.Default, CompilerSearch.Result.Compiler);

    /// <summary>The same with this cache and compiler; without one (null), prebuilt kernels serve.</summary>
    public static IBackend Cuda(ForwardPlan plan, SessionOptions options, CudaDriver driver, BackendKind kind, KernelCache cache, IKernelCompiler? compiler)
    {
        try
        {
            CudaContext context = CudaContext.Primary(driver.Devices[0]);
            return new CudaBackend(plan, context, ownsContext: true, cache, compiler, options.Precision, kind);
        }
        catch (CudaUnavailableException e)
        {
            throw new BackendUnavailableException(kind, e.Message.ReplaceLineEndings(" "), e);
        }
        catch (Exception e) when (e is KernelCompilationException or PtxTooNewException)
        {
            throw new BackendUnavailableException(kind, e.Message, e);
        }
    }

    private static IBackend Auto(ForwardPlan plan, SessionOptions options, out string reason)
    {
        CudaDriver? driver = CudaDriver.TryLoad(out CudaUnavailable? why);
        if (driver is null)
        {
            reason = $"no CUDA: {why!.Message.ReplaceLineEndings(" ")}";
            return Cpu(plan, options);
        }
        try
        {
            IBackend backend = Cuda(plan, options, driver, BackendKind.Cuda);
            reason = "a CUDA device is at hand";
            return backend;
        }
        catch (Exception e) when (e is BackendUnavailableException or CudaException)
        {
            reason = $"CUDA is at hand but does not serve: {e.Message.ReplaceLineEndings(" ")}";
            return Cpu(plan, options);
        }
    }

    private static IBackend Cuda(ForwardPlan plan, SessionOptions options)
    {
        CudaDriver driver = CudaDriver.TryLoad(out CudaUnavailable? why)
            ?? throw new BackendUnavailableException(BackendKind.Cuda, $"{why!.Message.ReplaceLineEndings(" ")}; next: {why.NextStep}");
        return Cuda(plan, options, driver, BackendKind.Cuda);
    }

    private static CpuBackend Cpu(ForwardPlan plan, SessionOptions options)
    {
        RequireNoDevicePrecision(options, "The CPU backend computes in float32");
        return new CpuBackend(plan, options.Threads, options.UnfoldedGates, options.Cores);
    }

    private static ReferenceBackend Reference(ForwardPlan plan, SessionOptions options)
    {
        RequireNoDevicePrecision(options, "The reference backend computes in double precision");
        return new ReferenceBackend(plan);
    }

    private static void RequireNoDevicePrecision(SessionOptions options, string why)
    {
        if (options.Precision is not (Precision.Auto or Precision.Float32))
            throw new BackendUnavailableException(options.Backend, $"{why}; {options.Precision} needs a CUDA device.");
    }
}
