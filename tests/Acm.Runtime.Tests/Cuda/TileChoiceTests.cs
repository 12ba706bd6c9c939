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

    // What a launch of the forward is to the choice: columns of a learner, learners, terms, sites.
    private static readonly (string Name, int LearnerColumns, int Learners, int Depth, int Sites)[] Launches =
        [("mlp up", 768, 4, 768, 1), ("mlp down", 768, 1, 3072, 1), ("q k v up", 96, 4, 768, 3), ("q k v down", 768, 1, 384, 3), ("o up", 96, 4, 768, 1)];

    [Test]
    public void For_every_number_of_tokens_the_choice_is_near_the_best_of_its_candidates()
    {
        foreach (var (name, figures) in Profiles)
            foreach (var launch in Launches)
            {
                TileShape[] candidates = [.. TileShape.Candidates.Where(shape => shape.SharedBytes <= figures.SharedBytes && launch.Learners * launch.LearnerColumns % shape.N == 0)];
                for (int tokens = 1; tokens <= 25_216; tokens++)
                {
                    int[] rows = launch.Learners == 1 ? [tokens] : Stairs(tokens, 0.5);
                    TileShape chosen = TileChoice.Choose(figures, rows, launch.LearnerColumns, launch.Depth, 2, launch.Sites);
                    double clocks = Recount(figures, chosen, rows, launch), best = double.PositiveInfinity;
                    foreach (TileShape shape in candidates)
                        best = Math.Min(best, Recount(figures, shape, rows, launch));
                    if (clocks > best * 1.1)
                        Assert.Fail($"{name}, {launch.Name}, {tokens} tokens: {chosen.M} x {chosen.N} costs {clocks:F0} clocks, the best {best:F0}");
                }
            }
    }

    // The model's terms, counted here once more: multiply-adds of the fullest multiprocessor, bytes its shared memory takes from its tiles' stages and
    // gives to its warps, bytes asked of the cache, pipelines filled.
    private static double Recount(DeviceFigures figures, TileShape shape, int[] rows, (string Name, int LearnerColumns, int Learners, int Depth, int Sites) launch)
    {
        long tiles = 0;
        for (int first = 0; first < launch.Learners * launch.LearnerColumns; first += shape.N)
            tiles += launch.Sites * (long)Math.Ceiling(rows[first / launch.LearnerColumns] / (double)shape.M);
        double fullest = Math.Ceiling(tiles / (double)figures.Multiprocessors), atOnce = Math.Min(figures.SharedBytes / shape.SharedBytes, 2048 / shape.Threads);
        double share = Math.Min(1, Math.Min(atOnce, fullest) * shape.Threads / 128.0);
        double multiplying = fullest * shape.M * shape.N * launch.Depth / figures.MacsPerClock / share;
        double reading = tiles * 2.0 * (shape.M + shape.N) * launch.Depth / figures.CacheBytesPerClock;
        double sharing = fullest * 2 * launch.Depth * (shape.M + shape.N + (shape.Threads / 32 * (shape.WarpM + shape.WarpN))) / 128.0;
        return new[] { multiplying, reading, sharing }.Max() + (Math.Ceiling(fullest / atOnce) * 600);
    }

    [Test]
    public void Patches_in_TF32_take_the_best_tile_of_at_most_64_rows()
    {
        (string, int LearnerColumns, int Learners, int Depth, int Sites) patches = ("patches", 768, 1, 2 * 768, 1);
        int most = Tiles.MostPatchRows(ElementType.TF32);
        Assert.That(most, Is.EqualTo(64));
        foreach (var (name, figures) in Profiles)
            foreach (int images in new[] { 1, 2, 8, 64, 128 })
            {
                int[] rows = [197 * images];
                TileShape chosen = TileChoice.Choose(figures, rows, 768, 768, 4, mostRows: most);
                Assert.That(chosen.M, Is.LessThanOrEqualTo(most), $"{name}, {images} images");
                double best = TileShape.Candidates.Where(shape => shape.M <= most && shape.SharedBytes <= figures.SharedBytes).Min(shape => Recount(figures, shape, rows, patches));
                Assert.That(Recount(figures, chosen, rows, patches), Is.LessThanOrEqualTo(1.1 * best), $"{name}, {images} images");
                Assert.That(TileChoice.Choose(figures, rows, 768, 768, 2, mostRows: Tiles.MostPatchRows(ElementType.BFloat16)), Is.EqualTo(TileChoice.Choose(figures, rows, 768, 768, 2)));
            }
    }

    [Test]
    public void A_tile_chosen_for_half_the_learners_serves_other_budgets()
    {
        double sum = 0, worst = 0;
        int count = 0;
        foreach (var (name, figures) in Profiles)
            for (int tokens = 1; tokens <= 25_216; tokens += tokens < 400 ? 1 : 61)
                foreach (double share in new[] { 0.25, 0.44, 0.71, 1 })
                {
                    int[] rows = Stairs(tokens, share);
                    TileShape planned = TileChoice.Choose(figures, Stairs(tokens, 0.5), 768, 768, 2), best = TileChoice.Choose(figures, rows, 768, 768, 2);
                    double ratio = TileChoice.Clocks(figures, planned, rows, 768, 768, 2, 1) / TileChoice.Clocks(figures, best, rows, 768, 768, 2, 1);
                    (sum, worst, count) = (sum + ratio, Math.Max(worst, ratio), count + 1);
                }
        TestContext.Out.WriteLine($"by the model's counts {sum / count:0.000} times the best on average, {worst:0.00} at worst");
        Assert.That(sum / count, Is.LessThan(1.06));
        Assert.That(worst, Is.LessThan(2.05));
    }

    /// <summary>As NVIDIA states them, to two or three digits, dense, for 16-bit operands: two operations a multiply-add.</summary>
    [TestCase("T4", 1.59e9, 65e12)]
    [TestCase("A100", 1.41e9, 312e12)]
    [TestCase("RTX 4090", 2.52e9, 330e12)]
    [TestCase("H100", 1.83e9, 989e12)]
    [TestCase("RTX 5090", 2.41e9, 419e12)]
    public void A_devices_multiply_adds_come_to_its_peak(string name, double clock, double peak)
    {
        DeviceFigures figures = Profiles.Append((Name: "RTX 5090", Figures: DeviceFigures.Of(170, 100 << 10, 120))).Single(profile => profile.Name == name).Figures;
        Assert.That(2.0 * figures.MacsPerClock * figures.Multiprocessors * clock, Is.EqualTo(peak).Within(0.3).Percent);
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
