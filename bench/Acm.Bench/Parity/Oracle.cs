using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;

namespace Acm.Bench.Parity;

/// <summary>What Reference made of some images, in double: logits, the residual stream after each layer, and at each ACM k and the lead of the winning logit.</summary>
internal sealed class Oracle
{
    private Oracle(ForwardPlan plan, int images)
    {
        int tokens = images * plan.Tokens.RowsOf(1);
        Output = new double[images * plan.Output.Width];
        K = [.. plan.Sites.Select(_ => new int[tokens])];
        Lead = [.. plan.Sites.Select(_ => new double[tokens])];
        Spread = new double[plan.Sites.Count];
    }

    public double[] Output { get; }

    /// <summary>0 the embeddings, i what layer i - 1 puts out.</summary>
    public List<double[]> Hidden { get; } = [];

    public List<int[]> K { get; }

    /// <summary>By how much the chosen logit leads the next, by site and token.</summary>
    public List<double[]> Lead { get; }

    /// <summary>How far a site's logits vary from token to token: the root of their mean variance.</summary>
    public double[] Spread { get; }

    /// <summary>One run. The gates' inputs are read off by taps that the plan has not, so that Reference itself stays as it is.</summary>
    public static Oracle Run(ForwardPlan plan, float[] pixels, RoutingRule routing)
    {
        int images = pixels.Length / plan.InputWidth, taps = plan.HiddenCount;
        List<(Route Op, int Tap)> routes = [];
        List<Op> ops = [];
        foreach (Op op in plan.Ops)
        {
            if (op is Route route)
            {
                routes.Add((route, taps));
                ops.Add(new Tap(route.In, taps++));
            }
            ops.Add(op);
        }
        Oracle result = new(plan, images);
        int each = images * plan.Tokens.RowsOf(1) * plan.Ops.OfType<Tap>().First().In.Width;
        double[] states = new double[taps * each];
        int[] choices = new int[plan.Sites.Count * result.K[0].Length];
        using ReferenceBackend reference = new(plan with { Ops = ops, HiddenCount = taps });
        using IForward forward = reference.CreateForward(images, images);
        forward.Run(new ForwardRun
        {
            Lengths = Enumerable.Repeat(1, images).ToArray(), Values = pixels, Routing = routing, Output = default, Choices = choices, ExactOutput = result.Output, ExactHidden = states,
        });
        for (int i = 0; i < plan.HiddenCount; i++)
            result.Hidden.Add(states[(i * each)..((i + 1) * each)]);
        for (int s = 0; s < plan.Sites.Count; s++)
            choices.AsSpan(s * result.K[s].Length, result.K[s].Length).CopyTo(result.K[s]);
        Dictionary<Weight, double[]> values = new(ReferenceEqualityComparer.Instance);
        foreach ((Route op, int tap) in routes)
            foreach ((AcmSite site, _) in op.Gates)
                result.ReadGate(plan.Sites.ToList().IndexOf(site), site, states.AsMemory(tap * each, each), weight => values.TryGetValue(weight, out double[]? known) ? known : values[weight] = Exact(weight));
        return result;
    }

    private void ReadGate(int index, AcmSite site, ReadOnlyMemory<double> inputs, Func<Weight, double[]> values)
    {
        double[][] logits = [.. Enumerable.Range(0, K[index].Length).Select(t => AdaptiveComputation.Logits(inputs.Span.Slice(t * site.InputWidth, site.InputWidth), site.Gate, values))];
        for (int t = 0; t < logits.Length; t++)
        {
            double[] sorted = [.. logits[t].OrderDescending()];
            Lead[index][t] = sorted[0] - sorted[1];
        }
        double[] variances = [.. Enumerable.Range(0, logits[0].Length).Select(c =>
        {
            double mean = logits.Average(row => row[c]);
            return logits.Average(row => (row[c] - mean) * (row[c] - mean));
        })];
        Spread[index] = Math.Sqrt(variances.Average());
    }

    private static double[] Exact(Weight weight)
    {
        double[] values = new double[weight.Count];
        weight.CopyTo(values);
        return values;
    }
}
