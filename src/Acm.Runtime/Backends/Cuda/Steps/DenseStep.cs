using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>dense.cu: up to three linear layers of one shape that share an input.</summary>
internal sealed class DenseStep : CudaStep
{
    private readonly Linear _like;
    private readonly CudaStorage _in;
    private readonly CudaStorage[] _out;
    private readonly (ulong W, ulong B)[] _weights;
    private readonly int _output;

    /// <param name="ops">The layers.</param>
    /// <param name="input">What they share.</param>
    /// <param name="outputs">One each.</param>
    /// <param name="kind">OUTPUT of the kernel: 0 elements, 1 floats, 2 added to floats.</param>
    /// <param name="backend">Keeps the weights.</param>
    public DenseStep(IReadOnlyList<Linear> ops, CudaStorage input, CudaStorage[] outputs, int kind, CudaBackend backend)
    {
        (_like, _in, _out, _output) = (ops[0], input, outputs, kind);
        _weights = [.. ops.Select((op, i) => Upload(op, outputs[i], backend))];
    }

    public override IReadOnlyList<CudaStorage> Uses => [_in, .. _out];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend, shape);

    public override void Enqueue(CudaForward forward)
    {
        (TileShape tile, CudaKernel kernel) = Kernel(forward.Backend, forward.Shape);
        CudaStorage like = _out[0];
        DenseArgs args = new()
        {
            Tokens = forward.Count(_in.Rows), XPitch = _in.Pitch, OutPitch = like.Pitch,
            Steps = WeightPacking.Steps(_in.Columns, forward.Backend.Element), Columns = _output == 0 ? like.Pitch : WeightPacking.Pad8(like.Columns),
        };
        for (int i = 0; i < _out.Length; i++)
            args.Site[i] = new DenseSite { X = forward.Address(_in), W = _weights[i].W, B = _weights[i].B, Out = forward.Address(_out[i]) };
        Dim3 grid = new(Blocks(forward.Rows(_in.Rows), tile.M), like.Pitch / tile.N, _out.Length);
        forward.Launch(kernel, new LaunchShape(grid, tile.Threads, tile.SharedBytes), args);
    }

    private (TileShape, CudaKernel) Kernel(CudaBackend backend, RunShape shape)
    {
        TileShape tile = Tiles.Dense(backend, shape.Rows(_in.Rows), _out[0].Columns, _in.Columns, _out.Length);
        return (tile, backend.Kernels.Get("dense",
            [Define("PRECISION", (int)backend.Element), .. tile.Defines, Define("ACTIVATION", Values.Macro(_like.Activation)), Define("OUTPUT", _output)]));
    }

    private (ulong, ulong) Upload(Linear op, CudaStorage output, CudaBackend backend)
    {
        int depth = op.In.Width;
        float[] weight = Values.Of(op.Weight), bias = new float[output.Pitch];
        float[]? given = op.Bias is null ? null : Values.Of(op.Bias);
        for (int c = 0; c < output.Columns; c++)
            bias[c] = output.ModelColumn(c) is >= 0 and int n ? given?[n] ?? 0 : 0;
        byte[] packed = WeightPacking.Pack(
            (k, c) => _in.ModelColumn(k) is >= 0 and int row && output.ModelColumn(c) is >= 0 and int n ? weight[n * depth + row] : 0,
            _in.Columns, output.Columns, backend.Element);
        return (backend.Keep<byte>(packed), backend.Keep<float>(bias));
    }
}
