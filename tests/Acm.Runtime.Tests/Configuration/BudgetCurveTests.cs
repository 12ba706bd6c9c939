using Acm.Runtime.Configuration;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Configuration;

/// <summary>The budget knob's calibration: interpolation, ends, bumps.</summary>
public class BudgetCurveTests
{
    private static BudgetCurve Curve(string json)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, json);
            return BudgetCurve.Read(ConfigNode.Read(file))!;
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestCase(0.9, 0.0, 0.9, false)]
    [TestCase(0.8, 0.5, 0.8, false)]
    [TestCase(0.5, 1.5, 0.5, false)]
    [TestCase(0.3, 2.0, 0.3, false)]
    [TestCase(1.0, 0.0, 0.9, true)]
    [TestCase(0.0, 2.0, 0.3, true)]
    public void InterpolatesBetweenPointsAndClampsOutside(double fraction, double lambda, double applied, bool clamped)
    {
        var budget = Curve("""{"lambda": [0, 1, 2], "fraction": [0.9, 0.7, 0.3]}""").Resolve(fraction);
        Assert.That(budget.Lambda, Is.EqualTo(lambda).Within(1e-12));
        Assert.That(budget.Fraction, Is.EqualTo(applied).Within(1e-12));
        Assert.That(budget.Clamped, Is.EqualTo(clamped));
    }

    [Test]
    public void AnyOrderOfPointsGivesTheSameCurve()
    {
        var curve = Curve("""{"lambda": [2, 0, 1], "fraction": [0.3, 0.9, 0.7], "accuracy": [1, 3, 2], "metric": "top-1 accuracy"}""");
        Assert.That(curve.Lambda, Is.EqualTo(new double[] { 0, 1, 2 }));
        Assert.That(curve.Fraction, Is.EqualTo(new[] { 0.9, 0.7, 0.3 }));
        Assert.That(curve.Metric, Is.EqualTo("accuracy"));
        Assert.That(curve.MetricAt("accuracy", 0.5), Is.EqualTo(2.5));
        Assert.That(curve.Metrics.Keys, Is.EqualTo(new[] { "accuracy" }), "lambda and fraction are no metrics");
    }

    [Test]
    public void NoNumberIsNoLambda()
    {
        var curve = Curve("""{"lambda": [0, 1], "fraction": [0.9, 0.7], "accuracy": [1, 2]}""");
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.FractionAt(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.MetricAt("accuracy", double.NaN));
    }

    [Test]
    public void ABumpInTheCurveTakesTheSmallestLambda()
    {
        var curve = Curve("""{"lambda": [0, 1, 2, 3], "fraction": [0.5, 0.6, 0.4, 0.2]}""");
        Assert.That(curve.Resolve(0.55).Lambda, Is.EqualTo(0.5).Within(1e-12));
        Assert.That(curve.Resolve(0.8), Is.EqualTo(new BudgetPoint(1, 0.6, true)));
    }

    [Test]
    public void FractionAtInvertsResolve()
    {
        var curve = Curve("""{"lambda": [0, 1, 2.5], "fraction": [0.9, 0.7, 0.3]}""");
        for (double fraction = 0.3; fraction <= 0.9; fraction += 0.05)
        {
            Assert.That(curve.FractionAt(curve.Resolve(fraction).Lambda), Is.EqualTo(fraction).Within(1e-12));
        }
        Assert.That(curve.FractionAt(-1), Is.EqualTo(0.9));
        Assert.That(curve.FractionAt(9), Is.EqualTo(0.3));
    }

    [TestCase(-0.1)]
    [TestCase(1.1)]
    [TestCase(double.NaN)]
    public void ABudgetIsAFraction(double fraction) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Curve("""{"lambda": [0], "fraction": [0.9]}""").Resolve(fraction));
}
