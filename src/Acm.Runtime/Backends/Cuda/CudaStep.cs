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

    /// <summary>The sequences of a bucket in as few launches as take them: a grid has at most 65535 of them beside its first extent.</summary>
    protected static IEnumerable<(int First, int Count)> Launches(int sequences)
    {
        const int Most = ushort.MaxValue;
        for (int first = 0; first < sequences; first += Most)
            yield return (first, Math.Min(Most, sequences - first));
    }
}
