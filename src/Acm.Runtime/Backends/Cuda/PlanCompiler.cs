using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>From the plan's ops to launches: a norm with the gates that follow it, ACMs and linear layers that share an input side by side.</summary>
internal sealed class PlanCompiler(ForwardPlan plan, CudaBackend backend)
{
    private readonly List<CudaStep> _steps = [];
    private readonly HashSet<Buffer> _classTokens = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Buffer, Buffer> _sources = new(ReferenceEqualityComparer.Instance);
    private int _next;

    public IReadOnlyList<CudaStep> Compile()
    {
        if (plan.Input != InputKind.Pixels)
            throw Unserved("its input kind: vision models run on CUDA so far, text and speech on the CPU");
        if (plan.PublishedCode)
            throw Unserved("the published code's batch-dependent semantics; use the paper's, or the CPU");
        while (_next < plan.Ops.Count)
            Add(plan.Ops[_next++]);
        return _steps;
    }

    private void Add(Op op)
    {
        switch (op)
        {
            case PatchEmbed o:
                _steps.Add(new PatchStep(o, backend));
                break;
            case Tap o:
                _steps.Add(new TapStep(o.In));
                break;
            case SelectFirst o:
                _classTokens.Add(o.Out);
                _sources[o.Out] = o.In;
                break;
            case LayerNorm o:
                bool first = _classTokens.Contains(o.In);
                AcmSite[] gates = !first && Peek() is Route route && ReferenceEquals(route.In, o.Out) && SameShape(route) ? [.. route.Gates.Select(static g => g.Site)] : [];
                _next += gates.Length > 0 ? 1 : 0;
                _steps.Add(new NormGateStep(o, first ? _sources[o.In] : o.In, gates, first, backend));
                break;
            case Route o:
                // Gates of unlike shapes go one by one.
                foreach (AcmSite[] group in SameShape(o) ? [[.. o.Gates.Select(static g => g.Site)]] : o.Gates.Select(static g => new[] { g.Site }))
                    _steps.Add(new NormGateStep(null, o.In, group, false, backend));
                break;
            case AcmLayer o:
                List<AcmLayer> layers = [o];
                while (o.Residual is null && layers.Count < 3 && Peek() is AcmLayer next && next.Residual is null && ReferenceEquals(next.In, o.In) && Alike(next.Site, o.Site))
                {
                    layers.Add(next);
                    _next++;
                }
                RequireInPlace(o.Out, o.Residual);
                _steps.Add(new AcmStep(layers, backend));
                break;
            case Linear o:
                List<Linear> products = [o];
                while (o.Residual is null && products.Count < 3 && Peek() is Linear next && next.Residual is null && ReferenceEquals(next.In, o.In)
                    && next.Out.Width == o.Out.Width && next.Activation == o.Activation && !ReferenceEquals(next.Out, plan.Output))
                {
                    products.Add(next);
                    _next++;
                }
                RequireInPlace(o.Out, o.Residual);
                _steps.Add(new DenseStep(products, ReferenceEquals(o.Out, plan.Output) ? 1 : o.Residual is null ? 0 : 2, backend));
                break;
            case Attention o:
                if (o.Q.Width / o.Heads is not (16 or 32 or 64 or 128))
                    throw Unserved($"heads of {o.Q.Width / o.Heads}; 16, 32, 64 and 128 are served");
                _steps.Add(new AttentionStep(o));
                break;
            default:
                throw Unserved(op.GetType().Name);
        }
    }

    private Op? Peek() => _next < plan.Ops.Count ? plan.Ops[_next] : null;

    private static bool SameShape(Route route) => route.Gates.All(gate => Alike(gate.Site, route.Gates[0].Site));

    private static bool Alike(AcmSite a, AcmSite b) =>
        (a.Learners, a.LearnerSize, a.MinK, a.InputWidth, a.OutputWidth, a.Activation, a.Gate.Layers.Count, a.Gate.Activation, a.Gate.Layers[0].Bias.Count)
        == (b.Learners, b.LearnerSize, b.MinK, b.InputWidth, b.OutputWidth, b.Activation, b.Gate.Layers.Count, b.Gate.Activation, b.Gate.Layers[0].Bias.Count);

    private void RequireInPlace(Buffer output, Buffer? residual)
    {
        if (residual is not null && !ReferenceEquals(residual, output))
            throw Unserved("a residual that is not added in place");
    }

    private BackendUnavailableException Unserved(string what) =>
        new(backend.Name == "simulator" ? BackendKind.Simulator : BackendKind.Cuda, $"The CUDA backend does not serve {what}.");
}
