using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>One or two kernel launches of a forward: what to launch follows from the run's shape, the addresses are the forward's.</summary>
internal abstract class CudaStep
{
    /// <summary>What the step reads and writes, besides its weights and the run's input.</summary>
    public abstract IReadOnlyList<CudaStorage> Uses { get; }

    /// <summary>Compiles or loads the kernels that a batch of a shape needs, so that enqueueing finds them at hand.</summary>
    public abstract void LoadKernels(CudaBackend backend, RunShape shape);

    /// <summary>Enqueues the step for the forward's present shape.</summary>
    public abstract void Enqueue(CudaForward forward);

    /// <summary>A C macro.</summary>
    protected internal static string Define(string name, int value) => $"{name}={value}";

    protected static int Blocks(int count, int each) => (count + each - 1) / each;
}
