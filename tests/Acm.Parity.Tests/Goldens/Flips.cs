using Acm.Runtime;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>Choices of free gates against stored ones: a flip is excused where the stored margin is small, and in the layers after one of its own sequence.</summary>
internal static class Flips
{
    /// <summary>Fails on a flip without an excuse.</summary>
    /// <param name="result">A run with free gates.</param>
    /// <param name="want">The stored k by path, packed.</param>
    /// <param name="lead">By how much the winning logit leads, by site, packed.</param>
    /// <param name="margin">The lead below which a flip is excused.</param>
    /// <returns>Flips inside the margin.</returns>
    public static int Count(InferenceResult result, IReadOnlyDictionary<string, ReadOnlyMemory<int>> want, IReadOnlyList<float[]> lead, double margin)
    {
        int flips = 0, after = 0, choices = 0;
        float widest = 0;
        for (int sequence = 0, first = 0; sequence < result.Batch; first += result.TokensOf[sequence++])
        {
            bool flipped = false;
            for (int s = 0; s < result.Plan.Sites.Count; s++)
            {
                string path = result.Plan.Sites[s].Path;
                var expected = want[path].Span;
                bool here = flipped;
                for (int t = first; t < first + result.TokensOf[sequence]; t++)
                {
                    choices++;
                    if (result.K(s)[t] == expected[t])
                    {
                        continue;
                    }
                    Assert.That(flipped || lead[s][t] < margin, $"k of token {t} at {path}, margin {lead[s][t]}");
                    here = true;
                    flips += flipped ? 0 : 1;
                    after += flipped ? 1 : 0;
                    widest = flipped ? widest : Math.Max(widest, lead[s][t]);
                }
                flipped = here;
            }
        }
        TestContext.Out.WriteLine($"of {choices} choices, {flips} flips inside the margin of {margin} (the widest at {widest:E1}), {after} in layers after one");
        return flips;
    }
}
