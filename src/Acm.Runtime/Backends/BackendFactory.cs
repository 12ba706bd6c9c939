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
        switch (options.Backend)
        {
            case BackendKind.Reference:
                reason = "asked for";
                return new ReferenceBackend(plan);
            case BackendKind.Simulator:
                reason = "asked for";
                return Simulator?.Invoke(plan, options)
                    ?? throw new BackendUnavailableException(options.Backend, "This program does not bring the simulated device along.");
            default:
                throw new BackendUnavailableException(options.Backend, $"This build has no {options.Backend} backend.");
        }
    }
}
