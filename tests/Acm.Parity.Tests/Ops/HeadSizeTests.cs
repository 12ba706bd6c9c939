using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Ops;

/// <summary>Attention with heads that fill no vector, next to the oracle's: what is NaN there, and nothing else, is NaN.</summary>
public class HeadSizeTests
{
    private static readonly int[] Lengths = [1, 31, 33, 57, 120, 3, 16, 17, 32, 48];

    [Test]
    public void Heads_of_any_size(
        [ValueSource(nameof(Backends))] int backend, [Values(1, 8, 17, 40, 72)] int size, [Values(1, 3)] int heads, [Values("none", "q", "k", "v")] string nan)
    {
        int width = heads * size, rows = Lengths.Sum();
        var random = new Random(size);
        OpBench bench = new(Lengths);
        Buffer q = Input("q", 4), k = Input("k", 4), v = Input("v", 1), y = new("y", bench.Rows, width);
        bench.Add(new Attention(q, k, v, y, heads));
        double[] want = bench.Run(OpBench.Backends[0].Make, y).Output, got = bench.Run(OpBench.Backends[backend].Make, y).Output;
        Assert.That(got.Select(double.IsNaN), Is.EqualTo(want.Select(double.IsNaN)));
        Assert.That(want.Any(double.IsNaN), Is.EqualTo(nan != "none"));
        Assert.That(got.Zip(want, static (a, b) => double.IsNaN(a) ? 0 : Math.Abs(a - b)).Max(), Is.LessThan(1e-5));

        // Values between -scale and scale; a NaN in the sequence of 57.
        Buffer Input(string name, float scale)
        {
            float[] values = [.. Enumerable.Range(0, rows * width).Select(_ => scale * (2 * random.NextSingle() - 1))];
            if (name == nan)
                values[((Lengths[..3].Sum() + 40) * width) + size - 1] = float.NaN;
            return bench.Input(name, values, width);
        }
    }

    /// <summary>Scores so far apart that a key gets all the weight, and so large that their rounding alone is many powers of e: the highest is subtracted as it is.</summary>
    [Test]
    public void Finite_scores_of_any_size([ValueSource(nameof(Backends))] int backend, [Values(1e3f, 1e6f, 1e12f, 1e17f)] float scale)
    {
        const int size = 32, heads = 2, width = size * heads;
        int rows = Lengths.Sum();
        var random = new Random(4);
        OpBench bench = new(Lengths);
        Buffer q = Input("q", scale), k = Input("k", scale), v = Input("v", 1), y = new("y", bench.Rows, width);
        bench.Add(new Attention(q, k, v, y, heads));
        double[] want = bench.Run(OpBench.Backends[0].Make, y).Output, got = bench.Run(OpBench.Backends[backend].Make, y).Output;
        Assert.That(got, Is.EqualTo(want).Within(1e-5));

        Buffer Input(string name, float most) => bench.Input(name, [.. Enumerable.Range(0, rows * width).Select(_ => most * (2 * random.NextSingle() - 1))], width);
    }

    public static IEnumerable<int> Backends() => Enumerable.Range(1, OpBench.Backends.Count - 1);
}
