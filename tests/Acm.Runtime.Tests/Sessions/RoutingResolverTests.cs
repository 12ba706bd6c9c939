using Acm.Runtime.Plan;
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
}
