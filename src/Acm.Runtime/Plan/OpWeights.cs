namespace Acm.Runtime.Plan;

/// <summary>The parameters a plan holds, for whoever loads them or counts them.</summary>
internal static class OpWeights
{
    /// <summary>Every weight of a plan once.</summary>
    public static IEnumerable<Weight> Of(ForwardPlan plan) => plan.Ops.SelectMany(Of).Distinct();

    /// <summary>The weights of one op.</summary>
    public static IEnumerable<Weight> Of(Op op) => All(op).OfType<Weight>();

    private static IEnumerable<Weight?> All(Op op) => op switch
    {
        PatchEmbed o => [o.Weight, o.Bias, o.ClassToken, o.Positions],
        TokenEmbed o => [o.Words, o.Positions, o.Types],
        LayerNorm o => [o.Weight, o.Bias],
        ChannelNorm o => [o.Weight, o.Bias],
        Linear o => [o.Weight, o.Bias],
        Conv1d o => [o.Weight, o.Bias],
        AcmLayer o => [o.Site.W1, o.Site.B1, o.Site.W2, o.Site.B2],
        Route o => o.Gates.SelectMany(static gate => gate.Site.Gate.Layers).SelectMany<GateLayer, Weight?>(static layer => [layer.Weight, layer.Bias]),
        _ => [],
    };
}
