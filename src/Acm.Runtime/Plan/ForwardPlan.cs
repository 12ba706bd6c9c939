namespace Acm.Runtime.Plan;

/// <summary>What a run feeds a plan with.</summary>
internal enum InputKind { Pixels, WordPieces, Samples }

/// <summary>A whole model as a list of ops: what a backend compiles. Immutable; holds no state of a run.</summary>
/// <param name="Input">What one sequence of the input is.</param>
/// <param name="InputWidth">Floats per unit of length: channels * size * size for pixels (length 1), 1 for ids and samples.</param>
/// <param name="Ops">In order.</param>
/// <param name="Output">The buffer that leaves: logits or embeddings.</param>
/// <param name="OutputName"><c>logits</c> or <c>embeddings</c>.</param>
/// <param name="Sites">Every ACM, in the order the forward meets them.</param>
/// <param name="Tokens">The row space of the transformer's layers, on which ACMs and hidden states live.</param>
/// <param name="HiddenCount">Number of taps: layers + 1.</param>
/// <param name="PublishedCode">True: the published code's off-by-one (a batch's learner number max(k) never runs).</param>
internal sealed record ForwardPlan(
    InputKind Input, int InputWidth, IReadOnlyList<Op> Ops, Buffer Output, string OutputName, IReadOnlyList<AcmSite> Sites,
    RowSpace Tokens, int HiddenCount, bool PublishedCode);
