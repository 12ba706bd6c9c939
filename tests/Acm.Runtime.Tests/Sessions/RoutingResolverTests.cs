using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class RoutingResolverTests
{
    private static readonly RoutingResolver s_resolver =
        new(new ForwardPlan(InputKind.Samples, 1, [], new Buffer("none", RowSpace.Sequence, 1), "none", [], RowSpace.Sequence, 0, false), null);

    [TestCase(1e37)]
    [TestCase(-1e37)]
    [TestCase(-5e-324)]
    public void A_lambda_that_float32_can_multiply_is_taken(double lambda) =>
        Assert.That(s_resolver.Resolve(new RunOptions { Lambda = lambda }, 1, []).Applied.Lambda, Is.EqualTo(lambda));

    [TestCase(1.0001e37)]
    [TestCase(-1e38)]
    [TestCase(-1e308)]
    [TestCase(double.NegativeInfinity)]
    [TestCase(double.NaN)]
    public void Any_other_is_refused_with_the_limit(double lambda)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => s_resolver.Resolve(new RunOptions { Lambda = lambda }, 1, []))!;
        Assert.That(e.ActualValue, Is.EqualTo(lambda));
        Assert.That(e.Message, Does.Contain("-1e37 to 1e37"));
    }

    [TestCase(-0.1)]
    [TestCase(1.1)]
    [TestCase(double.NaN)]
    public void A_budget_is_a_share_whatever_the_model(double budget) =>
        Assert.That(Assert.Throws<ArgumentOutOfRangeException>(() => s_resolver.Resolve(new RunOptions { Budget = budget }, 1, []))!.ActualValue, Is.EqualTo(budget));

    [Test]
    public void A_budget_needs_a_calibration_and_ACMs()
    {
        using AcmModel model = Small(out TemporaryFolder folder);
        using TemporaryFolder files = folder;
        RunOptions half = new() { Budget = 0.5 };
        Assert.That(() => new RoutingResolver(model.Plan, null).Resolve(half, 1, new ReadOnlyMemory<int>?[2]), Throws.ArgumentException.With.Message.Contains("no calibration"));
        Assert.That(() => new RoutingResolver(model.Plan with { Sites = [] }, model.Budget).Resolve(half, 1, []), Throws.ArgumentException.With.Message.Contains("no ACMs"));
        Assert.That(new RoutingResolver(model.Plan, model.Budget).Resolve(half, 1, new ReadOnlyMemory<int>?[2]).Applied.Lambda, Is.EqualTo(1));
    }

    /// <summary>The list is the workspace's, which has carried other runs.</summary>
    [Test]
    public void What_one_run_forces_another_does_not()
    {
        using AcmModel model = Small(out TemporaryFolder folder);
        using TemporaryFolder files = folder;
        RoutingResolver resolver = new(model.Plan, model.Budget);
        ReadOnlyMemory<int>?[] forced = new ReadOnlyMemory<int>?[2];
        int[] k = [1, 1];
        for (int site = 0; site < 2; site++)
        {
            RunOptions options = new() { ForcedK = new Dictionary<string, ReadOnlyMemory<int>> { [model.Sites[site].Path] = k } };
            Assert.That(resolver.Resolve(options, 2, forced).Rule.Forced!.Select(static one => one is not null), Is.EqualTo(new[] { site == 0, site == 1 }));
        }
        Assert.That(resolver.Resolve(null, 2, forced).Rule.Forced, Is.Null);
    }

    [Test]
    public void The_fixed_width_is_any_that_an_ACM_has()
    {
        using AcmModel model = Small(out TemporaryFolder folder);
        using TemporaryFolder files = folder;
        RoutingResolver resolver = new(model.Plan, model.Budget);
        foreach (int width in (int[])[0, 3])
            Assert.That(resolver.Resolve(new RunOptions { FixedLearners = width }, 1, new ReadOnlyMemory<int>?[2]).Rule.FixedLearners, Is.EqualTo(width));
        foreach (int width in (int[])[-1, 4])
            Assert.That(() => resolver.Resolve(new RunOptions { FixedLearners = width }, 1, new ReadOnlyMemory<int>?[2]), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Match("at most 3"));
    }

    // ACMs of 2 and of 3 learners.
    private static AcmModel Small(out TemporaryFolder folder)
    {
        folder = new TemporaryFolder();
        SmallPackage.Write(folder.Path);
        return AcmModel.Load(folder.Path);
    }
}
