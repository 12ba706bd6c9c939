using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>attention.cu.</summary>
internal sealed class AttentionStep(Attention op) : CudaStep, IUsesBuffers
{
    private readonly int _head = op.Q.Width / op.Heads;
    private CudaKernel? _kernel;

    public IReadOnlyList<CudaBuffer> Buffers => [new(op.Out, op.Out.Width, false, false)];

    private int Keys(ElementType element) => element == ElementType.TF32 ? 32 : 64;

    public override void LoadKernels(CudaBackend backend, int sequences) => _kernel = backend.Kernels.Get("attention",
        Define("PRECISION", (int)backend.Element), Define("HEAD", _head), Define("KEYS", Keys(backend.Element)));

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        bool plain = forward.Element == ElementType.Float32;
        int shared = plain ? 4 * (_head + 32) * 4 : (64 + 4 * Keys(forward.Element)) * _head * forward.Element.Bytes();
        LaunchShape shape = new(new Dim3(Blocks(forward.TokensPerSequence, plain ? 4 : 64), op.Heads, forward.Sequences), 128, shared);
        int pitch = WeightPacking.Pad64(op.Q.Width);
        _kernel!.LaunchStruct(stream, shape, new AttentionArgs
        {
            Q = forward.Buffer(op.Q), K = forward.Buffer(op.K), V = forward.Buffer(op.V), Out = forward.Buffer(op.Out), Offsets = forward.Offsets,
            Pitch = pitch, OutPitch = pitch, Scale = (float)(1.4426950408889634 / Math.Sqrt(_head)),
        });
    }
}
