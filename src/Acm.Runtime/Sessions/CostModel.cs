using Acm.Runtime.Backends;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>Counts multiply-adds: gates as stored, learners at each row's k, and everything dense.</summary>
internal sealed class CostModel
{
    private readonly ForwardPlan _plan;
    private readonly long _allLearnersPerToken;
    private readonly long _denseSitesPerToken;
    private readonly long[] _gateMacs;
    private readonly (RowSpace Rows, long Macs)[] _perRow;
    private readonly (RowSpace Rows, long Macs)[] _perPairOfRows;

    /// <param name="plan">What is run.</param>
    /// <param name="intermediateSize">Hidden units of the dense MLP that an MLP site stands for.</param>
    public CostModel(ForwardPlan plan, int intermediateSize)
    {
        _plan = plan;
        _allLearnersPerToken = plan.Sites.Sum(static site => site.Learners * site.MacsPerLearner);
        _denseSitesPerToken = plan.Sites.Sum(site => site.Kind == "mlp"
            ? (long)intermediateSize * (site.InputWidth + site.OutputWidth)
            : (long)site.InputWidth * site.OutputWidth);
        _gateMacs = [.. plan.Sites.Select(static site => site.GateMacs)];
        _perRow = Summed(plan.Ops.Select(PerRow).Where(static part => part.Macs > 0));
        _perPairOfRows = Summed(plan.Ops.OfType<Attention>().Select(static op => (op.Q.Rows, 2L * op.Q.Width)));
    }

    /// <summary>MACs of a run, those of the dense model, and the cost-weighted share of learners that ran.</summary>
    /// <param name="lengths">Input length of each sequence.</param>
    /// <param name="tokens">Rows of all sequences at the ACMs.</param>
    /// <param name="k">[sites, tokens].</param>
    /// <param name="rule">Which gates were skipped.</param>
    public (long Macs, long DenseMacs, double LearnerFraction) Of(ReadOnlySpan<int> lengths, int tokens, ReadOnlySpan<int> k, RoutingRule rule)
    {
        long fixedPart = 0;
        foreach (var (rows, macs) in _perRow)
        {
            foreach (int length in lengths)
            {
                fixedPart += rows.RowsOf(length) * macs;
            }
        }
        foreach (var (rows, macs) in _perPairOfRows)
        {
            foreach (int length in lengths)
            {
                long count = rows.RowsOf(length);
                fixedPart += count * count * macs;
            }
        }
        long learners = 0, gates = 0;
        for (int s = 0; s < _plan.Sites.Count; s++)
        {
            var site = _plan.Sites[s];
            long sum = 0;
            foreach (int count in k.Slice(s * tokens, tokens))
            {
                sum += count;
            }
            learners += sum * site.MacsPerLearner;
            bool skipped = rule.FixedLearners is not null || rule.Forced?[s] is not null;
            gates += skipped ? 0 : tokens * _gateMacs[s];
        }
        double fraction = _allLearnersPerToken == 0 ? 1 : (double)learners / (_allLearnersPerToken * tokens);
        return (fixedPart + gates + learners, fixedPart + _denseSitesPerToken * tokens, fraction);
    }

    private static (RowSpace Rows, long Macs)[] Summed(IEnumerable<(RowSpace Rows, long Macs)> parts) =>
        [.. parts.GroupBy(static part => part.Rows, static part => part.Macs).Select(static group => (group.Key, group.Sum()))];

    private static (RowSpace Rows, long Macs) PerRow(Op op) => op switch
    {
        // The class token is no product: its row's share is taken off by counting patches only.
        PatchEmbed o => (new RowSpace("patches", length => o.Out.Rows.RowsOf(length) - 1), o.Weight.Count),
        Linear o => (o.Out.Rows, o.Weight.Count),
        Conv1d o => (o.Out.Rows, o.Weight.Count),
        _ => (RowSpace.Sequence, 0),
    };
}
