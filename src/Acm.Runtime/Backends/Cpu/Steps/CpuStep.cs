using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>An op of the plan, its weights packed. Holds nothing of a run: that is the forward's.</summary>
internal abstract class CpuStep
{
    /// <summary>Carries the op out.</summary>
    public abstract void Run(CpuForward forward, in ForwardRun run);

    /// <summary>One task of a phase that <see cref="Run"/> has spread over the threads.</summary>
    public virtual void Execute(CpuForward forward, int phase, int task, int worker) => throw new NotSupportedException();

    /// <summary>The ops this step stands for.</summary>
    public IReadOnlyList<Op> Ops { get; private init; } = [];

    /// <summary>The steps of a plan: an op each, but neighbours that can share a pass over the rows are one.</summary>
    /// <param name="ops">The plan's.</param>
    /// <param name="backend">Owns the weights.</param>
    /// <param name="made">Steps to take where they stand for the same ops.</param>
    public static CpuStep[] For(IReadOnlyList<Op> ops, CpuBackend backend, CpuStep[] made)
    {
        var steps = new List<CpuStep>();
        for (int i = 0; i < ops.Count; i += steps[^1].Ops.Count)
        {
            Op[] these = [.. ops.Skip(i).Take(Together(ops, i))];
            steps.Add(Array.Find(made, step => step.Ops.SequenceEqual(these, ReferenceEqualityComparer.Instance)) ?? For(these, backend));
        }
        return [.. steps];
    }

    // How many ops from one on are one step: a norm and the gates that read it, or layers that read the same rows and nothing of each other.
    private static int Together(IReadOnlyList<Op> ops, int first)
    {
        if (ops[first] is LayerNorm norm)
            return first + 1 < ops.Count && ops[first + 1] is Route route && route.In == norm.Out ? 2 : 1;
        int count = 1;
        while (count < CpuForward.MostProducts && first + count < ops.Count && AreAlike(ops[first], ops[first + count]))
            count++;
        return count;
    }

    private static bool AreAlike(Op one, Op other) => (one, other) switch
    {
        (AcmLayer { Residual: null } a, AcmLayer { Residual: null } b) => a.In == b.In && a.Out != a.In && b.Out != a.In,
        (Linear { Residual: null } a, Linear { Residual: null } b) => a.In == b.In && a.Out != a.In && b.Out != a.In,
        _ => false,
    };

    private static CpuStep For(Op[] ops, CpuBackend backend) => ops switch
    {
        [LayerNorm norm, Route route] => new RouteStep(route, new LayerNormStep(norm, backend), backend) { Ops = ops },
        [Linear, ..] => new LinearStep([.. ops.Cast<Linear>()], backend) { Ops = ops },
        [AcmLayer, ..] => new AcmStep([.. ops.Cast<AcmLayer>()], backend) { Ops = ops },
        _ => For(ops[0], backend),
    };

    private static CpuStep For(Op op, CpuBackend backend) => op switch
    {
        PatchEmbed o => new PatchEmbedStep(o, backend) { Ops = [o] },
        TokenEmbed o => new TokenEmbedStep(o, backend) { Ops = [o] },
        LoadSamples o => new LoadSamplesStep(o, backend) { Ops = [o] },
        LayerNorm o => new LayerNormStep(o, backend) { Ops = [o] },
        ChannelNorm o => new ChannelNormStep(o, backend) { Ops = [o] },
        Route o => new RouteStep(o, null, backend) { Ops = [o] },
        Attention o => new AttentionStep(o, backend) { Ops = [o] },
        Conv1d o => new Conv1dStep(o, backend) { Ops = [o] },
        SelectFirst o => new SelectFirstStep(o, backend) { Ops = [o] },
        MeanPool o => new MeanPoolStep(o, backend) { Ops = [o] },
        UnitLength o => new UnitLengthStep(o, backend) { Ops = [o] },
        Tap o => new TapStep(o, backend) { Ops = [o] },
        _ => throw new NotSupportedException($"The CPU backend does not know the op {op.GetType().Name}."),
    };
}
