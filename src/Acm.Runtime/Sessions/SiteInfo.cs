using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>One Adaptive Computation Module of a model.</summary>
/// <param name="Path">Dotted path in the package; forced routing and <see cref="InferenceResult.K(string)"/> use it.</param>
/// <param name="Kind">Which layer it stands in for: <c>mlp</c>, <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>, <c>o_proj</c>.</param>
/// <param name="Layer">Index of the transformer layer, from 0.</param>
/// <param name="Learners">N: the most learners a token can get.</param>
/// <param name="LearnerSize">Hidden units of one learner.</param>
/// <param name="MinK">The fewest learners the gate can choose.</param>
/// <param name="InputWidth">Width of a token on the way in.</param>
/// <param name="OutputWidth">Width of a token on the way out.</param>
/// <param name="Activation">Between a learner's two matrices: <c>gelu</c>, <c>gelu_tanh</c>, <c>relu</c>, <c>identity</c>.</param>
/// <param name="MacsPerLearner">Multiply-adds of one learner on one token.</param>
/// <param name="GateMacs">Multiply-adds of the gate on one token, its layers counted as stored.</param>
public sealed record SiteInfo(
    string Path, string Kind, int Layer, int Learners, int LearnerSize, int MinK, int InputWidth, int OutputWidth,
    string Activation, long MacsPerLearner, long GateMacs)
{
    internal static SiteInfo Of(AcmSite site) => new(
        site.Path, site.Kind, site.Layer, site.Learners, site.LearnerSize, site.MinK, site.InputWidth, site.OutputWidth,
        Activations.NameOf(site.Activation), site.MacsPerLearner, site.GateMacs);
}
