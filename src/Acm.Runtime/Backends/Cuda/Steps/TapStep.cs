using Acm.Native;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>Where the residual stream is copied out, for runs that ask for hidden states.</summary>
internal sealed class TapStep(Buffer stream) : CudaStep
{
    public Buffer Stream => stream;

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
    }
}
