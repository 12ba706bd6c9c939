using Acm.Native;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

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
