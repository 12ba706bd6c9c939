using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>How far values of a precision may lie from exact ones, of the largest magnitude; the worst seen is kept.</summary>
internal sealed class Closeness(Precision precision, double factor = 1)
{
    /// <summary>The largest error so far.</summary>
    public double Worst { get; private set; }

    public double Tolerance { get; } = factor * (precision switch
    {
        Precision.TF32 or Precision.Float16 => 1e-2,
        Precision.BFloat16 => 6e-2,
        _ => 1e-4,
    });

    public void Check(ReadOnlySpan<float> got, ReadOnlySpan<double> want, string what)
    {
        double error = Golden.RelativeError(got[..want.Length], want);
        Worst = Math.Max(Worst, error);
        TestContext.Out.WriteLine($"{precision} {what}: {error:E2}");
        Assert.That(error, Is.LessThan(Tolerance), $"{precision}: {what}");
    }
}
