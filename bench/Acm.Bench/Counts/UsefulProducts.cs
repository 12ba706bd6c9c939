using Acm.Runtime;
using Acm.Runtime.Plan;

namespace Acm.Bench.Counts;

/// <summary>The operations of a model's own products by the kernel that computes them, two a multiply-add: no padding, no rows that nobody asked for.</summary>
internal static class UsefulProducts
{
    /// <summary>For a batch of sequences of these lengths, with the learners that a run's result tells.</summary>
    public static Dictionary<string, double> Of(ForwardPlan plan, int[] lengths, InferenceResult result)
    {
        Dictionary<string, double> sums = [];
        foreach (Op op in plan.Ops)
            foreach (var (kernel, operations) in Of(op, lengths, result))
                sums[kernel] = sums.GetValueOrDefault(kernel) + operations;
        return sums;
    }

    private static IEnumerable<(string Kernel, double Operations)> Of(Op op, int[] lengths, InferenceResult result)
    {
        double Rows(RowSpace space) => lengths.Sum(length => (double)space.RowsOf(length));
        switch (op)
        {
            case PatchEmbed o:
                yield return ("patch", 2 * (Rows(o.Out.Rows) - lengths.Length) * o.Weight.Count);
                break;
            case Linear o:
                yield return ("dense", 2 * Rows(o.In.Rows) * o.Weight.Count);
                break;
            case Conv1d o:
                yield return ("conv1d", 2 * Rows(o.Out.Rows) * o.Weight.Count);
                break;
            case Attention o:
                yield return ("attention", 4 * lengths.Sum(length => Math.Pow(o.Q.Rows.RowsOf(length), 2)) * o.Q.Width);
                break;
            case AcmLayer o:
                double units = (double)result.K(o.Site.Path).ToArray().Sum() * o.Site.LearnerSize;
                yield return ("acm_up", 2 * units * o.Site.InputWidth);
                yield return ("acm_down", 2 * units * o.Site.OutputWidth);
                break;
        }
    }
}
