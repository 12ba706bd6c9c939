using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>conv1d.cu: a convolution along each sequence's rows.</summary>
internal sealed class ConvStep : CudaStep
{
    private readonly Conv1d _op;
    private readonly CudaStorage? _in;
    private readonly CudaStorage _out;
    private readonly int _output, _groups, _inputs, _outputs, _channels, _taps;
    private readonly ulong _weight, _bias;

    /// <param name="op">The convolution.</param>
    /// <param name="input">Elements, or null: the run's samples.</param>
    /// <param name="output">Where to.</param>
    /// <param name="kind">OUTPUT of the kernel: 0 elements, 1 floats, 2 added to floats.</param>
    /// <param name="backend">Keeps the weights.</param>
    public ConvStep(Conv1d op, CudaStorage? input, CudaStorage output, int kind, CudaBackend backend)
    {
        (_op, _in, _out, _output, _taps) = (op, input, output, kind, op.Weight.Shape[2]);
        _groups = AlignedGroups(op);
        (_inputs, _outputs) = (op.In.Width / _groups, op.Out.Width / _groups);
        _channels = input is null ? 1 : WeightPacking.Pad8(_inputs);
        float[] weight = Values.Of(op.Weight), bias = new float[_groups * WeightPacking.Pad64(_outputs)];
        float[]? given = op.Bias is null ? null : Values.Of(op.Bias);
        List<byte> packed = [];
        for (int g = 0; g < _groups; g++)
        {
            int group = g;
            packed.AddRange(WeightPacking.Pack((k, n) => Weight(weight, group * _outputs + n, group * _inputs + k % _channels, k % _channels, k / _channels), _taps * _channels, _outputs, backend.Element));
            for (int n = 0; n < _outputs && given is not null; n++)
                bias[g * WeightPacking.Pad64(_outputs) + n] = given[g * _outputs + n];
        }
        (_weight, _bias) = (backend.Keep<byte>(packed.ToArray()), backend.Keep<float>(bias));
    }

    public override IReadOnlyList<CudaStorage> Uses => _in is null ? [_out] : [_in, _out];

    public override void LoadKernels(CudaBackend backend, RunShape shape) => Kernel(backend, shape);

    public override void Enqueue(CudaForward forward)
    {
        (TileShape tile, CudaKernel kernel) = Kernel(forward.Backend, forward.Shape);
        Dim3 grid = new(Blocks(forward.Rows(_out.Rows), tile.M), WeightPacking.Pad64(_outputs) / tile.N, _groups);
        forward.Launch(kernel, new LaunchShape(grid, tile.Threads, tile.SharedBytes), new ConvArgs
        {
            X = _in is null ? forward.Input : forward.Address(_in), W = _weight, B = _bias, Out = forward.Address(_out),
            InOffsets = forward.Offsets(_op.In.Rows), OutOffsets = forward.Offsets(_out.Rows), Sequences = forward.Shape.Sequences,
            XPitch = _in?.Pitch ?? 1, OutPitch = _out.Pitch, Steps = WeightPacking.Steps(_taps * _channels, forward.Backend.Element),
            Channels = _channels, Columns = WeightPacking.Pad8(_outputs), XStep = _inputs, Taps = _taps, Stride = _op.Stride, Padding = _op.Padding,
        });
    }

    private (TileShape, CudaKernel) Kernel(CudaBackend backend, RunShape shape)
    {
        // Windows of samples take registers to gather, and their sums are short: the smallest pipeline has room for them.
        TileShape tile = _in is null ? TileShape.Plain : Tiles.Dense(backend, shape.Rows(_out.Rows), _outputs, _taps * _channels, _groups);
        return (tile, backend.Kernels.Get("conv1d",
            [Define("PRECISION", (int)backend.Element), .. tile.Defines, Define("ACTIVATION", Values.Macro(_op.Activation)), Define("OUTPUT", _output), Define("SAMPLES", _in is null ? 1 : 0)]));
    }

    // The weight from input to output channel at a tap, zero where they are of different groups of the model, or the input is none.
    private float Weight(float[] weight, int output, int input, int ofGroup, int tap)
    {
        int each = _op.In.Width / _op.Groups, group = output / (_op.Out.Width / _op.Groups);
        return ofGroup < _inputs && input / each == group ? weight[(output * each + input - group * each) * _taps + tap] : 0;
    }

    // The kernel's groups start at multiples of 8 channels: where the model's do not, several are taken as one, with zeros between them.
    private static int AlignedGroups(Conv1d op)
    {
        for (int groups = op.Groups; groups > 1; groups--)
            if (op.Groups % groups == 0 && op.In.Width / groups % 8 == 0 && op.Out.Width / groups % 8 == 0)
                return groups;
        return 1;
    }
}
