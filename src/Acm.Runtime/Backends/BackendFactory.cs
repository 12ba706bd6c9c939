using Acm.Runtime.Backends.Cpu;
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
        switch (options.Backend)
        {
            case BackendKind.Reference:
                return new ReferenceBackend(plan);
            case BackendKind.Cpu:
                return Cpu(plan, options);
            case BackendKind.Simulator:
                return Simulator?.Invoke(plan, options)
                    ?? throw new BackendUnavailableException(options.Backend, "This program does not bring the simulated device along.");
            case BackendKind.Auto:
                reason = "this build has no CUDA backend yet";
                return Cpu(plan, options);
            default:
                throw new BackendUnavailableException(options.Backend, $"This build has no {options.Backend} backend.");
        }
    }

    private static CpuBackend Cpu(ForwardPlan plan, SessionOptions options) =>
        options.Precision is Precision.Auto or Precision.Float32
            ? new CpuBackend(plan, options.Threads, options.UnfoldedGates)
            : throw new BackendUnavailableException(options.Backend, $"The CPU backend computes in float32; {options.Precision} needs a CUDA device.");
}
