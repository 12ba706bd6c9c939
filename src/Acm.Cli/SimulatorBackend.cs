using Acm.Native;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Simulator;
using Acm.Simulator.Driver;

namespace Acm.Cli;

/// <summary>Brings the simulated device along: <c>--backend simulator</c> runs the CUDA backend on it.</summary>
internal static class SimulatorBackend
{
    /// <summary>Makes it known to the runtime, which has no reference to it.</summary>
    public static void Register() => BackendFactory.Simulator ??= Create;

    private static IBackend Create(ForwardPlan plan, SessionOptions options)
    {
        SimulatedDriver simulated = new(new SimulatorOptions());
        try
        {
            return new Owning(BackendFactory.Cuda(plan, options, simulated.Start(), BackendKind.Simulator), simulated);
        }
        catch
        {
            simulated.Dispose();
            throw;
        }
    }

    /// <summary>The CUDA backend with the driver it runs on, which ends with it.</summary>
    private sealed class Owning(IBackend backend, SimulatedDriver driver) : IBackend
    {
        public string Name => backend.Name;

        public string Description => backend.Description;

        public IForward CreateForward(int maxSequences, int maxLength) => backend.CreateForward(maxSequences, maxLength);

        public void Enter(CancellationToken cancellation) => backend.Enter(cancellation);

        public void Leave() => backend.Leave();

        public void Dispose()
        {
            backend.Dispose();
            driver.Dispose();
        }
    }
}
