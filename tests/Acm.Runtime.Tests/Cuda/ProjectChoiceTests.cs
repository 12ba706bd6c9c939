using Acm.Runtime.Backends.Cuda;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cuda;

public class ProjectChoiceTests
{
    private static readonly (string Name, DeviceFigures Figures)[] Profiles =
    [
        ("T4", DeviceFigures.Of(40, 64 << 10, 75)), ("A100", DeviceFigures.Of(108, 164 << 10, 80)),
        ("RTX 4090", DeviceFigures.Of(128, 100 << 10, 89)), ("H100", DeviceFigures.Of(132, 228 << 10, 90)),
    ];

    private static readonly (int In, int Out, int LearnerColumns) Small = (192, 192, 24), Large = (768, 768, 96), Mlp = (768, 768, 768);

    [Test]
    public void Projections_of_a_small_model_go_in_one_launch_and_those_of_a_large_one_do_not()
    {
        foreach (var (name, figures) in Profiles)
            foreach (int sites in new[] { 1, 3 })
                foreach (int images in new[] { 1, 2, 8, 64 })
                {
                    if (images <= 8)
                        Assert.That(Choose(figures, 145 * images, Small, sites), Is.Not.Null, $"{name}, {images} small images, {sites} sites");
                    Assert.That(Choose(figures, 197 * images, Large, sites), Is.Null, $"{name}, {images} images, {sites} sites");
                    Assert.That(Choose(figures, 197 * images, Mlp, 1), Is.Null, $"{name}, {images} images, MLP");
                }
    }

    [Test]
    public void Where_many_small_images_fill_the_device_a_launch_saved_is_worth_little() =>
        Assert.That(Choose(Profiles[0].Figures, 145 * 64, Small, 3), Is.Null, Profiles[0].Name);

    [Test]
    public void The_choice_is_the_least_by_the_terms_and_fits()
    {
        foreach (var (name, figures) in Profiles)
            foreach (var acm in new[] { Small, Large, Mlp, (In: 384, Out: 384, LearnerColumns: 48) })
                for (int tokens = 1; tokens <= 25_216; tokens += tokens < 400 ? 1 : 97)
                {
                    int[] rows = Stairs(tokens);
                    double apart = Apart(figures, rows, tokens, acm), least = apart;
                    foreach (TileShape shape in ProjectChoice.Candidates)
                        if (Shared(shape, acm) < figures.SharedBytes)
                            least = Math.Min(least, Recount(figures, shape, rows, tokens, acm));
                    TileShape? chosen = Choose(figures, tokens, acm, 1);
                    string what = $"{name}, {acm}, {tokens} tokens: {chosen?.M.ToString() ?? "two launches"}";
                    Assert.That(chosen is { } one ? Recount(figures, one, rows, tokens, acm) : apart, Is.EqualTo(least).Within(1e-9).Percent, what);
                    Assert.That(chosen is { } fits ? Shared(fits, acm) + 1024 : 0, Is.LessThanOrEqualTo(figures.SharedBytes), what);
                }
    }

    // acm_up and acm_down as TileChoice would have them (its own tests recount its terms), or as shared memory lets them, and the launch between them.
    private static double Apart(DeviceFigures figures, int[] rows, int tokens, (int In, int Out, int LearnerColumns) acm)
    {
        double One(int[] taken, int columns, int depth)
        {
            TileShape shape = TileChoice.Choose(figures, taken, columns, depth, 2);
            double tiles = 0;
            for (int first = 0; first < taken.Length * columns; first += shape.N)
                tiles += Math.Ceiling(taken[first / columns] / (double)shape.M);
            double bytes = 2 * depth * (shape.M + shape.N + (shape.Threads / 32 * (shape.WarpM + shape.WarpN)));
            return Math.Max(TileChoice.Clocks(figures, shape, taken, columns, depth, 2, 1), Math.Ceiling(tiles / figures.Multiprocessors) * bytes / 128);
        }
        return One(rows, acm.LearnerColumns, acm.In) + One([tokens], acm.Out, (4 * acm.LearnerColumns + 63) / 64 * 64) + 1400;
    }

    // The model's terms, counted here once more, for widths that are multiples of 64 but for the hidden one.
    private static double Recount(DeviceFigures figures, TileShape shape, int[] rows, int tokens, (int In, int Out, int LearnerColumns) acm)
    {
        double hidden = Math.Ceiling(4 * acm.LearnerColumns / 64.0) * 64, weights = hidden * (acm.In + acm.Out), warpsDown = shape.M / (double)shape.WarpM;
        double fullest = Math.Ceiling(Math.Ceiling(tokens / (double)shape.M) / figures.Multiprocessors);
        double atOnce = Math.Min(Math.Floor(figures.SharedBytes / (Shared(shape, acm) + 1024.0)), Math.Floor(2048.0 / shape.Threads));
        double multiplying = fullest * shape.M * weights / figures.MacsPerClock / Math.Min(1, Math.Min(atOnce, fullest) * shape.Threads / 128.0);
        // Each warp tile reads its rows and its columns once a k-step; weights, rows of x and hidden values are written once.
        double reading = warpsDown * weights / shape.WarpN * (shape.WarpM + shape.WarpN) * 2 / 128, writing = (weights + (shape.M * (acm.In + hidden))) * 2 / 128;
        double asked = 0;
        for (int first = 0; first < tokens; first += shape.M)
            asked += 2.0 * ((rows.Count(taken => taken > first) * acm.LearnerColumns * (acm.In + acm.Out)) + (shape.M * acm.In));
        return new[] { multiplying, fullest * (reading + writing), asked / figures.CacheBytesPerClock }.Max() + (Math.Ceiling(fullest / atOnce) * 600);
    }

    private static int Shared(TileShape shape, (int In, int Out, int LearnerColumns) acm) => ProjectChoice.SharedBytes(shape, acm.In, 4 * acm.LearnerColumns, 2);

    private static TileShape? Choose(DeviceFigures figures, int tokens, (int In, int Out, int LearnerColumns) acm, int sites) =>
        ProjectChoice.Choose(figures, Stairs(tokens), tokens, acm, 2, sites);

    private static int[] Stairs(int tokens) => [.. Enumerable.Range(0, 4).Select(n => (int)Math.Ceiling(tokens * (4 - n) / 5.0))];
}
