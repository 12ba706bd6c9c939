using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// Layer normalisation row by row, in float around a first estimate of the mean: what is summed then is as small as the row's deviations, so a large
/// mean loses nothing.
/// </summary>
internal sealed unsafe class LayerNormStep(LayerNorm op, CpuBackend backend) : CpuStep
{
    private const int RowsPerTask = 16;
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);
    private readonly float* _weight = backend.Keep(op.Weight), _bias = backend.Keep(op.Bias);

    public override void Run(CpuForward forward, in ForwardRun run) =>
        forward.Parallel(this, 0, (forward.Rows(_in.Rows) + RowsPerTask - 1) / RowsPerTask);

    public override void Execute(CpuForward forward, int phase, int task, int worker) =>
        Normalize(forward, task * RowsPerTask, Math.Min((task + 1) * RowsPerTask, forward.Rows(_in.Rows)));

    /// <summary>Normalises rows <paramref name="row"/> .. <paramref name="end"/> - 1.</summary>
    public void Normalize(CpuForward forward, int row, int end)
    {
        for (; row < end; row++)
            Normalize(forward.Buffer(_in) + (nint)row * _in.Width, forward.Buffer(_out) + (nint)row * _in.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalize(float* x, float* y)
    {
        int width = _in.Width, whole = width & ~31;
        Vector512<float> a = Vector512<float>.Zero, b = a;
        for (int i = 0; i < whole; i += 32)
        {
            a += Vector512.Load(x + i);
            b += Vector512.Load(x + i + 16);
        }
        float sum = Vector512.Sum(a + b);
        for (int i = whole; i < width; i++)
            sum += x[i];

        float guess = sum / width;
        Vector512<float> center = Vector512.Create(guess), squaresA = Vector512<float>.Zero, squaresB = squaresA;
        a = b = Vector512<float>.Zero;
        for (int i = 0; i < whole; i += 32)
        {
            Vector512<float> d = Vector512.Load(x + i) - center, e = Vector512.Load(x + i + 16) - center;
            a += d;
            b += e;
            squaresA = Vector512.FusedMultiplyAdd(d, d, squaresA);
            squaresB = Vector512.FusedMultiplyAdd(e, e, squaresB);
        }
        double rest = Vector512.Sum(a + b), square = Vector512.Sum(squaresA + squaresB);
        for (int i = whole; i < width; i++)
        {
            float d = x[i] - guess;
            rest += d;
            square += d * d;
        }
        double correction = rest / width;
        float scale = (float)(1 / Math.Sqrt(Math.Max(square / width - correction * correction, 0) + op.Epsilon)), shift = (float)-correction;

        int vectors = width & ~15;
        for (int i = 0; i < vectors; i += 16)
        {
            Vector512<float> d = Vector512.Load(x + i) - center + Vector512.Create(shift);
            Vector512.FusedMultiplyAdd(d * scale, Vector512.Load(_weight + i), Vector512.Load(_bias + i)).Store(y + i);
        }
        for (int i = vectors; i < width; i++)
            y[i] = MathF.FusedMultiplyAdd((x[i] - guess + shift) * scale, _weight[i], _bias[i]);
        Activate(op.Activation, y, width);
    }

    /// <summary>Applies an activation in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Activate(Activation activation, float* values, int count)
    {
        if (activation == Activation.Identity)
            return;
        float* padded = stackalloc float[16];
        new Span<float>(padded, 16).Clear();
        for (int i = 0; i < count; i += 16)
        {
            int rest = count - i;
            float* at = values + i;
            if (rest < 16)
            {
                new ReadOnlySpan<float>(at, rest).CopyTo(new Span<float>(padded, 16));
                at = padded;
            }
            Elementwise.Apply(activation, Vector512.Load(at)).Store(at);
            if (rest < 16)
                new ReadOnlySpan<float>(padded, rest).CopyTo(new Span<float>(values + i, rest));
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
