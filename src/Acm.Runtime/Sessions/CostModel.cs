using System.Runtime.CompilerServices;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>Counts multiply-adds: gates as stored, learners at each row's k, and everything dense.</summary>
internal sealed class CostModel
{
    private readonly ForwardPlan _plan;
    private readonly (RowSpace Rows, long AllLearners, long Dense, long Gate)[] _sites;
    private readonly (RowSpace Rows, long Macs)[] _perRow;
    private readonly (RowSpace Queries, RowSpace Keys, long Macs)[] _perPairOfRows;

    /// <param name="plan">What is run.</param>
    /// <param name="intermediateSize">Hidden units of the dense MLP that an MLP site stands for.</param>
    public CostModel(ForwardPlan plan, int intermediateSize)
    {
        _plan = plan;
        _sites = [.. plan.Sites.Select(site => (
            plan.Ops.OfType<AcmLayer>().First(op => ReferenceEquals(op.Site, site)).In.Rows,
            site.Learners * site.MacsPerLearner,
            site.Kind == "mlp" ? (long)intermediateSize * (site.InputWidth + site.OutputWidth) : (long)site.InputWidth * site.OutputWidth,
            site.GateMacs))];
        _perRow = [.. plan.Ops.Select(PerRow).Where(static part => part.Macs > 0)
            .GroupBy(static part => part.Rows, static part => part.Macs).Select(static group => (group.Key, group.Sum()))];
        _perPairOfRows = [.. plan.Ops.OfType<Attention>().Select(static op => (op.Q.Rows, op.K.Rows, 2L * op.Q.Width))
            .GroupBy(static part => (part.Item1, part.Item2), static part => part.Item3).Select(static group => (group.Key.Item1, group.Key.Item2, group.Sum()))];
    }

    /// <summary>MACs of a run, those of the dense model, and the cost-weighted share of learners that ran.</summary>
    /// <param name="lengths">Input length of each sequence.</param>
    /// <param name="tokens">Rows of all sequences at the ACMs.</param>
    /// <param name="k">[sites, tokens], filled from the left with the rows that each site ran on.</param>
    /// <param name="rule">Which gates were skipped.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
        foreach (var (queries, keys, macs) in _perPairOfRows)
        {
            foreach (int length in lengths)
            {
                fixedPart += (long)queries.RowsOf(length) * keys.RowsOf(length) * macs;
            }
        }
        long learners = 0, all = 0, dense = 0, gates = 0;
        for (int s = 0; s < _sites.Length; s++)
        {
            int rows = _sites[s].Rows == _plan.Tokens ? tokens : lengths.Length;
            long sum = 0;
            foreach (int count in k.Slice(s * tokens, rows))
            {
                sum += count;
            }
            learners += sum * _plan.Sites[s].MacsPerLearner;
            all += rows * _sites[s].AllLearners;
            dense += rows * _sites[s].Dense;
            bool skipped = rule.FixedLearners is not null || rule.Forced?[s] is not null;
            gates += skipped ? 0 : rows * _sites[s].Gate;
        }
        return (fixedPart + gates + learners, fixedPart + dense, all == 0 ? 1 : (double)learners / all);
    }

    private static (RowSpace Rows, long Macs) PerRow(Op op) => op switch
    {
        // The class token is no product: its row's share is taken off by counting patches only.
        PatchEmbed o => (new RowSpace("patches", length => o.Out.Rows.RowsOf(length) - 1), o.Weight.Count),
        Linear o => (o.Out.Rows, o.Weight.Count),
        Conv1d o => (o.Out.Rows, o.Weight.Count),
        _ => (RowSpace.Sequence, 0),
    };
}
