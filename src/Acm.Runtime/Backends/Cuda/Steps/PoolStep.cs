using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>pool of text.cu: a sequence's mean or first row, of unit length if so asked.</summary>
internal sealed class PoolStep(CudaStorage input, CudaStorage output, bool first, bool unitLength) : CudaStep
{
    public override IReadOnlyList<CudaStorage> Uses => [input, output];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward) =>
        forward.Launch(Kernel(forward.Backend), new LaunchShape(forward.Rows(output.Rows), 256), new PoolArgs
        {
            X = forward.Address(input), Out = forward.Address(output), Offsets = forward.Offsets(input.Rows),
            Width = output.Columns, XPitch = input.Pitch, OutPitch = output.Pitch, FirstOnly = first ? 1 : 0, UnitLength = unitLength ? 1 : 0,
        });

    private static CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get("text", "pool", []);
}
