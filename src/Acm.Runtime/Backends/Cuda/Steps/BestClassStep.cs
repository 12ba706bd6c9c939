using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>best_class of text.cu: the largest logit of each output row, in runs that ask for classes alone.</summary>
internal sealed class BestClassStep(CudaStorage logits) : CudaStep
{
    public override IReadOnlyList<CudaStorage> Uses => [logits];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward) =>
        forward.Launch(Kernel(forward.Backend), new LaunchShape(Blocks(forward.Rows(logits.Rows), 256), 256), new BestClassArgs
        {
            Logits = forward.Address(logits), Best = forward.Classes, Tokens = forward.Count(logits.Rows), Classes = logits.Columns, Pitch = logits.Pitch,
        });

    private static CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get("text", "best_class", []);
}
