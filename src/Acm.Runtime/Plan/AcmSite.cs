namespace Acm.Runtime.Plan;

/// <summary>An elementwise function. Gelu is x/2 (1 + erf(x / sqrt 2)); GeluTanh the tanh form.</summary>
internal enum Activation { Identity, Gelu, GeluTanh, Relu }

/// <summary>One Linear of a gate: <c>y = x W^T + b</c>, <paramref name="Weight"/> [out, in], <paramref name="Bias"/> [out].</summary>
internal sealed record GateLayer(Weight Weight, Weight Bias);

/// <summary>
/// A gate: Linear layers with <paramref name="Activation"/> between them (none after the last). Output i means k = i + MinK;
/// the lowest index wins a tie; a row whose logits hold a NaN gets MinK.
/// </summary>
internal sealed record Gate(IReadOnlyList<GateLayer> Layers, Activation Activation);

/// <summary>
/// An Adaptive Computation Module's parameters. For a row x and its k:
/// <c>h = act(x W1[:, :kD] + B1[:kD]) W2[:kD, :] + sum of B2's rows 0..k</c>.
/// </summary>
/// <param name="Path">Dotted path in the package; routing tensors are called <c>k.{Path}</c>.</param>
/// <param name="Kind">Which of the five sites it stands at: <c>mlp</c>, <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>, <c>o_proj</c>.</param>
/// <param name="Layer">Index of the transformer layer, from 0.</param>
/// <param name="Learners">N.</param>
/// <param name="LearnerSize">D.</param>
/// <param name="MinK">0 where a residual carries the row, else 1.</param>
/// <param name="InputWidth">d_in.</param>
/// <param name="OutputWidth">d_out.</param>
/// <param name="Activation">act.</param>
/// <param name="W1">[d_in, N*D].</param>
/// <param name="B1">[N*D] or null.</param>
/// <param name="W2">[N*D, d_out].</param>
/// <param name="B2">[(N+1)*d_out] or null.</param>
/// <param name="Gate">Chooses k from the ACM's own input.</param>
internal sealed record AcmSite(
    string Path, string Kind, int Layer, int Learners, int LearnerSize, int MinK, int InputWidth, int OutputWidth,
    Activation Activation, Weight W1, Weight? B1, Weight W2, Weight? B2, Gate Gate)
{
    /// <summary>Multiply-adds of one learner on one row.</summary>
    public long MacsPerLearner => (long)LearnerSize * (InputWidth + OutputWidth);

    /// <summary>Multiply-adds of the gate on one row, its layers counted as stored (a linear chain is folded when it runs).</summary>
    public long GateMacs => Gate.Layers.Sum(static layer => (long)layer.Weight.Count);
}
