using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>From the plan's ops to launches: a norm with the gates that follow it, ACMs and linear layers that share an input side by side.</summary>
internal sealed class PlanCompiler(ForwardPlan plan, CudaBackend backend)
{
    private readonly List<CudaStep> _steps = [];
    private readonly StorageMap _map = new(plan, backend.Element);
    private readonly Dictionary<Buffer, Buffer> _firstRows = new(ReferenceEqualityComparer.Instance);
    private Buffer? _samples;
    private int _next;

    /// <summary>The steps, and where the last of them leaves the output: floats.</summary>
    /// <exception cref="BackendUnavailableException">The plan holds something the kernels do not serve.</exception>
    public (IReadOnlyList<CudaStep> Steps, CudaStorage Output) Compile()
    {
        try
        {
            while (_next < plan.Ops.Count)
                Add(plan.Ops[_next++]);
            return (_steps, _map.ReadFloats(plan.Output));
        }
        catch (NotSupportedException e)
        {
            throw new BackendUnavailableException(backend.Kind, $"The CUDA backend does not serve {e.Message}.");
        }
    }

    private void Add(Op op)
    {
        switch (op)
        {
            case PatchEmbed o:
                _steps.Add(new PatchStep(o, _map.WriteFloats(o.Out), backend));
                break;
            case TokenEmbed o:
                _steps.Add(new EmbedStep(o, _map.WriteFloats(o.Out), backend));
                break;
            case LoadSamples o:
                _samples = o.Out;
                break;
            case Tap o:
                _steps.Add(new TapStep(_map.ReadFloats(o.In), o.Index));
                break;
            case SelectFirst o:
                if (!TryPool(o.In, o.Out, first: true))
                    _firstRows[o.Out] = o.In;
                break;
            case MeanPool o:
                if (!TryPool(o.In, o.Out, first: false))
                    throw new NotSupportedException("a mean that is not the output");
                break;
            case LayerNorm o:
                AddNorm(o);
                break;
            case ChannelNorm o:
                bool asFloats = _map.NeedsFloats(o.Out);
                _steps.Add(new ChannelNormStep(o, _map.ReadFloats(o.In), asFloats ? _map.WriteFloats(o.Out) : _map.Elements(o.Out), asFloats, backend));
                AddElements(o.Out, asFloats);
                break;
            case Route o:
                // Gates of unlike shapes go one by one.
                foreach (AcmSite[] group in SameShape(o) ? [Sites(o)] : o.Gates.Select(static g => new[] { g.Site }))
                    _steps.Add(new NormGateStep(_map.Elements(o.In), Served(group), backend));
                break;
            case AcmLayer o:
                AddAcm(o);
                break;
            case Linear o:
                AddLinear(o);
                break;
            case Conv1d o:
                (CudaStorage target, int kind) = Target(o.Out, o.Residual);
                _steps.Add(new ConvStep(o, ReferenceEquals(o.In, _samples) ? null : _map.Elements(o.In), target, kind, backend));
                AddElements(o.Out, kind != 0);
                break;
            case Attention o:
                if (HeadLayout.StoredFor(o.Q.Width / o.Heads) == 0)
                    throw new NotSupportedException($"heads of {o.Q.Width / o.Heads}; up to 128 are served");
                _steps.Add(new AttentionStep(o, _map.Elements(o.Q), _map.Elements(o.K), _map.Elements(o.V), _map.Elements(o.Out)));
                break;
            default:
                throw new NotSupportedException(op.GetType().Name);
        }
    }

    private void AddNorm(LayerNorm o)
    {
        if (_firstRows.TryGetValue(o.In, out Buffer? all))
        {
            _steps.Add(new NormGateStep(o, _map.ReadFloats(all), false, _map.Elements(o.Out), [], backend));
            return;
        }
        bool inPlace = _map.NeedsFloats(o.Out);
        CudaStorage floats = _map.ReadFloats(o.In);
        if (inPlace)
            _map.WriteFloats(o.Out);
        // What is copied out between the norm and the gates is copied out after both.
        List<Tap> taps = [.. plan.Ops.Skip(_next).TakeWhile(static next => next is Tap).Cast<Tap>()];
        AcmSite[] gates = [];
        if (plan.Ops.Skip(_next + taps.Count).FirstOrDefault() is Route route && ReferenceEquals(route.In, o.Out) && SameShape(route))
        {
            gates = Sites(route);
            _next += taps.Count + 1;
        }
        else
            taps.Clear();
        _steps.Add(new NormGateStep(o, floats, inPlace, inPlace && !_map.NeedsElements(o.Out) ? null : _map.Elements(o.Out), Served(gates), backend));
        foreach (Tap tap in taps)
            Add(tap);
    }

    private void AddAcm(AcmLayer o)
    {
        List<AcmLayer> layers = [o];
        while (o.Residual is null && layers.Count < 3 && Peek() is AcmLayer next && next.Residual is null && ReferenceEquals(next.In, o.In) && Alike(next.Site, o.Site))
        {
            layers.Add(next);
            _next++;
        }
        if (o.Residual is null && layers.Any(layer => _map.NeedsFloats(layer.Out)))
            throw new NotSupportedException("an ACM without a residual whose output is read as floats");
        _steps.Add(new AcmStep(layers, _map.Elements(o.In), [.. layers.Select(layer => Target(layer.Out, layer.Residual).Storage)], backend));
        AddElements(o.Out, o.Residual is not null);
    }

    private void AddLinear(Linear o)
    {
        List<Linear> products = [o];
        bool shared = o.Residual is null && !_map.NeedsFloats(o.Out);
        while (shared && products.Count < 3 && Peek() is Linear next && next.Residual is null && ReferenceEquals(next.In, o.In)
            && next.Out.Width == o.Out.Width && next.Activation == o.Activation && !_map.NeedsFloats(next.Out))
        {
            products.Add(next);
            _next++;
        }
        int kind = 0;
        CudaStorage[] targets = [.. products.Select(product =>
        {
            (CudaStorage storage, kind) = Target(product.Out, product.Residual);
            return storage;
        })];
        _steps.Add(new DenseStep(products, _map.Elements(o.In), targets, kind, backend));
        AddElements(o.Out, kind != 0);
    }

    // Where a product goes, and how: 0 elements, 1 floats, 2 added to the residual's floats, which become the output's.
    private (CudaStorage Storage, int Kind) Target(Buffer output, Buffer? residual)
    {
        if (residual is not null)
        {
            _map.ReadFloats(residual);
            return (_map.WriteFloats(output), 2);
        }
        return _map.NeedsFloats(output) ? (_map.WriteFloats(output), 1) : (_map.Elements(output), 0);
    }

    // Floats that are read as elements too.
    private void AddElements(Buffer buffer, bool isFloats)
    {
        if (isFloats && _map.NeedsElements(buffer))
            _steps.Add(new ConvertStep(_map.ReadFloats(buffer), _map.Elements(buffer)));
    }

    private bool TryPool(Buffer input, Buffer pooled, bool first)
    {
        Buffer output = pooled;
        if (Peek() is UnitLength unit && ReferenceEquals(unit.In, pooled))
            output = unit.Out;
        if (!ReferenceEquals(output, plan.Output))
            return false;
        _next += ReferenceEquals(output, pooled) ? 0 : 1;
        _steps.Add(new PoolStep(_map.ReadFloats(input), _map.WriteFloats(output), first, !ReferenceEquals(output, pooled)));
        return true;
    }

    private Op? Peek() => _next < plan.Ops.Count ? plan.Ops[_next] : null;

    private static AcmSite[] Sites(Route route) => [.. route.Gates.Select(static g => g.Site)];

    private static AcmSite[] Served(AcmSite[] sites)
    {
        foreach (Gate gate in sites.Select(static site => site.Gate))
            if (gate.Activation != Activation.Identity && gate.Layers.Count > 1 && gate.Layers[0].Bias.Count > NormGateStep.WidestGate)
                throw new NotSupportedException($"gates with an activation and {gate.Layers[0].Bias.Count} hidden units; up to {NormGateStep.WidestGate} are served");
        return sites;
    }

    private static bool SameShape(Route route) => route.Gates.All(gate => Alike(gate.Site, route.Gates[0].Site));

    private static bool Alike(AcmSite a, AcmSite b) =>
        (a.Learners, a.LearnerSize, a.MinK, a.InputWidth, a.OutputWidth, a.Activation, a.Gate.Layers.Count, a.Gate.Activation, a.Gate.Layers[0].Bias.Count)
        == (b.Learners, b.LearnerSize, b.MinK, b.InputWidth, b.OutputWidth, b.Activation, b.Gate.Layers.Count, b.Gate.Activation, b.Gate.Layers[0].Bias.Count);
}
