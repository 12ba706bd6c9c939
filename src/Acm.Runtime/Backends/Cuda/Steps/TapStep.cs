namespace Acm.Runtime.Backends.Cuda;

/// <summary>Where the residual stream is copied out, for runs that ask for hidden states.</summary>
internal sealed class TapStep(CudaStorage stream, int index) : CudaStep
{
    public CudaStorage Stream => stream;

    public int Index => index;

    public override IReadOnlyList<CudaStorage> Uses => [stream];

    public override void LoadKernels(CudaBackend backend, RunShape shape)
    {
    }

    public override void Enqueue(CudaForward forward)
    {
    }
}
