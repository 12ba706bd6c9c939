using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// An ACM over its rows sorted by descending k: up as a staircase (learner n runs on the first rows only), down with each run of equal k summed over
/// its own learners only and stored once, at its row's own place.
/// </summary>
internal sealed unsafe class AcmStep : CpuStep
{
    private const int RowsPerTask = 64;
    private readonly AcmSite _site;
    private readonly BufferSlot _in, _out;
    private readonly BufferSlot? _residual;
    private readonly int _choice;
    private readonly bool _publishedCode;
    private readonly PackedMatrix[] _up, _down;
    private readonly float* _upBias;
    private readonly float*[]? _downBias;

    public AcmStep(AcmLayer op, CpuBackend backend)
    {
        _site = op.Site;
        (_in, _out) = (backend.Slot(op.In), backend.Slot(op.Out));
        _residual = op.Residual is null ? null : backend.Slot(op.Residual);
        _choice = backend.Slot(op.K);
        _publishedCode = backend.Plan.PublishedCode;
        int units = _site.Learners * _site.LearnerSize;
        _up = [backend.Own(backend.Packing.InputMajor(_site.W1, _site.InputWidth, units))];
        _down = [backend.Own(backend.Packing.InputMajor(_site.W2, units, _site.OutputWidth))];
        _upBias = backend.KeepOrNull(_site.B1);
        if (_site.B2 is { } b2)
            _downBias = Prefixes(CpuBackend.Values(b2), backend);
    }

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        Choices choices = forward.Choice(_choice);
        int rows = forward.Rows(_in.Rows), learners = _site.Learners, units = learners * _site.LearnerSize;
        int* counts = stackalloc int[learners + 2];
        new ReadOnlySpan<int>(choices.Counts, learners + 2).CopyTo(new Span<int>(counts, learners + 2));
        if (_publishedCode && run.Routing.FixedLearners is null)
            DropHighest(counts, learners);

        // Rows at a multiple of the page size would all fall into the same few cache lines.
        int pitch = units + GemmKernels.Columns / 2, active = counts[1];
        float* hidden = forward.Scratch(1, (long)active * pitch);
        float* sorted = forward.Buffer(_in);
        if (!choices.InOrder)
        {
            sorted = forward.Scratch(0, (long)choices.Counts[1] * _in.Width);
            forward.Parallel(this, 0, (choices.Counts[1] + RowsPerTask - 1) / RowsPerTask);
        }

        forward.ClearBlocks();
        forward.AddRows(sorted, _in.Width, 0, active, _in.Width);
        forward.Multiply(new GemmCall
        {
            Weights = _up,
            Stride = _in.Width,
            LearnerRows = counts,
            LearnerSize = _site.LearnerSize,
            Epilogue = new Epilogue { Bias = _upBias, Activation = _site.Activation, Out = hidden, OutStride = pitch },
        });

        forward.ClearBlocks();
        for (int k = learners; k >= 0; k--)
            // A row without learners costs nothing where it stands in its residual already.
            if (k > 0 || _downBias is not null || _residual != _out)
                forward.AddRows(hidden + (nint)counts[k + 1] * pitch, pitch, counts[k + 1], counts[k] - counts[k + 1], k * _site.LearnerSize,
                    bias: _downBias is null ? null : _downBias[k]);
        forward.Multiply(new GemmCall
        {
            Weights = _down,
            Stride = pitch,
            Epilogue = new Epilogue
            {
                Out = forward.Buffer(_out),
                OutStride = _out.Width,
                OutRows = choices.Order,
                Residual = _residual is { } residual ? forward.Buffer(residual) : null,
                ResidualStride = _out.Width,
            },
        });
    }

    /// <summary>Gathers a share of the rows that have learners, in their sorted order.</summary>
    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        Choices choices = forward.Choice(_choice);
        float* input = forward.Buffer(_in), sorted = forward.Scratch(0, 0);
        int end = Math.Min((task + 1) * RowsPerTask, choices.Counts[1]);
        for (int row = task * RowsPerTask; row < end; row++)
            new ReadOnlySpan<float>(input + (nint)choices.Order[row] * _in.Width, _in.Width)
                .CopyTo(new Span<float>(sorted + (nint)row * _in.Width, _in.Width));
    }

    // Row k: b2's rows 0..k added up, in double as a sum over few terms of any size.
    private float*[] Prefixes(float[] b2, CpuBackend backend)
    {
        int width = _site.OutputWidth;
        double[] sum = new double[width];
        float*[] prefixes = new float*[_site.Learners + 1];
        for (int k = 0; k <= _site.Learners; k++)
        {
            for (int i = 0; i < width; i++)
                sum[i] += b2[k * width + i];
            prefixes[k] = backend.Keep(Array.ConvertAll(sum, static value => (float)value));
        }
        return prefixes;
    }

    // The released code never runs learner number max(k in the batch).
    private static void DropHighest(int* counts, int learners)
    {
        int highest = 0;
        for (int n = 1; n <= learners; n++)
            if (counts[n] > 0)
                highest = n;
        if (highest > 0)
            counts[highest] = 0;
    }
}
