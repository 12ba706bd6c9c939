using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>convert.cu: floats as elements too.</summary>
internal sealed class ConvertStep(CudaStorage input, CudaStorage output) : CudaStep
{
    public override IReadOnlyList<CudaStorage> Uses => [input, output];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward) =>
        forward.Launch(Kernel(forward.Backend), new LaunchShape(Blocks(forward.Rows(input.Rows), 8), 256), new ConvertArgs
        {
            X = forward.Address(input), Y = forward.Address(output), Tokens = forward.Count(input.Rows), Width = input.Columns, XPitch = input.Pitch, YPitch = output.Pitch,
        });

    private static CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get("convert", [Define("PRECISION", (int)backend.Element)]);
}
