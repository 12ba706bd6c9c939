using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>attention.cu.</summary>
internal sealed class AttentionStep(Attention op, CudaStorage q, CudaStorage k, CudaStorage v, CudaStorage output) : CudaStep
{
    private readonly int _head = output.Columns / op.Heads;

    public override IReadOnlyList<CudaStorage> Uses => [q, k, v, output];

    // Keys a tile: what fits a block's shared memory, by precision, head and device, never by the batch.
    private int Keys(CudaBackend backend) =>
        backend.Element == ElementType.TF32 || (_head == 128 && backend.Context.Device.Architecture < 80) ? 32 : 64;

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend);

    public override void Enqueue(CudaForward forward)
    {
        ElementType element = forward.Backend.Element;
        bool plain = element == ElementType.Float32;
        int shared = plain ? 4 * (_head + 32) * 4 : (64 + 4 * Keys(forward.Backend)) * _head * element.Bytes();
        int tiles = Blocks(forward.Shape.LongestRows(q.Rows), plain ? 4 : 64);
        foreach ((int first, int sequences) in Launches(forward.Shape.Sequences))
            forward.Launch(Kernel(forward.Backend), new LaunchShape(new Dim3(tiles, op.Heads, sequences), 128, shared), new AttentionArgs
            {
                Q = forward.Address(q), K = forward.Address(k), V = forward.Address(v), Out = forward.Address(output), Offsets = forward.Offsets(q.Rows, first),
                Pitch = q.Pitch, OutPitch = output.Pitch, Scale = (float)(1.4426950408889634 / Math.Sqrt(op.Q.Width / op.Heads)),
            });
    }

    private CudaKernel Kernel(CudaBackend backend) => backend.Kernels.Get("attention",
        [Define("PRECISION", (int)backend.Element), Define("HEAD", _head), Define("KEYS", Keys(backend))]);
}
