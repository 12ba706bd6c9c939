using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>acm_up.cu and acm_down.cu, or where learners are small acm_project.cu, for up to three ACMs that share an input.</summary>
internal sealed class AcmStep : CudaStep
{
    private readonly AcmSite[] _sites;
    private readonly CudaStorage _in;
    private readonly CudaStorage[] _out, _hidden;
    private readonly (ulong W1, ulong B1, ulong W2, ulong B2)[] _weights;
    private readonly bool _residual;
    private readonly int _size;

    /// <param name="ops">The ACMs, all alike.</param>
    /// <param name="input">Elements they share.</param>
    /// <param name="outputs">One each: elements, or with a residual the floats they are added to.</param>
    /// <param name="backend">Keeps the weights.</param>
    public AcmStep(IReadOnlyList<AcmLayer> ops, CudaStorage input, CudaStorage[] outputs, CudaBackend backend)
    {
        (_sites, _in, _out, _residual) = ([.. ops.Select(static op => op.Site)], input, outputs, ops[0].Residual is not null);
        // Whole 16-byte words of a learner: smaller ones are filled up with columns of zeros.
        int word = 16 / backend.Element.Bytes();
        _size = (Like.LearnerSize + word - 1) / word * word;
        _hidden = [.. ops.Select((_, i) => new CudaStorage($"hidden {i}", input.Rows, Like.Learners * _size, backend.Element.Bytes()))];
        _weights = [.. _sites.Select((site, i) => Upload(site, outputs[i], backend))];
    }

    public override IReadOnlyList<CudaStorage> Uses => [_in, .. _hidden, .. _out];

    private AcmSite Like => _sites[0];

    public override void LoadKernels(CudaBackend backend, RunShape shape)
    {
        if (Project(backend, shape) is null)
            UpAndDown(backend, shape);
    }

    public override void Enqueue(CudaForward forward)
    {
        if (Project(forward.Backend, forward.Shape) is var (tile, kernel))
            EnqueueProject(forward, tile, kernel);
        else
            EnqueueUpAndDown(forward);
    }

    private int Columns => _residual ? WeightPacking.Pad8(_out[0].Columns) : _out[0].Pitch;

    private void EnqueueUpAndDown(CudaForward forward)
    {
        (TileShape upTile, CudaKernel up, TileShape downTile, CudaKernel down) = UpAndDown(forward.Backend, forward.Shape);
        ElementType element = forward.Backend.Element;
        int hiddenPitch = _hidden[0].Pitch, outPitch = _out[0].Pitch, rows = forward.Rows(_in.Rows);
        UpArgs upArgs = new()
        {
            XPitch = _in.Pitch, HiddenPitch = hiddenPitch, Steps = WeightPacking.Steps(_in.Columns, element), Learners = Like.Learners, LearnerSize = _size,
        };
        DownArgs downArgs = new()
        {
            HiddenPitch = hiddenPitch, OutPitch = outPitch, Steps = WeightPacking.Steps(_hidden[0].Columns, element),
            Learners = Like.Learners, LearnerSize = _size, Columns = Columns,
        };
        for (int i = 0; i < _sites.Length; i++)
        {
            Routed routed = forward.Routed(_sites[i]);
            ulong hidden = forward.Address(_hidden[i]);
            upArgs.Site[i] = new UpSite { X = forward.Address(_in), W1 = _weights[i].W1, B1 = _weights[i].B1, Order = routed.Order, Counts = routed.Counts, Hidden = hidden };
            downArgs.Site[i] = new DownSite { Hidden = hidden, W2 = _weights[i].W2, B2 = _weights[i].B2, Order = routed.Order, Counts = routed.Counts, Out = forward.Address(_out[i]) };
        }
        forward.Launch(up, new LaunchShape(new Dim3(Blocks(rows, upTile.M), hiddenPitch / upTile.N, _sites.Length), upTile.Threads, upTile.SharedBytes), upArgs);
        forward.Launch(down, new LaunchShape(new Dim3(Blocks(rows, downTile.M), outPitch / downTile.N, _sites.Length), downTile.Threads, downTile.SharedBytes), downArgs);
    }

    private void EnqueueProject(CudaForward forward, TileShape tile, CudaKernel kernel)
    {
        ElementType element = forward.Backend.Element;
        ProjectArgs args = new()
        {
            XPitch = _in.Pitch, HiddenPitch = _hidden[0].Pitch, OutPitch = _out[0].Pitch, Columns = Columns, Learners = Like.Learners, LearnerSize = _size,
            Steps1 = WeightPacking.Steps(_in.Columns, element), Steps2 = WeightPacking.Steps(_hidden[0].Columns, element),
        };
        for (int i = 0; i < _sites.Length; i++)
        {
            Routed routed = forward.Routed(_sites[i]);
            (ulong w1, ulong b1, ulong w2, ulong b2) = _weights[i];
            args.Site[i] = new ProjectSite
            {
                X = forward.Address(_in), W1 = w1, B1 = b1, W2 = w2, B2 = b2, Order = routed.Order, Counts = routed.Counts, Out = forward.Address(_out[i]),
            };
        }
        int shared = ProjectChoice.SharedBytes(tile, _in.Columns, _hidden[0].Columns, element.Bytes());
        forward.Launch(kernel, new LaunchShape(new Dim3(Blocks(forward.Rows(_in.Rows), tile.M), 1, _sites.Length), tile.Threads, shared), args);
    }

    private (TileShape, CudaKernel)? Project(CudaBackend backend, RunShape shape) =>
        Tiles.Project(backend, shape.Rows(_in.Rows), Like.Learners, (_in.Columns, _out[0].Columns, _size), _sites.Length) is not { } tile ? null
            : (tile, backend.Kernels.Get("acm_project", [Precision(backend), .. tile.Defines, Activation, Residual]));

    private (TileShape, CudaKernel, TileShape, CudaKernel) UpAndDown(CudaBackend backend, RunShape shape)
    {
        int rows = shape.Rows(_in.Rows);
        TileShape up = Tiles.Staircase(backend, rows, Like.Learners, _size, _in.Columns, _sites.Length);
        TileShape down = Tiles.Dense(backend, rows, _out[0].Columns, Like.Learners * _size, _sites.Length);
        return (
            up, backend.Kernels.Get("acm_up", [Precision(backend), .. up.Defines, Activation]),
            down, backend.Kernels.Get("acm_down", [Precision(backend), .. down.Defines, Residual]));
    }

    private string Activation => Define("ACTIVATION", Values.Macro(Like.Activation));

    private string Residual => Define("RESIDUAL", _residual ? 1 : 0);

    private static string Precision(CudaBackend backend) => Define("PRECISION", (int)backend.Element);

    private (ulong, ulong, ulong, ulong) Upload(AcmSite site, CudaStorage output, CudaBackend backend)
    {
        int units = site.Learners * site.LearnerSize, filled = site.Learners * _size;
        float[] w1 = Values.Of(site.W1), w2 = Values.Of(site.W2);
        float[]? b1 = site.B1 is null ? null : Values.Of(site.B1);
        int Stored(int unit) => unit % _size < site.LearnerSize ? unit / _size * site.LearnerSize + unit % _size : -1;
        float[] bias = new float[WeightPacking.Pad64(filled)];
        for (int u = 0; u < filled; u++)
            bias[u] = Stored(u) is >= 0 and int from && b1 is not null ? b1[from] : 0;
        return (
            backend.Keep<byte>(WeightPacking.Pack(
                (k, n) => _in.ModelColumn(k) is >= 0 and int row && Stored(n) is >= 0 and int unit ? w1[row * units + unit] : 0, _in.Columns, filled, backend.Element)),
            backend.Keep<float>(bias),
            backend.Keep<byte>(WeightPacking.Pack(
                (k, n) => Stored(k) is >= 0 and int unit && output.ModelColumn(n) is >= 0 and int column ? w2[unit * site.OutputWidth + column] : 0,
                filled, output.Columns, backend.Element)),
            site.B2 is null ? 0 : backend.Keep<float>(PrefixSums(site, Values.Of(site.B2), output)));
    }

    // Row k: what a token with k learners gets, b2's rows 0 to k.
    private static float[] PrefixSums(AcmSite site, float[] b2, CudaStorage output)
    {
        float[] sums = new float[(site.Learners + 1) * output.Pitch];
        for (int c = 0; c < output.Columns; c++)
        {
            int column = output.ModelColumn(c);
            double sum = 0;
            for (int k = 0; k <= site.Learners && column >= 0; k++)
                sums[k * output.Pitch + c] = (float)(sum += b2[k * site.OutputWidth + column]);
        }
        return sums;
    }
}
