using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// The gates of every ACM that reads one buffer: purely linear ones folded, in double, into one affine map each and computed in one product;
/// then argmax and a counting sort per ACM.
/// </summary>
internal sealed unsafe class RouteStep : CpuStep
{
    private readonly BufferSlot _in;
    private readonly (AcmSite Site, int Choice, int Index)[] _sites;
    private readonly List<GateProduct> _products = [];
    private readonly int[] _logitColumns;
    private readonly int _width;

    private sealed record GateProduct(PackedMatrix[] Weight, nint Bias, Activation Activation, int Outputs, int LogitColumn, bool First);

    public RouteStep(Route op, CpuBackend backend)
    {
        _in = backend.Slot(op.In);
        _sites = [.. op.Gates.Select(gate => (gate.Site, backend.Slot(gate.K), IndexOf(backend.Plan, gate.Site)))];
        _logitColumns = new int[_sites.Length];
        var folded = new List<(double[] Weight, double[] Bias)>();
        int width = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < _sites.Length; i++)
            {
                Gate gate = _sites[i].Site.Gate;
                bool folds = !backend.UnfoldedGates && (gate.Layers.Count == 1 || gate.Activation == Activation.Identity);
                if (folds != (pass == 0))
                    continue;
                _logitColumns[i] = width;
                width += gate.Layers[^1].Bias.Count;
                if (folds)
                    folded.Add(GateFolding.Fold(gate));
                else
                    AddChain(gate, _logitColumns[i], backend);
            }
        _width = width;
        if (folded.Count > 0)
            _products.Insert(0, Product([.. folded.SelectMany(static f => f.Weight)], [.. folded.SelectMany(static f => f.Bias)],
                Activation.Identity, 0, true, backend));
    }

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int rows = forward.Rows(_in.Rows);
        RoutingRule rule = run.Routing;
        float* logits = null;
        if (rule.FixedLearners is null && !AllForced(rule))
            logits = Logits(forward, rows);
        for (int i = 0; i < _sites.Length; i++)
        {
            (AcmSite site, int slot, int index) = _sites[i];
            Choices choices = forward.Choice(slot);
            choices.Need(rows, site.Learners);
            if (rule.FixedLearners is { } width)
                new Span<int>(choices.K, rows).Fill(Math.Min(width, site.Learners));
            else if (rule.Forced?[index] is { } forced)
                forced.Span.CopyTo(new Span<int>(choices.K, rows));
            else
                Choose(logits + _logitColumns[i], rows, site, rule.Lambda, choices.K);
            choices.Sort(rows, site.Learners);
            if (!run.Choices.IsEmpty)
                new ReadOnlySpan<int>(choices.K, rows).CopyTo(run.Choices[(index * rows)..]);
        }
    }

    private bool AllForced(RoutingRule rule)
    {
        if (rule.Forced is null)
            return false;
        foreach (var (_, _, index) in _sites)
            if (rule.Forced[index] is null)
                return false;
        return true;
    }

    private float* Logits(CpuForward forward, int rows)
    {
        float* logits = forward.Scratch(0, (long)rows * _width);
        float* input = forward.Buffer(_in);
        int depth = _in.Width, stage = 0;
        foreach (GateProduct product in _products)
        {
            if (product.First)
            {
                input = forward.Buffer(_in);
                depth = _in.Width;
            }
            bool last = product.LogitColumn >= 0;
            float* target = last ? logits + product.LogitColumn : forward.Scratch(1 + stage % 2, (long)rows * product.Outputs);
            forward.ClearBlocks();
            forward.AddRows(input, depth, 0, rows, depth);
            forward.Multiply(new GemmCall
            {
                Weights = product.Weight,
                Stride = depth,
                Epilogue = new Epilogue
                {
                    Bias = (float*)product.Bias, Activation = product.Activation, Out = target, OutStride = last ? _width : product.Outputs,
                },
            });
            input = target;
            depth = product.Outputs;
            stage++;
        }
        return logits;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Choose(float* logits, int rows, AcmSite site, double lambda, int* k)
    {
        int outputs = site.Learners + 1 - site.MinK;
        for (int row = 0; row < rows; row++, logits += _width)
        {
            int best = 0;
            double highest = double.NegativeInfinity;
            for (int i = 0; i < outputs; i++)
            {
                double score = logits[i] - lambda * (i + site.MinK);
                if (double.IsNaN(score))
                {
                    best = 0;
                    break;
                }
                if (score > highest)
                    (best, highest) = (i, score);
            }
            k[row] = best + site.MinK;
        }
    }

    private void AddChain(Gate gate, int column, CpuBackend backend)
    {
        for (int layer = 0; layer < gate.Layers.Count; layer++)
        {
            bool last = layer + 1 == gate.Layers.Count;
            _products.Add(Product(
                GateFolding.Values(gate.Layers[layer].Weight), GateFolding.Values(gate.Layers[layer].Bias),
                last ? Activation.Identity : gate.Activation, last ? column : -1, layer == 0, backend));
        }
    }

    private static GateProduct Product(double[] weight, double[] bias, Activation activation, int column, bool first, CpuBackend backend) => new(
        [backend.Own(PackedMatrix.FromOutputMajor(Array.ConvertAll(weight, static v => (float)v), bias.Length, weight.Length / bias.Length))],
        (nint)backend.Keep(Array.ConvertAll(bias, static v => (float)v)), activation, bias.Length, column, first);

    private static int IndexOf(ForwardPlan plan, AcmSite site)
    {
        for (int i = 0; i < plan.Sites.Count; i++)
            if (ReferenceEquals(plan.Sites[i], site))
                return i;
        throw new InvalidOperationException($"The ACM {site.Path} is not among the plan's sites.");
    }
}
