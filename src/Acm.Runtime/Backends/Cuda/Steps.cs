using Acm.Native;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>A buffer a step reads or writes: float for the stream, else elements; rows are tokens or sequences.</summary>
internal readonly record struct CudaBuffer(Buffer Buffer, int Width, bool IsStream, bool PerSequence);

/// <summary>A step that needs buffers of the plan.</summary>
internal interface IUsesBuffers
{
    IReadOnlyList<CudaBuffer> Buffers { get; }
}

/// <summary>Where the residual stream is copied out, for runs that ask for hidden states.</summary>
internal sealed class TapStep(Buffer stream) : CudaStep
{
    public Buffer Stream => stream;

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
    }
}

/// <summary>patch.cu.</summary>
internal sealed class PatchStep : CudaStep, IUsesBuffers
{
    private readonly PatchEmbed _op;
    private readonly ulong _weight, _table;
    private readonly int _depth;
    private (TileShape Shape, CudaKernel Kernel)? _kernel;

    public PatchStep(PatchEmbed op, CudaBackend backend)
    {
        _op = op;
        int width = op.Out.Width, patches = op.ImageSize / op.PatchSize * (op.ImageSize / op.PatchSize), pitch = WeightPacking.Pad64(width);
        _depth = op.Channels * op.PatchSize * op.PatchSize;
        float[] weight = Values.Of(op.Weight), positions = Values.Of(op.Positions), token = Values.Of(op.ClassToken);
        float[]? bias = op.Bias is null ? null : Values.Of(op.Bias);
        _weight = backend.Keep<byte>(WeightPacking.Pack((k, n) => weight[n * _depth + k], _depth, width, backend.Element));
        float[] table = new float[(patches + 1) * pitch];
        for (int row = 0; row <= patches; row++)
            for (int c = 0; c < width; c++)
                table[row * pitch + c] = positions[row * width + c] + (row == 0 ? token[c] : bias?[c] ?? 0);
        _table = backend.Keep<float>(table);
    }

    public IReadOnlyList<CudaBuffer> Buffers => [new(_op.Out, _op.Out.Width, true, false)];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        TileShape shape = Tiles.Dense(backend, sequences * backend.Plan.Tokens.RowsOf(1), _op.Out.Width, _depth);
        _kernel = (shape, backend.Kernels.Get("patch", [Define("PRECISION", (int)backend.Element), .. shape.Defines, Define("PATCH_SIZE", _op.PatchSize)]));
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        (TileShape shape, CudaKernel kernel) = _kernel!.Value;
        int pitch = WeightPacking.Pad64(_op.Out.Width);
        kernel.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(forward.Tokens, shape.M), pitch / shape.N), shape.Threads, shape.SharedBytes), new PatchArgs
        {
            Pixels = forward.Pixels, W = _weight, Table = _table, X = forward.Buffer(_op.Out), Tokens = forward.TokenCount,
            XPitch = pitch, Columns = WeightPacking.Pad8(_op.Out.Width), Steps = WeightPacking.Steps(_depth, forward.Element),
            Channels = _op.Channels, Size = _op.ImageSize,
        });
    }
}

/// <summary>norm_gate.cu: a norm, or the gates that share an input, or both in one pass.</summary>
internal sealed class NormGateStep : CudaStep, IUsesBuffers
{
    private readonly LayerNorm? _norm;
    private readonly Buffer _in;
    private readonly AcmSite[] _sites;
    private readonly bool _classTokens;
    private readonly ulong _gamma, _beta;
    private readonly (ulong W, ulong B, ulong Later)[] _gates;
    private readonly int _outputs, _layers;
    private CudaKernel? _kernel;

    /// <param name="norm">The norm, or null: gates alone, over elements.</param>
    /// <param name="input">What is read.</param>
    /// <param name="sites">The gates; all of one shape.</param>
    /// <param name="classTokens">Only the first row of each sequence.</param>
    /// <param name="backend">Keeps the weights.</param>
    public NormGateStep(LayerNorm? norm, Buffer input, IReadOnlyList<AcmSite> sites, bool classTokens, CudaBackend backend)
    {
        (_norm, _in, _sites, _classTokens) = (norm, input, [.. sites], classTokens);
        if (norm is not null)
        {
            _gamma = backend.Keep<float>(Values.Of(norm.Weight));
            _beta = backend.Keep<float>(Values.Of(norm.Bias));
        }
        int width = input.Width, padded = (width + 127) / 128 * 128;
        _gates = new (ulong, ulong, ulong)[_sites.Length];
        for (int i = 0; i < _sites.Length; i++)
        {
            Gate gate = _sites[i].Gate;
            bool folds = gate.Layers.Count == 1 || gate.Activation == Activation.Identity;
            (double[] weight, double[] bias) = folds ? GateFolding.Fold(gate)
                : (GateFolding.Values(gate.Layers[0].Weight), GateFolding.Values(gate.Layers[0].Bias));
            (_outputs, _layers) = (bias.Length, folds ? 1 : gate.Layers.Count);
            float[] rows = new float[bias.Length * padded];
            for (int o = 0; o < bias.Length; o++)
                for (int c = 0; c < width; c++)
                    rows[o * padded + c] = (float)weight[o * width + c];
            float[] rest = folds ? [] : [.. gate.Layers.Skip(1).SelectMany(static layer => Values.Of(layer.Weight).Concat(Values.Of(layer.Bias)))];
            _gates[i] = (backend.Keep<float>(rows), backend.Keep<float>(Array.ConvertAll(bias, static v => (float)v)), rest.Length == 0 ? 0 : backend.Keep<float>(rest));
        }
    }

    public IReadOnlyList<CudaBuffer> Buffers =>
        _norm is null ? [] : [new(_norm.Out, _norm.Out.Width, false, _classTokens)];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        List<string> defines = [Define("PRECISION", (int)backend.Element), Define("NORM", _norm is null ? 0 : 1), Define("ACTIVATION", _norm is null ? 0 : Values.Macro(_norm.Activation))];
        if (_layers > 1)
            defines.AddRange([Define("GATE_LAYERS", _layers), Define("GATE_ACTIVATION", Values.Macro(_sites[0].Gate.Activation))]);
        _kernel = backend.Kernels.Get("norm_gate", [.. defines]);
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        int width = _in.Width, padded = (width + 127) / 128 * 128, rows = _classTokens ? forward.Sequences : forward.Tokens;
        NormGateArgs args = new()
        {
            X = forward.Buffer(_in), Gamma = _gamma, Beta = _beta, Y = _norm is null ? 0 : forward.Buffer(_norm.Out),
            Tokens = _classTokens ? forward.SequenceCount : forward.TokenCount, Rows = _classTokens ? forward.Offsets : 0, Finished = forward.Finished,
            XPitch = WeightPacking.Pad64(width), YPitch = WeightPacking.Pad64(width), Width = width,
            Gates = _sites.Length, Outputs = _outputs, Epsilon = (float)(_norm?.Epsilon ?? 0),
            Learners = _sites.Length == 0 ? 0 : _sites[0].Learners, MinK = _sites.Length == 0 ? 0 : _sites[0].MinK,
        };
        for (int i = 0; i < _sites.Length; i++)
            args.Gate[i] = new GateArgs
            {
                W = _gates[i].W, B = _gates[i].B, Rest = _gates[i].Later, Control = forward.Control(_sites[i]), Routed = forward.Routed(_sites[i]),
            };
        int shared = 8 * (padded + _sites.Length * _outputs) * 4 + 8 * (args.Learners + 1) * 4;
        _kernel!.LaunchStruct(stream, new LaunchShape(Blocks(rows, 8), 256, shared), args);
    }
}

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

/// <summary>dense.cu: up to three linear layers of one shape that share an input.</summary>
internal sealed class DenseStep : CudaStep, IUsesBuffers
{
    private readonly Linear[] _ops;
    private readonly (ulong W, ulong B)[] _weights;
    private readonly int _output;
    private readonly bool _perSequence;
    private (TileShape Shape, CudaKernel Kernel)? _kernel;

    /// <param name="ops">The layers.</param>
    /// <param name="output">OUTPUT of the kernel: 0 elements, 1 the run's output, 2 added to the stream.</param>
    /// <param name="backend">Keeps the weights.</param>
    public DenseStep(IReadOnlyList<Linear> ops, int output, CudaBackend backend)
    {
        (_ops, _output, _perSequence) = ([.. ops], output, output == 1);
        _weights = [.. ops.Select(op =>
        {
            int depth = op.In.Width, columns = op.Out.Width;
            float[] weight = Values.Of(op.Weight), bias = new float[WeightPacking.Pad64(columns)];
            if (op.Bias is not null)
                Values.Of(op.Bias).CopyTo(bias, 0);
            return (backend.Keep<byte>(WeightPacking.Pack((k, n) => weight[n * depth + k], depth, columns, backend.Element)), backend.Keep<float>(bias));
        })];
    }

    public IReadOnlyList<CudaBuffer> Buffers => _output == 0 ? [.. _ops.Select(static op => new CudaBuffer(op.Out, op.Out.Width, false, false))] : [];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        int rows = _perSequence ? sequences : sequences * backend.Plan.Tokens.RowsOf(1);
        TileShape shape = Tiles.Dense(backend, rows, _ops[0].Out.Width, _ops[0].In.Width, _ops.Length);
        _kernel = (shape, backend.Kernels.Get("dense",
            [Define("PRECISION", (int)backend.Element), .. shape.Defines, Define("ACTIVATION", Values.Macro(_ops[0].Activation)), Define("OUTPUT", _output)]));
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        (TileShape shape, CudaKernel kernel) = _kernel!.Value;
        int columns = _ops[0].Out.Width, pitch = WeightPacking.Pad64(columns), rows = _perSequence ? forward.Sequences : forward.Tokens;
        DenseArgs args = new()
        {
            Tokens = _perSequence ? forward.SequenceCount : forward.TokenCount, XPitch = WeightPacking.Pad64(_ops[0].In.Width), OutPitch = pitch,
            Steps = WeightPacking.Steps(_ops[0].In.Width, forward.Element), Columns = _output == 0 ? pitch : WeightPacking.Pad8(columns),
        };
        for (int i = 0; i < _ops.Length; i++)
            args.Site[i] = new DenseSite { X = forward.Buffer(_ops[i].In), W = _weights[i].W, B = _weights[i].B, Out = _output == 1 ? forward.Output : forward.Buffer(_ops[i].Out) };
        kernel.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(rows, shape.M), pitch / shape.N, _ops.Length), shape.Threads, shape.SharedBytes), args);
    }
}

/// <summary>attention.cu.</summary>
internal sealed class AttentionStep(Attention op) : CudaStep, IUsesBuffers
{
    private readonly int _head = op.Q.Width / op.Heads;
    private CudaKernel? _kernel;

    public IReadOnlyList<CudaBuffer> Buffers => [new(op.Out, op.Out.Width, false, false)];

    private int Keys(ElementType element) => element == ElementType.TF32 ? 32 : 64;

    public override void LoadKernels(CudaBackend backend, int sequences) => _kernel = backend.Kernels.Get("attention",
        Define("PRECISION", (int)backend.Element), Define("HEAD", _head), Define("KEYS", Keys(backend.Element)));

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        bool plain = forward.Element == ElementType.Float32;
        int shared = plain ? 4 * (_head + 32) * 4 : (64 + 4 * Keys(forward.Element)) * _head * forward.Element.Bytes();
        LaunchShape shape = new(new Dim3(Blocks(forward.TokensPerSequence, plain ? 4 : 64), op.Heads, forward.Sequences), 128, shared);
        int pitch = WeightPacking.Pad64(op.Q.Width);
        _kernel!.LaunchStruct(stream, shape, new AttentionArgs
        {
            Q = forward.Buffer(op.Q), K = forward.Buffer(op.K), V = forward.Buffer(op.V), Out = forward.Buffer(op.Out), Offsets = forward.Offsets,
            Pitch = pitch, OutPitch = pitch, Scale = (float)(1.4426950408889634 / Math.Sqrt(_head)),
        });
    }
}

/// <summary>Weights as floats, activations as the kernels number them.</summary>
internal static class Values
{
    public static float[] Of(Weight weight)
    {
        float[] values = new float[weight.Count];
        weight.CopyTo(values);
        return values;
    }

    public static int Macro(Activation activation) => activation switch
    {
        Activation.Gelu => 1,
        Activation.GeluTanh => 2,
        Activation.Relu => 3,
        _ => 0,
    };
}

/// <summary>Tile shapes for a backend's precision and device.</summary>
internal static class Tiles
{
    // What a trained model spends about half of: the widths of the stairs before a run has shown them.
    private const double ExpectedShare = 0.5;

    public static TileShape Staircase(CudaBackend backend, int tokens, int learners, int learnerColumns, int depth, int sites)
    {
        if (backend.Element == ElementType.Float32)
            return TileShape.Plain;
        Span<int> rows = stackalloc int[learners];
        for (int n = 0; n < learners; n++)
            rows[n] = (int)Math.Ceiling(tokens * Math.Min(1, 2 * ExpectedShare * (learners - n) / (learners + 1.0)));
        return TileChoice.Choose(backend.Figures, rows, learnerColumns, depth, backend.Element.Bytes(), sites);
    }

    public static TileShape Dense(CudaBackend backend, int rows, int columns, int depth, int sites = 1) =>
        backend.Element == ElementType.Float32 ? TileShape.Plain
            : TileChoice.Choose(backend.Figures, [rows], columns, depth, backend.Element.Bytes(), sites);
}
