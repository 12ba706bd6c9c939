using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>patch.cu.</summary>
internal sealed class PatchStep : CudaStep
{
    private readonly PatchEmbed _op;
    private readonly CudaStorage _out;
    private readonly ulong _weight, _table;
    private readonly int _depth;

    public PatchStep(PatchEmbed op, CudaStorage output, CudaBackend backend)
    {
        (_op, _out) = (op, output);
        int width = op.Out.Width, patches = op.ImageSize / op.PatchSize * (op.ImageSize / op.PatchSize), pitch = output.Pitch;
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

    public override IReadOnlyList<CudaStorage> Uses => [_out];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend, shape);

    public override void Enqueue(CudaForward forward)
    {
        (TileShape tile, CudaKernel kernel) = Kernel(forward.Backend, forward.Shape);
        forward.Launch(kernel, new LaunchShape(new Dim3(Blocks(forward.Rows(_out.Rows), tile.M), _out.Pitch / tile.N), tile.Threads, tile.SharedBytes), new PatchArgs
        {
            Pixels = forward.Input, W = _weight, Table = _table, X = forward.Address(_out), Tokens = forward.Count(_out.Rows),
            XPitch = _out.Pitch, Columns = WeightPacking.Pad8(_op.Out.Width), Steps = WeightPacking.Steps(_depth, forward.Backend.Element),
            Channels = _op.Channels, Size = _op.ImageSize,
        });
    }

    private (TileShape, CudaKernel) Kernel(CudaBackend backend, RunShape shape)
    {
        TileShape tile = Tiles.Patch(backend, shape.Rows(_out.Rows), _op.Out.Width, _depth);
        return (tile, backend.Kernels.Get("patch", [Define("PRECISION", (int)backend.Element), .. tile.Defines, Define("PATCH_SIZE", _op.PatchSize)]));
    }
}
