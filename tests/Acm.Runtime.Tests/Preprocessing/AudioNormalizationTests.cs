using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class AudioNormalizationTests
{
    /// <summary>(x - mean) / sqrt(variance + 1e-7), as the format says: quiet recordings tell the last term.</summary>
    [FsCheck.NUnit.Property]
    public void Samples_lose_their_mean_and_are_scaled_by_their_deviation(int seed)
    {
        Random random = new(seed);
        double loudness = Math.Pow(10, -5 * random.NextDouble()), offset = random.NextDouble() - 0.5;
        float[] samples = [.. Enumerable.Range(0, random.Next(1, 500)).Select(_ => (float)(offset + loudness * (random.NextDouble() - 0.5)))];
        double mean = samples.Average(static sample => (double)sample), variance = samples.Average(sample => (sample - mean) * (sample - mean));
        float[] expected = [.. samples.Select(sample => (float)((sample - mean) / Math.Sqrt(variance + 1e-7)))];
        AudioNormalization.Apply(samples);
        Assert.That(samples, Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public void Nothing_stays_nothing() => Assert.That(() => AudioNormalization.Apply([]), Throws.Nothing);
}
