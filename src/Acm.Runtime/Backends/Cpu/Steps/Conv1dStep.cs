using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// A convolution along the rows. A window of rows that lie one after the other is one long row, so the product reads it where it stands,
/// a row further every stride; grouped or padded ones are copied group by group first.
/// </summary>
internal sealed unsafe class Conv1dStep : CpuStep
{
    private readonly Conv1d _op;
    private readonly BufferSlot _in, _out;
    private readonly BufferSlot? _residual;
    private readonly PackedMatrix[] _weights;
    private readonly float* _bias;
    private readonly int _kernel, _channels;

    public Conv1dStep(Conv1d op, CpuBackend backend)
    {
        _op = op;
        (_in, _out) = (backend.Slot(op.In), backend.Slot(op.Out));
        _residual = op.Residual is null ? null : backend.Slot(op.Residual);
        _bias = backend.KeepOrNull(op.Bias);
        (_channels, _kernel) = (op.Weight.Shape[1], op.Weight.Shape[2]);
        int outputs = op.Weight.Shape[0] / op.Groups, depth = _channels * _kernel;
        float[] stored = CpuBackend.Values(op.Weight), group = new float[outputs * depth];
        _weights = new PackedMatrix[op.Groups];
        for (int g = 0; g < op.Groups; g++)
        {
            // [out, channel, tap] to [out, tap, channel]: as the rows lie.
            for (int o = 0; o < outputs; o++)
                for (int c = 0; c < _channels; c++)
                    for (int tap = 0; tap < _kernel; tap++)
                        group[o * depth + tap * _channels + c] = stored[((g * outputs + o) * _channels + c) * _kernel + tap];
            _weights[g] = backend.Own(PackedMatrix.FromOutputMajor(group, outputs, depth));
        }
    }

    private bool InPlace => _op.Groups == 1 && _op.Padding == 0;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        ReadOnlySpan<int> from = forward.Starts(_in.Rows), to = forward.Starts(_out.Rows);
        int pitch = _channels, paddedRows = forward.Rows(_in.Rows) + 2 * _op.Padding * forward.Sequences;
        if (!InPlace)
        {
            forward.Scratch(0, (long)paddedRows * _in.Width);
            forward.Parallel(this, 0, forward.Sequences * _op.Groups);
        }
        nint stride = (nint)_op.Stride * pitch;
        GemmCall call = new()
        {
            Weights = _weights,
            Stride = stride,
            Epilogue = new Epilogue
            {
                Bias = _bias,
                Activation = _op.Activation,
                Out = forward.Buffer(_out),
                OutStride = _out.Width,
                Residual = _residual is { } residual ? forward.Buffer(residual) : null,
                ResidualStride = _out.Width,
            },
        };
        forward.ClearBlocks();
        int all = forward.Rows(_out.Rows), lanes = Lanes.Count(all, forward.Threads);
        for (int lane = 0; lane < lanes; lane++)
        {
            int start = Lanes.Start(lane, lanes, all), end = Lanes.Start(lane + 1, lanes, all);
            for (int g = 0; g < _op.Groups; g++)
                for (int s = 0; s < forward.Sequences; s++)
                {
                    int first = Math.Max(start, to[s]), count = Math.Min(end, to[s + 1]) - first;
                    if (count <= 0)
                        continue;
                    float* rows = InPlace ? forward.Buffer(_in) + (nint)from[s] * _in.Width : Padded(forward, s, g);
                    forward.AddRows(rows + (first - to[s]) * stride, stride, first, count, _kernel * _channels, g);
                }
            forward.Add(call);
            forward.EndLane();
        }
        forward.Multiply();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int sequence = task / _op.Groups, group = task % _op.Groups;
        ReadOnlySpan<int> starts = forward.Starts(_in.Rows);
        int rows = starts[sequence + 1] - starts[sequence], edge = _op.Padding * _channels;
        float* to = Padded(forward, sequence, group);
        float* from = forward.Buffer(_in) + (nint)starts[sequence] * _in.Width + group * _channels;
        new Span<float>(to, edge).Clear();
        to += edge;
        for (int row = 0; row < rows; row++, to += _channels, from += _in.Width)
            new ReadOnlySpan<float>(from, _channels).CopyTo(new Span<float>(to, _channels));
        new Span<float>(to, edge).Clear();
    }

    private float* Padded(CpuForward forward, int sequence, int group)
    {
        ReadOnlySpan<int> starts = forward.Starts(_in.Rows);
        nint before = starts[sequence] + 2 * _op.Padding * sequence;
        nint rows = starts[sequence + 1] - starts[sequence] + 2 * _op.Padding;
        return forward.Scratch(0, 0) + (before * _op.Groups + rows * group) * _channels;
    }
}
