using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>
/// How far values of a precision may lie from exact ones, of the largest magnitude: twice the worst that all tests of this folder have shown (fp32 1.24e-6,
/// tf32 and fp16 3.1e-3, bf16 1.7e-2, in hidden states of the random speech models). The worst seen is kept.
/// </summary>
internal sealed class Closeness(Precision precision, double factor = 1)
{
    /// <summary>The largest error so far.</summary>
    public double Worst { get; private set; }

    public double Tolerance { get; } = factor * (precision switch
    {
        Precision.TF32 or Precision.Float16 => 6.2e-3,
        Precision.BFloat16 => 3.4e-2,
        _ => 2.5e-6,
    });

    public void Check(ReadOnlySpan<float> got, ReadOnlySpan<double> want, string what)
    {
        double error = Golden.RelativeError(got[..want.Length], want);
        Worst = Math.Max(Worst, error);
        TestContext.Out.WriteLine($"{precision} {what}: {error:E2}");
        Assert.That(error, Is.LessThan(Tolerance), $"{precision}: {what}");
    }
}
