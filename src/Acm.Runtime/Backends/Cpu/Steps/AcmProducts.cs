using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// An ACM over each lane's rows sorted by descending k: up as a staircase (learner n runs on the first rows only), down with each run of equal k summed
/// over its own learners only and stored once, at its row's own place.
/// </summary>
internal sealed unsafe class AcmProducts
{
    private readonly AcmSite _site;
    private readonly BufferSlot _in, _out;
    private readonly BufferSlot? _residual;
    private readonly int _choice, _hidden;
    private readonly bool _publishedCode;
    private readonly PackedMatrix[] _up, _down;
    private readonly float* _upBias;
    private readonly float*[]? _downBias;

    /// <param name="op">The ACM.</param>
    /// <param name="hidden">Which scratch memory of the forward's holds its hidden units.</param>
    /// <param name="backend">Owns the weights.</param>
    public AcmProducts(AcmLayer op, int hidden, CpuBackend backend)
    {
        _site = op.Site;
        (_in, _out) = (backend.Slot(op.In), backend.Slot(op.Out));
        _residual = op.Residual is null ? null : backend.Slot(op.Residual);
        _choice = backend.Slot(op.K);
        _hidden = hidden;
        _publishedCode = backend.Plan.PublishedCode;
        _up = [backend.Own(backend.Packing.InputMajor(_site.W1, _site.InputWidth, Units))];
        _down = [backend.Own(backend.Packing.InputMajor(_site.W2, Units, _site.OutputWidth))];
        _upBias = backend.KeepOrNull(_site.B1);
        if (_site.B2 is { } b2)
            _downBias = Prefixes(CpuBackend.Values(b2), backend);
    }

    private int Units => _site.Learners * _site.LearnerSize;

    // Rows at a multiple of the page size would all fall into the same few cache lines.
    private int HiddenPitch => Units + GemmKernels.Columns / 2;

    private int EndsEach => _site.Learners + 2;

    /// <summary>Takes how many rows each learner has, and memory for the products.</summary>
    /// <param name="forward">The run's.</param>
    /// <param name="run">How k was chosen.</param>
    /// <param name="lanes">Lanes of its rows.</param>
    /// <param name="ends">[lanes, N + 2], to be filled: where a lane's rows with k of at least n end.</param>
    public void Begin(CpuForward forward, in ForwardRun run, int lanes, int* ends)
    {
        new ReadOnlySpan<int>(forward.Choice(_choice).Ends(0), lanes * EndsEach).CopyTo(new Span<int>(ends, lanes * EndsEach));
        if (_publishedCode && run.Routing.FixedLearners is null)
            DropHighest(ends, lanes);
        forward.Scratch(_hidden, (long)ends[(lanes - 1) * EndsEach + 1] * HiddenPitch);
    }

    /// <summary>Adds a lane's product into the hidden units.</summary>
    public void Up(CpuForward forward, int* ends, int lane)
    {
        ends += lane * EndsEach;
        int start = ends[_site.Learners + 1];
        forward.AddRows(forward.Buffer(_in), _in.Width, start, ends[1] - start, _in.Width, from: forward.Choice(_choice).Order + start);
        forward.Add(new GemmCall
        {
            Weights = _up,
            Stride = _in.Width,
            LearnerRows = ends,
            LearnerSize = _site.LearnerSize,
            Epilogue = new Epilogue { Bias = _upBias, Activation = _site.Activation, Out = forward.Scratch(_hidden, 0), OutStride = HiddenPitch },
        });
    }

    /// <summary>Adds a lane's product out of the hidden units.</summary>
    public void Down(CpuForward forward, int* ends, int lane)
    {
        ends += lane * EndsEach;
        float* hidden = forward.Scratch(_hidden, 0);
        for (int k = _site.Learners; k >= 0; k--)
            // A row without learners costs nothing where it stands in its residual already.
            if (k > 0 || _downBias is not null || _residual != _out)
                forward.AddRows(hidden + (nint)ends[k + 1] * HiddenPitch, HiddenPitch, ends[k + 1], ends[k] - ends[k + 1], k * _site.LearnerSize,
                    bias: _downBias is null ? null : _downBias[k]);
        forward.Add(new GemmCall
        {
            Weights = _down,
            Stride = HiddenPitch,
            Epilogue = new Epilogue
            {
                Out = forward.Buffer(_out),
                OutStride = _out.Width,
                OutRows = forward.Choice(_choice).Order,
                Residual = _residual is { } residual ? forward.Buffer(residual) : null,
                ResidualStride = _out.Width,
            },
        });
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
    private void DropHighest(int* ends, int lanes)
    {
        int highest = 0, learners = _site.Learners;
        for (int lane = 0; lane < lanes; lane++)
            for (int n = 1; n <= learners; n++)
                if (ends[lane * EndsEach + n] > Start(lane))
                    highest = Math.Max(highest, n);
        for (int lane = 0; lane < lanes && highest > 0; lane++)
            ends[lane * EndsEach + highest] = Start(lane);

        int Start(int lane) => ends[lane * EndsEach + learners + 1];
    }
}
