using Acm.Native;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>acm_up.cu and acm_down.cu, for up to three ACMs that share an input.</summary>
internal sealed class AcmStep : CudaStep, IUsesBuffers
{
    private readonly AcmLayer[] _ops;
    private readonly AcmSite _like;
    private readonly Buffer[] _hidden;
    private readonly (ulong W1, ulong B1, ulong W2, ulong B2)[] _weights;
    private readonly bool _residual;
    private readonly int _size;
    private (TileShape UpShape, CudaKernel Up, TileShape DownShape, CudaKernel Down)? _kernels;

    public AcmStep(IReadOnlyList<AcmLayer> ops, CudaBackend backend)
    {
        _ops = [.. ops];
        _like = ops[0].Site;
        _residual = ops[0].Residual is not null;
        // Whole 16-byte words of a learner: smaller ones are filled up with columns of zeros.
        int word = 16 / backend.Element.Bytes();
        _size = (_like.LearnerSize + word - 1) / word * word;
        _hidden = [.. ops.Select((_, i) => new Buffer($"hidden {i}", ops[0].In.Rows, _like.Learners * _size))];
        _weights = [.. ops.Select(op => Upload(op.Site, backend))];
    }

    public IReadOnlyList<CudaBuffer> Buffers =>
        [.. _hidden.Select(static b => new CudaBuffer(b, b.Width, false, false)),
         .. _ops.Where(_ => !_residual).Select(static op => new CudaBuffer(op.Out, op.Out.Width, false, false))];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        int tokens = sequences * backend.Plan.Tokens.RowsOf(1);
        string precision = Define("PRECISION", (int)backend.Element);
        TileShape up = Tiles.Staircase(backend, tokens, _like.Learners, _size, _like.InputWidth, _ops.Length);
        TileShape down = Tiles.Dense(backend, tokens, _like.OutputWidth, _like.Learners * _size, _ops.Length);
        _kernels = (
            up, backend.Kernels.Get("acm_up", [precision, .. up.Defines, Define("ACTIVATION", Values.Macro(_like.Activation))]),
            down, backend.Kernels.Get("acm_down", [precision, .. down.Defines, Define("RESIDUAL", _residual ? 1 : 0)]));
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        (TileShape upShape, CudaKernel up, TileShape downShape, CudaKernel down) = _kernels!.Value;
        int hiddenPitch = WeightPacking.Pad64(_like.Learners * _size), outPitch = WeightPacking.Pad64(_like.OutputWidth);
        UpArgs upArgs = new()
        {
            XPitch = WeightPacking.Pad64(_like.InputWidth), HiddenPitch = hiddenPitch, Steps = WeightPacking.Steps(_like.InputWidth, forward.Element),
            Learners = _like.Learners, LearnerSize = _size,
        };
        DownArgs downArgs = new()
        {
            HiddenPitch = hiddenPitch, OutPitch = outPitch, Steps = WeightPacking.Steps(_like.Learners * _size, forward.Element),
            Learners = _like.Learners, LearnerSize = _size, Columns = _residual ? WeightPacking.Pad8(_like.OutputWidth) : outPitch,
        };
        for (int i = 0; i < _ops.Length; i++)
        {
            Routed routed = forward.Routed(_ops[i].Site);
            ulong hidden = forward.Buffer(_hidden[i]);
            upArgs.Site[i] = new UpSite { X = forward.Buffer(_ops[i].In), W1 = _weights[i].W1, B1 = _weights[i].B1, Order = routed.Order, Counts = routed.Counts, Hidden = hidden };
            downArgs.Site[i] = new DownSite { Hidden = hidden, W2 = _weights[i].W2, B2 = _weights[i].B2, Order = routed.Order, Counts = routed.Counts, Out = forward.Buffer(_ops[i].Out) };
        }
        up.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(forward.Tokens, upShape.M), hiddenPitch / upShape.N, _ops.Length), upShape.Threads, upShape.SharedBytes), upArgs);
        down.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(forward.Tokens, downShape.M), outPitch / downShape.N, _ops.Length), downShape.Threads, downShape.SharedBytes), downArgs);
    }

    private (ulong, ulong, ulong, ulong) Upload(AcmSite site, CudaBackend backend)
    {
        int units = site.Learners * site.LearnerSize, filled = site.Learners * _size, outPitch = WeightPacking.Pad64(site.OutputWidth);
        float[] w1 = Values.Of(site.W1), w2 = Values.Of(site.W2);
        float[]? b1 = site.B1 is null ? null : Values.Of(site.B1), b2 = site.B2 is null ? null : Values.Of(site.B2);
        int Stored(int unit) => unit % _size < site.LearnerSize ? unit / _size * site.LearnerSize + unit % _size : -1;
        float[] bias = new float[WeightPacking.Pad64(filled)];
        for (int u = 0; u < filled; u++)
            bias[u] = Stored(u) is >= 0 and int from && b1 is not null ? b1[from] : 0;
        ulong prefixes = 0;
        if (b2 is not null)
        {
            float[] sums = new float[(site.Learners + 1) * outPitch];
            double[] sum = new double[site.OutputWidth];
            for (int k = 0; k <= site.Learners; k++)
                for (int c = 0; c < site.OutputWidth; c++)
                    sums[k * outPitch + c] = (float)(sum[c] += b2[k * site.OutputWidth + c]);
            prefixes = backend.Keep<float>(sums);
        }
        return (
            backend.Keep<byte>(WeightPacking.Pack((k, n) => Stored(n) is >= 0 and int unit ? w1[k * units + unit] : 0, site.InputWidth, filled, backend.Element)),
            backend.Keep<float>(bias),
            backend.Keep<byte>(WeightPacking.Pack((k, n) => Stored(k) is >= 0 and int unit ? w2[unit * site.OutputWidth + n] : 0, filled, site.OutputWidth, backend.Element)),
            prefixes);
    }
}
