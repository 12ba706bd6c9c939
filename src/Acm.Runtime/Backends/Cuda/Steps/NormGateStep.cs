using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>norm_gate.cu: a norm, or the gates that share an input, or both in one pass.</summary>
internal sealed class NormGateStep : CudaStep
{
    private readonly LayerNorm? _norm;
    private readonly CudaStorage _in;
    private readonly CudaStorage? _elements;
    private readonly AcmSite[] _sites;
    private readonly bool _inPlace;
    private readonly RowSpace _rows;
    private readonly ulong _gamma, _beta;
    private readonly (ulong W, ulong B, ulong Later)[] _gates;
    private readonly int _outputs, _layers;

    /// <summary>A norm.</summary>
    /// <param name="norm">The norm.</param>
    /// <param name="input">Floats.</param>
    /// <param name="inPlace">Whether they are replaced by what comes out.</param>
    /// <param name="elements">Where what comes out goes as elements, or null: nowhere.</param>
    /// <param name="sites">The gates that read it; all of one shape.</param>
    /// <param name="backend">Keeps the weights.</param>
    public NormGateStep(LayerNorm norm, CudaStorage input, bool inPlace, CudaStorage? elements, IReadOnlyList<AcmSite> sites, CudaBackend backend)
        : this(input, norm.Out.Rows, sites, backend)
    {
        (_norm, _inPlace, _elements) = (norm, inPlace, elements);
        _gamma = backend.Keep<float>(Values.Of(norm.Weight));
        _beta = backend.Keep<float>(Values.Of(norm.Bias));
    }

    /// <summary>Gates alone.</summary>
    /// <param name="input">Elements.</param>
    /// <param name="sites">The gates; all of one shape.</param>
    /// <param name="backend">Keeps the weights.</param>
    public NormGateStep(CudaStorage input, IReadOnlyList<AcmSite> sites, CudaBackend backend)
        : this(input, input.Rows, sites, backend)
    {
    }

    private NormGateStep(CudaStorage input, RowSpace rows, IReadOnlyList<AcmSite> sites, CudaBackend backend)
    {
        (_in, _rows, _sites) = (input, rows, [.. sites]);
        _gates = new (ulong, ulong, ulong)[_sites.Length];
        for (int i = 0; i < _sites.Length; i++)
        {
            Gate gate = _sites[i].Gate;
            bool folds = gate.Layers.Count == 1 || gate.Activation == Activation.Identity;
            (double[] weight, double[] bias) = folds ? GateFolding.Fold(gate)
                : (GateFolding.Values(gate.Layers[0].Weight), GateFolding.Values(gate.Layers[0].Bias));
            (_outputs, _layers) = (bias.Length, folds ? 1 : gate.Layers.Count);
            float[] rest = folds ? [] : [.. gate.Layers.Skip(1).SelectMany(static layer => Values.Of(layer.Weight).Concat(Values.Of(layer.Bias)))];
            _gates[i] = (
                backend.Keep<float>(Rows(weight, _outputs, input)), backend.Keep<float>(Array.ConvertAll(bias, static v => (float)v)),
                rest.Length == 0 ? 0 : backend.Keep<float>(rest));
        }
    }

    /// <summary>The widest hidden layer of a gate with activations that the kernel keeps.</summary>
    public const int WidestGate = 64;

    public override IReadOnlyList<CudaStorage> Uses => _elements is null ? [_in] : [_in, _elements];

    private int Learners => _sites.Length == 0 ? 0 : _sites[0].Learners;

    // As norm_gate.cu lays it out.
    private int SharedBytes => 8 * (Pad128(_in.Columns) + _sites.Length * _outputs) * 4;

    /// <exception cref="BackendUnavailableException">The rows are too wide for the device.</exception>
    public override void LoadKernels(CudaBackend backend, RunShape shape)
    {
        int needed = Kernel(backend).StaticSharedBytes + SharedBytes, most = backend.Context.Device.MaxSharedBytesPerBlock;
        if (needed > most)
            throw new BackendUnavailableException(
                backend.Kind, $"The CUDA backend does not serve norms and gates of rows as wide as {_in.Columns} on this device: a block needs {needed} bytes of shared memory for them and can have {most}.");
    }

    public override void Enqueue(CudaForward forward)
    {
        // The norm of first rows only (class tokens): its rows are sequences, its input's are not.
        bool firstRows = !ReferenceEquals(_rows, _in.Rows);
        NormGateArgs args = new()
        {
            X = forward.Address(_in), Gamma = _gamma, Beta = _beta, Y = _elements is null ? 0 : forward.Address(_elements),
            Tokens = forward.Count(_rows), Rows = firstRows ? forward.Offsets(_in.Rows) : 0, Finished = forward.Finished,
            XPitch = _in.Pitch, YPitch = _in.Pitch, Width = _in.Columns,
            Gates = _sites.Length, Outputs = _outputs, Epsilon = (float)(_norm?.Epsilon ?? 0),
            Learners = Learners, MinK = _sites.Length == 0 ? 0 : _sites[0].MinK,
        };
        for (int i = 0; i < _sites.Length; i++)
            args.Gate[i] = new GateArgs
            {
                W = _gates[i].W, B = _gates[i].B, Rest = _gates[i].Later, Control = forward.Control(_sites[i]), Routed = forward.Routed(_sites[i]),
            };
        forward.Launch(Kernel(forward.Backend), new LaunchShape(Blocks(forward.Rows(_rows), 8), 256, SharedBytes), args);
    }

    private CudaKernel Kernel(CudaBackend backend)
    {
        List<string> defines = [Define("PRECISION", (int)backend.Element), Define("NORM", _norm is null ? 0 : _inPlace ? 2 : 1), Define("ACTIVATION", _norm is null ? 0 : Values.Macro(_norm.Activation))];
        if (_layers > 1)
            defines.AddRange([Define("GATE_LAYERS", _layers), Define("GATE_ACTIVATION", Values.Macro(_sites[0].Gate.Activation))]);
        return backend.Kernels.Get("norm_gate", [.. defines]);
    }

    // A gate's first matrix, its rows laid out as the input's are and padded.
    private static float[] Rows(double[] weight, int outputs, CudaStorage input)
    {
        int padded = Pad128(input.Columns), width = weight.Length / outputs;
        float[] rows = new float[outputs * padded];
        for (int o = 0; o < outputs; o++)
            for (int c = 0; c < input.Columns; c++)
                rows[o * padded + c] = input.ModelColumn(c) is >= 0 and int from ? (float)weight[o * width + from] : 0;
        return rows;
    }

    private static int Pad128(int width) => (width + 127) / 128 * 128;
}
