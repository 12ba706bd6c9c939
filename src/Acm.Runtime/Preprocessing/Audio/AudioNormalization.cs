namespace Acm.Runtime;

/// <summary>A recording at zero mean and unit variance.</summary>
public static class AudioNormalization
{
    /// <summary><c>(x - mean) / sqrt(variance + 1e-7)</c> over all samples, in double, as the field's feature extractors do it.</summary>
    public static void Apply(Span<float> samples)
    {
        double sum = 0, squares = 0;
        foreach (float sample in samples)
            sum += sample;
        double mean = sum / Math.Max(1, samples.Length);
        foreach (float sample in samples)
            squares += (sample - mean) * (sample - mean);
        double scale = 1 / Math.Sqrt(squares / Math.Max(1, samples.Length) + 1e-7);
        for (int i = 0; i < samples.Length; i++)
            samples[i] = (float)((samples[i] - mean) * scale);
    }
}
