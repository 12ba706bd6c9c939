using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>Layer normalisation row by row: mean, then the squares around it, both summed in double, so that a large mean loses nothing.</summary>
internal sealed unsafe class LayerNormStep(LayerNorm op, CpuBackend backend) : CpuStep
{
    private const int RowsPerTask = 32;
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);
    private readonly float* _weight = backend.Keep(op.Weight), _bias = backend.Keep(op.Bias);

    public override void Run(CpuForward forward, in ForwardRun run) =>
        forward.Parallel(this, 0, (forward.Rows(_in.Rows) + RowsPerTask - 1) / RowsPerTask);

    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int end = Math.Min((task + 1) * RowsPerTask, forward.Rows(_in.Rows));
        for (int row = task * RowsPerTask; row < end; row++)
            Normalize(forward.Buffer(_in) + (nint)row * _in.Width, forward.Buffer(_out) + (nint)row * _in.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalize(float* x, float* y)
    {
        int width = _in.Width, whole = width & ~7;
        Vector512<double> sums = Vector512<double>.Zero;
        for (int i = 0; i < whole; i += 8)
            sums += Widen(x + i);
        double sum = Vector512.Sum(sums);
        for (int i = whole; i < width; i++)
            sum += x[i];
        double mean = sum / width;

        Vector512<double> center = Vector512.Create(mean), squares = Vector512<double>.Zero;
        for (int i = 0; i < whole; i += 8)
        {
            Vector512<double> d = Widen(x + i) - center;
            squares += d * d;
        }
        double square = Vector512.Sum(squares);
        for (int i = whole; i < width; i++)
            square += (x[i] - mean) * (x[i] - mean);
        double scale = 1 / Math.Sqrt(square / width + op.Epsilon);

        Vector512<double> scales = Vector512.Create(scale);
        for (int i = 0; i < whole; i += 8)
        {
            Vector512<double> value = (Widen(x + i) - center) * scales * Widen(_weight + i) + Widen(_bias + i);
            Vector256.Narrow(value.GetLower(), value.GetUpper()).Store(y + i);
        }
        for (int i = whole; i < width; i++)
            y[i] = (float)((x[i] - mean) * scale * _weight[i] + _bias[i]);
        Activate(op.Activation, y, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Widen(float* from)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load(from));
        return Vector512.Create(low, high);
    }

    /// <summary>Applies an activation in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Activate(Activation activation, float* values, int count)
    {
        if (activation == Activation.Identity)
            return;
        int i = 0;
        for (; i + 16 <= count; i += 16)
            Elementwise.Apply(activation, Vector512.Load(values + i)).Store(values + i);
        if (i < count)
        {
            float* padded = stackalloc float[16];
            new Span<float>(padded, 16).Clear();
            new ReadOnlySpan<float>(values + i, count - i).CopyTo(new Span<float>(padded, 16));
            Elementwise.Apply(activation, Vector512.Load(padded)).Store(padded);
            new ReadOnlySpan<float>(padded, count - i).CopyTo(new Span<float>(values + i, count - i));
        }
    }
}

/// <summary>One group per channel: mean and variance of a column over its sequence's rows, summed in double.</summary>
internal sealed unsafe class ChannelNormStep(ChannelNorm op, CpuBackend backend) : CpuStep
{
    private const int ChannelsPerTask = 32;
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);
    private readonly float* _weight = backend.Keep(op.Weight), _bias = backend.Keep(op.Bias);

    private int Blocks => (_in.Width + ChannelsPerTask - 1) / ChannelsPerTask;

    public override void Run(CpuForward forward, in ForwardRun run) => forward.Parallel(this, 0, forward.Sequences * Blocks);

    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int first = task % Blocks * ChannelsPerTask, count = Math.Min(ChannelsPerTask, _in.Width - first);
        ReadOnlySpan<int> starts = forward.Starts(_in.Rows);
        int from = starts[task / Blocks], rows = starts[task / Blocks + 1] - from;
        float* x = forward.Buffer(_in) + (nint)from * _in.Width + first;
        float* y = forward.Buffer(_out) + (nint)from * _in.Width + first;
        double* mean = stackalloc double[ChannelsPerTask], scale = stackalloc double[ChannelsPerTask];
        new Span<double>(mean, count).Clear();
        new Span<double>(scale, count).Clear();
        for (int row = 0; row < rows; row++)
            for (int c = 0; c < count; c++)
                mean[c] += x[(nint)row * _in.Width + c];
        for (int c = 0; c < count; c++)
            mean[c] /= rows;
        for (int row = 0; row < rows; row++)
            for (int c = 0; c < count; c++)
            {
                double d = x[(nint)row * _in.Width + c] - mean[c];
                scale[c] += d * d;
            }
        for (int c = 0; c < count; c++)
            scale[c] = 1 / Math.Sqrt(scale[c] / rows + op.Epsilon);
        for (int row = 0; row < rows; row++)
        {
            float* to = y + (nint)row * _in.Width;
            for (int c = 0; c < count; c++)
                to[c] = (float)((x[(nint)row * _in.Width + c] - mean[c]) * scale[c] * _weight[first + c] + _bias[first + c]);
            LayerNormStep.Activate(op.Activation, to, count);
        }
    }
}
