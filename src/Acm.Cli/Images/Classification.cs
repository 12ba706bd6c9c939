using Acm.Runtime;

namespace Acm.Cli.Images;

/// <summary>One classified picture, and where its compute went.</summary>
internal sealed record Classification(
    string Path, byte[] Crop, int Class, string Label, double Probability, IReadOnlyList<(string Label, double Probability)> Top,
    double LearnerFraction, long Macs, long DenseMacs, AppliedBudget Budget, float[] TokenShare)
{
    /// <summary>From a run over one picture. <see cref="TokenShare"/>: per token, the cost-weighted share of all its learners that ran.</summary>
    public static Classification Of(AcmModel model, InferenceResult result, string path, byte[] crop)
    {
        double[] probabilities = Softmax(result.Output);
        (string Label, double Probability)[] top =
            [.. probabilities.Select((p, i) => (NameOf(model, i), p)).OrderByDescending(static pair => pair.p).Take(5)];
        float[] share = new float[result.Tokens];
        double cost = model.Sites.Sum(static site => (double)site.MacsPerLearner * site.Learners);
        for (int site = 0; site < model.Sites.Count; site++)
        {
            ReadOnlySpan<int> k = result.K(site);
            for (int token = 0; token < share.Length; token++)
                share[token] += (float)(k[token] * model.Sites[site].MacsPerLearner / cost);
        }
        if (model.Sites.Count == 0)
            Array.Fill(share, 1);
        int best = Array.IndexOf(probabilities, probabilities.Max());
        return new Classification(
            path, crop, Math.Max(best, 0), NameOf(model, Math.Max(best, 0)), best < 0 ? double.NaN : probabilities[best], top,
            result.LearnerFraction, result.Macs, result.DenseMacs, result.Budget, share);
    }

    private static string NameOf(AcmModel model, int index) => model.Labels?[index] ?? $"class {index}";

    private static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double highest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            highest = Math.Max(highest, logit);
        double[] p = new double[logits.Length];
        for (int i = 0; i < p.Length; i++)
            sum += p[i] = Math.Exp(logits[i] - highest);
        for (int i = 0; i < p.Length; i++)
            p[i] /= sum;
        return p;
    }
}
