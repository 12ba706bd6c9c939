using Acm.Runtime.Backends.Cuda;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cuda;

public class TileChoiceTests
{
    private static readonly (string Name, DeviceFigures Figures)[] Profiles =
    [
        ("T4", DeviceFigures.Of(40, 64 << 10, 75)), ("A100", DeviceFigures.Of(108, 164 << 10, 80)),
        ("RTX 4090", DeviceFigures.Of(128, 100 << 10, 89)), ("H100", DeviceFigures.Of(132, 228 << 10, 90)),
    ];

    [Test]
    public void The_choice_for_expected_routing_is_near_the_best_for_what_routing_brings()
    {
        double worst = 0;
        foreach (var (name, figures) in Profiles)
            for (int tokens = 1; tokens <= 25_216; tokens += tokens < 400 ? 1 : 61)
            {
                int[] expected = Stairs(tokens, 0.5);
                foreach (double share in new[] { 0.25, 0.44, 0.5, 0.71, 1 })
                {
                    int[] rows = Stairs(tokens, share);
                    TileShape chosen = TileChoice.Choose(figures, rows, 768, 768, 2);
                    double clocks = TileChoice.Clocks(figures, chosen, rows, 768, 768, 2, 1);
                    double best = TileShape.Candidates.Where(shape => shape.SharedBytes <= figures.SharedBytes)
                        .Min(shape => TileChoice.Clocks(figures, shape, rows, 768, 768, 2, 1));
                    Assert.That(clocks, Is.LessThanOrEqualTo(best * 1.1), $"{name}, {tokens} tokens, {share:P0}");
                    TileShape planned = TileChoice.Choose(figures, expected, 768, 768, 2);
                    worst = Math.Max(worst, TileChoice.Clocks(figures, planned, rows, 768, 768, 2, 1) / best);
                }
            }
        TestContext.Out.WriteLine($"a tile planned for a share of 0.5 costs at most {worst:0.00} times the best at other shares, by the model's counts");
    }

    [Test]
    public void One_image_fills_the_device()
    {
        foreach (var (name, figures) in Profiles)
        {
            int[] rows = Stairs(197, 1);
            TileShape shape = TileChoice.Choose(figures, rows, 768, 768, 2);
            int tiles = rows.Sum(learner => (learner + shape.M - 1) / shape.M * (768 / shape.N));
            Assert.That(tiles, Is.GreaterThanOrEqualTo(0.6 * figures.Multiprocessors), $"{name}: {tiles} tiles of {shape.M} x {shape.N}");
        }
    }

    private static int[] Stairs(int tokens, double share) =>
        [.. Enumerable.Range(0, 4).Select(n => (int)Math.Ceiling(tokens * Math.Min(1, share * 2 * (4 - n) / 5.0)))];
}
