using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>patch.cu.</summary>
internal sealed class PatchStep : CudaStep, IUsesBuffers
{
    private readonly PatchEmbed _op;
    private readonly ulong _weight, _table;
    private readonly int _depth;
    private (TileShape Shape, CudaKernel Kernel)? _kernel;

    public PatchStep(PatchEmbed op, CudaBackend backend)
    {
        _op = op;
        int width = op.Out.Width, patches = op.ImageSize / op.PatchSize * (op.ImageSize / op.PatchSize), pitch = WeightPacking.Pad64(width);
        _depth = op.Channels * op.PatchSize * op.PatchSize;
        float[] weight = Values.Of(op.Weight), positions = Values.Of(op.Positions), token = Values.Of(op.ClassToken);
        float[]? bias = op.Bias is null ? null : Values.Of(op.Bias);
        _weight = backend.Keep<byte>(WeightPacking.Pack((k, n) => weight[n * _depth + k], _depth, width, backend.Element));
        float[] table = new float[(patches + 1) * pitch];
        for (int row = 0; row <= patches; row++)
            for (int c = 0; c < width; c++)
                table[row * pitch + c] = positions[row * width + c] + (row == 0 ? token[c] : bias?[c] ?? 0);
        _table = backend.Keep<float>(table);
    }

    public IReadOnlyList<CudaBuffer> Buffers => [new(_op.Out, _op.Out.Width, true, false)];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        TileShape shape = Tiles.Dense(backend, sequences * backend.Plan.Tokens.RowsOf(1), _op.Out.Width, _depth);
        _kernel = (shape, backend.Kernels.Get("patch", [Define("PRECISION", (int)backend.Element), .. shape.Defines, Define("PATCH_SIZE", _op.PatchSize)]));
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        (TileShape shape, CudaKernel kernel) = _kernel!.Value;
        int pitch = WeightPacking.Pad64(_op.Out.Width);
        kernel.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(forward.Tokens, shape.M), pitch / shape.N), shape.Threads, shape.SharedBytes), new PatchArgs
        {
            Pixels = forward.Pixels, W = _weight, Table = _table, X = forward.Buffer(_op.Out), Tokens = forward.TokenCount,
            XPitch = pitch, Columns = WeightPacking.Pad8(_op.Out.Width), Steps = WeightPacking.Steps(_depth, forward.Element),
            Channels = _op.Channels, Size = _op.ImageSize,
        });
    }
}
