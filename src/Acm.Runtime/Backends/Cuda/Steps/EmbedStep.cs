using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>embed of text.cu: word pieces to the stream.</summary>
internal sealed class EmbedStep(TokenEmbed op, CudaStorage output, CudaBackend backend) : CudaStep
{
    private readonly ulong _words = backend.Keep<float>(Values.Of(op.Words)), _positions = backend.Keep<float>(Values.Of(op.Positions)), _types = backend.Keep<float>(Values.Of(op.Types));

    public override IReadOnlyList<CudaStorage> Uses => [output];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward)
    {
        // The run's input: ids, places, types, each as long as the shape.
        ulong each = (ulong)forward.Shape.Length * sizeof(int);
        forward.Launch(Kernel(forward.Backend), new LaunchShape(Blocks(forward.Rows(output.Rows), 8), 256), new EmbedArgs
        {
            Words = _words, Positions = _positions, Types = _types, Ids = forward.Input, Places = forward.Input + each, Kinds = forward.Input + 2 * each,
            X = forward.Address(output), Tokens = forward.Count(output.Rows), Width = output.Columns, XPitch = output.Pitch,
        });
    }

    private static CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get("text", "embed", []);
}
