using Acm.Bench;
using Acm.Bench.Counts;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Simulator;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>The limits of docs/kernel-counts.md, on fewer layers of ViT-B/16 with the routing a trained model chose. Counts, not times.</summary>
[TestFixture]
internal sealed class ForwardCountsTests
{
    private static readonly VitShape Six = VitShape.Base with { Name = "six layers of ViT-B", Layers = 6 }, Two = VitShape.Base with { Name = "two layers of ViT-B", Layers = 2 };

    [TestCase(1, "0.44", 0.80)]
    [TestCase(1, "0.71", 0.80)]
    [TestCase(8, "0.44", 0.95)]
    public void A_forward_stays_within_its_limits(int batch, string budget, double useful)
    {
        ForwardCounts counts = Measure(batch == 1 ? Six : Two, DeviceProfile.A100, batch, budget);
        TestContext.Out.WriteLine($"useful / issued {counts.Useful:F3}, bytes {counts.Unique:F3}, sectors {counts.Sectors:F3}, {counts.LaunchesPerLayer:F1} launches a layer");
        Assert.Multiple(() =>
        {
            Assert.That(counts.Useful, Is.InRange(useful, 1.0), "useful over issued mma");
            Assert.That(counts.Unique, Is.InRange(0.98, 1.10), "bytes touched over compulsory ones");
            Assert.That(counts.Sectors, Is.InRange(0.98, 1.10), "sectors asked for over those the tiles need");
            Assert.That(counts.ExcessWavefronts, Is.Zero, "bank conflicts");
            Assert.That(counts.AtomicsOnData, Is.Zero);
            Assert.That(counts.Synchronisations, Is.EqualTo(1), "the host waits for the result, and for nothing else");
            Assert.That(counts.LaunchesPerLayer, Is.LessThanOrEqualTo(10));
        });
    }

    [Test]
    public void A_layer_that_one_token_in_a_hundred_uses_costs_next_to_nothing()
    {
        ForwardCounts counts = Measure(Six, DeviceProfile.A100, 1, "0.25");
        CountedLaunch[] mlp = [.. counts.Launches.Where(l => l.Needs.Layer == 5 && l.Needs.What.EndsWith("mlp", StringComparison.Ordinal))];
        double all = 2.0 * 2 * Six.Tokens * Six.Hidden * Six.Width;
        Assert.That(mlp.Sum(static l => l.Needs.Useful) / all, Is.LessThan(0.02), "this test needs a layer that hardly anyone uses");
        // Sixteen rows are the least that mma multiplies, and every learner that someone uses is read once.
        Assert.That(mlp.Sum(static l => l.Did.MatrixFlops), Is.LessThanOrEqualTo(2L * 2 * 16 * Six.Hidden * Six.Width));
        Assert.That(mlp.Sum(static l => l.Unique), Is.LessThanOrEqualTo(1.02 * mlp.Sum(static l => l.Needs.Unique)));
    }

    [Test]
    public void Projections_of_a_small_model_take_one_launch_each_way([Values(1, 8)] int batch)
    {
        ForwardCounts counts = Measure(VitShape.Chars, DeviceProfile.A100, batch, "0.44");
        Assert.That(counts.LaunchesPerLayer, Is.EqualTo(8));
        Assert.That(counts.Launches.Count(static l => l.Run.Kernel == "acm_project"), Is.EqualTo(2 * VitShape.Chars.Layers));
        Assert.That(counts.Unique, Is.InRange(0.98, 1.10), "bytes touched over compulsory ones");
        Assert.That(counts.ExcessWavefronts, Is.Zero, "bank conflicts");
    }

    [Test]
    public void On_Hopper_every_kernel_but_the_first_may_start_before_the_one_ahead_has_ended()
    {
        Need();
        using AcmModel model = AcmModel.Load(RandomVit.Package(Two, acm: true));
        using CountedModel device = new(model, DeviceProfile.H100, Precision.BFloat16, 1);
        InferenceResult result = device.CreateResult();
        float[] pixels = [.. Enumerable.Range(0, Two.Pixels).Select(static i => MathF.Sin(i))];
        int launches = device.Run(ModelInput.Pixels(pixels), result, new RunOptions { FixedLearners = 1 }).Count;
        Assert.That(device.CallsOf("cuLaunchKernelEx"), Is.EqualTo(launches - 1));
        Assert.That(device.CallsOf("cuLaunchKernel"), Is.EqualTo(1));
        Assert.That(result.Output.ToArray(), Has.All.Matches<float>(float.IsFinite));
    }

    private static ForwardCounts Measure(VitShape shape, DeviceProfile profile, int batch, string budget)
    {
        Need();
        return ForwardCounts.Measure(shape, profile, Precision.BFloat16, batch, budget);
    }

    private static void Need()
    {
        SharedFolder.Need("bench", "k-vit-chars.safetensors");
        if (CompilerSearch.Result.Compiler is null)
            Assert.Ignore("no CUDA compiler at hand: see `acm doctor`");
    }
}
