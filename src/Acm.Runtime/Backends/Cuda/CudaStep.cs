using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>One or two kernel launches of a forward: what to launch is fixed, the addresses are the forward's.</summary>
internal abstract class CudaStep
{
    /// <summary>Compiles or loads the kernels a batch of <paramref name="sequences"/> needs.</summary>
    public abstract void LoadKernels(CudaBackend backend, int sequences);

    /// <summary>Enqueues the step.</summary>
    public abstract void Enqueue(CudaForward forward, CudaStream stream);

    /// <summary>A C macro.</summary>
    protected static string Define(string name, int value) => $"{name}={value}";

    protected static int Blocks(int count, int each) => (count + each - 1) / each;
}
