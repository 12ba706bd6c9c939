using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Reference;

/// <summary>The ACM itself: the gate's choice, and the layer at that choice. Section 1 of the design, line by line.</summary>
internal static class AdaptiveComputation
{
    /// <summary>k = argmax_i(logits_i - lambda * (i + minK)) + minK; the lowest index wins a tie, and a NaN among the logits gives minK.</summary>
    public static int Choose(ReadOnlySpan<double> logits, double lambda, int minK)
    {
        int best = 0;
        double highest = double.NegativeInfinity;
        for (int i = 0; i < logits.Length; i++)
        {
            double score = logits[i] - lambda * (i + minK);
            if (double.IsNaN(score))
            {
                return minK;
            }
            if (score > highest)
            {
                (best, highest) = (i, score);
            }
        }
        return best + minK;
    }

    /// <summary>The gate's logits for one row: its Linear layers one after the other, the activation between them.</summary>
    public static double[] Logits(ReadOnlySpan<double> x, Gate gate, Func<Weight, double[]> values)
    {
        double[] current = x.ToArray();
        for (int layer = 0; layer < gate.Layers.Count; layer++)
        {
            double[] next = new double[gate.Layers[layer].Bias.Count];
            Products.Linear(current, values(gate.Layers[layer].Weight), values(gate.Layers[layer].Bias), next);
            if (layer + 1 < gate.Layers.Count)
            {
                Functions.Apply(gate.Activation, next);
            }
            current = next;
        }
        return current;
    }

    /// <summary>The learners a row gets in the released code, where learner number <paramref name="highest"/> = max(k in the batch) never runs.</summary>
    public static int PublishedLearners(int k, int highest) => Math.Max(0, Math.Min(k, highest - 1));

    /// <summary>h(x, k) = act(x W1[:, :kD] + b1[:kD]) W2[:kD, :] + sum of b2's rows 0..k.</summary>
    public static void Layer(ReadOnlySpan<double> x, int k, AcmSite site, double[] w1, double[]? b1, double[] w2, double[]? b2, Span<double> h)
    {
        int units = k * site.LearnerSize, allUnits = site.Learners * site.LearnerSize;
        double[] hidden = new double[units];
        b1?.AsSpan(0, units).CopyTo(hidden);
        for (int i = 0; i < x.Length; i++)
        {
            for (int u = 0; u < units; u++)
            {
                hidden[u] += x[i] * w1[i * allUnits + u];
            }
        }
        Functions.Apply(site.Activation, hidden);
        h.Clear();
        for (int u = 0; u < units; u++)
        {
            for (int o = 0; o < h.Length; o++)
            {
                h[o] += hidden[u] * w2[u * h.Length + o];
            }
        }
        for (int n = 0; b2 is not null && n <= k; n++)
        {
            for (int o = 0; o < h.Length; o++)
            {
                h[o] += b2[n * h.Length + o];
            }
        }
    }
}
