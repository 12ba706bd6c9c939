using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>An op of the plan, its weights packed. Holds nothing of a run: that is the forward's.</summary>
internal abstract class CpuStep
{
    /// <summary>Carries the op out.</summary>
    public abstract void Run(CpuForward forward, in ForwardRun run);

    /// <summary>One task of a phase that <see cref="Run"/> has spread over the threads.</summary>
    public virtual void Execute(CpuForward forward, int phase, int task, int worker) => throw new NotSupportedException();

    public static CpuStep For(Op op, CpuBackend backend) => op switch
    {
        PatchEmbed o => new PatchEmbedStep(o, backend),
        TokenEmbed o => new TokenEmbedStep(o, backend),
        LoadSamples o => new LoadSamplesStep(o, backend),
        LayerNorm o => new LayerNormStep(o, backend),
        ChannelNorm o => new ChannelNormStep(o, backend),
        Linear o => new LinearStep(o, backend),
        Route o => new RouteStep(o, backend),
        AcmLayer o => new AcmStep(o, backend),
        Attention o => new AttentionStep(o, backend),
        Conv1d o => new Conv1dStep(o, backend),
        SelectFirst o => new SelectFirstStep(o, backend),
        MeanPool o => new MeanPoolStep(o, backend),
        UnitLength o => new UnitLengthStep(o, backend),
        Tap o => new TapStep(o, backend),
        _ => throw new NotSupportedException($"The CPU backend does not know the op {op.GetType().Name}."),
    };
}
