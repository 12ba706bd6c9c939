using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>Word, position and type vectors, added.</summary>
internal sealed unsafe class TokenEmbedStep(TokenEmbed op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _out = backend.Slot(op.Out);
    private readonly float* _words = backend.Keep(op.Words), _positions = backend.Keep(op.Positions), _types = backend.Keep(op.Types);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(CpuForward forward, in ForwardRun run)
    {
        ReadOnlySpan<int> starts = forward.Starts(_out.Rows);
        int width = _out.Width;
        for (int s = 0; s < forward.Sequences; s++)
            for (int row = starts[s]; row < starts[s + 1]; row++)
            {
                float* word = _words + (nint)run.Ids[row] * width, position = _positions + (nint)(row - starts[s]) * width;
                float* type = _types + (run.TypeIds.IsEmpty ? 0 : (nint)run.TypeIds[row] * width);
                float* to = forward.Buffer(_out) + (nint)row * width;
                for (int i = 0; i < width; i++)
                    to[i] = word[i] + position[i] + type[i];
            }
    }
}

/// <summary>Samples as rows of width 1.</summary>
internal sealed unsafe class LoadSamplesStep(LoadSamples op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _out = backend.Slot(op.Out);

    public override void Run(CpuForward forward, in ForwardRun run) =>
        run.Values.CopyTo(new Span<float>(forward.Buffer(_out), run.Values.Length));
}

/// <summary>The first row of each sequence.</summary>
internal sealed unsafe class SelectFirstStep(SelectFirst op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        ReadOnlySpan<int> starts = forward.Starts(_in.Rows);
        for (int s = 0; s < forward.Sequences; s++)
            new ReadOnlySpan<float>(forward.Buffer(_in) + (nint)starts[s] * _in.Width, _in.Width)
                .CopyTo(new Span<float>(forward.Buffer(_out) + (nint)s * _in.Width, _in.Width));
    }
}

/// <summary>The mean of each sequence's rows, summed in double.</summary>
internal sealed unsafe class MeanPoolStep(MeanPool op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);

    public override void Run(CpuForward forward, in ForwardRun run) => forward.Parallel(this, 0, forward.Sequences);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        ReadOnlySpan<int> starts = forward.Starts(_in.Rows);
        int width = _in.Width, count = starts[task + 1] - starts[task];
        float* from = forward.Buffer(_in) + (nint)starts[task] * width, to = forward.Buffer(_out) + (nint)task * width;
        for (int i = 0; i < width; i++)
        {
            double sum = 0;
            for (int row = 0; row < count; row++)
                sum += from[(nint)row * width + i];
            to[i] = (float)(sum / count);
        }
    }
}

/// <summary>Each row over its Euclidean length.</summary>
internal sealed unsafe class UnitLengthStep(UnitLength op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(CpuForward forward, in ForwardRun run)
    {
        for (int row = 0; row < forward.Rows(_in.Rows); row++)
        {
            float* from = forward.Buffer(_in) + (nint)row * _in.Width, to = forward.Buffer(_out) + (nint)row * _in.Width;
            double squares = 0;
            for (int i = 0; i < _in.Width; i++)
                squares += (double)from[i] * from[i];
            double length = Math.Max(Math.Sqrt(squares), 1e-12);
            for (int i = 0; i < _in.Width; i++)
                to[i] = (float)(from[i] / length);
        }
    }
}

/// <summary>Copies a hidden state out, where the run asks for it.</summary>
internal sealed unsafe class TapStep(Tap op, CpuBackend backend) : CpuStep
{
    private readonly BufferSlot _in = backend.Slot(op.In);

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int count = forward.Rows(_in.Rows) * _in.Width;
        if (!run.Hidden.IsEmpty)
            new ReadOnlySpan<float>(forward.Buffer(_in), count).CopyTo(run.Hidden[(op.Index * count)..]);
    }
}
