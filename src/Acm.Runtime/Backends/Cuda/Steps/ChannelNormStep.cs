using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>channel_norm.cu: each channel over its own sequence's frames, to elements or to floats.</summary>
internal sealed class ChannelNormStep(ChannelNorm op, CudaStorage input, CudaStorage output, bool floats, CudaBackend backend) : CudaStep
{
    private readonly ulong _gamma = backend.Keep<float>(Values.Of(op.Weight)), _beta = backend.Keep<float>(Values.Of(op.Bias));

    public override IReadOnlyList<CudaStorage> Uses => [input, output];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward)
    {
        foreach ((int first, int sequences) in Launches(forward.Shape.Sequences))
            forward.Launch(Kernel(forward.Backend), new LaunchShape(new Dim3(Blocks(input.Pitch, 32), sequences), 256), new ChannelNormArgs
            {
                X = forward.Address(input), Y = forward.Address(output), Gamma = _gamma, Beta = _beta, Offsets = forward.Offsets(input.Rows, first),
                Pitch = input.Pitch, Width = input.Columns, Epsilon = (float)op.Epsilon,
            });
    }

    private CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get(
        "channel_norm", [Define("PRECISION", (int)backend.Element), Define("ACTIVATION", Values.Macro(op.Activation)), Define("OUTPUT", floats ? 1 : 0)]);
}
