using Acm.Runtime;

namespace Acm.Cli.Audio;

/// <summary>The outline of a recording, read once more for its picture.</summary>
internal static class Waveform
{
    /// <summary>Largest magnitude in each span of <paramref name="seconds"/>.</summary>
    public static float[] Read(WavReader recording, double seconds)
    {
        float[] block = new float[Math.Max(1, (int)(seconds * recording.SampleRate))];
        List<float> peaks = [];
        for (int read; (read = recording.Read(block)) > 0;)
            peaks.Add(block.AsSpan(0, read).ToArray().Max(Math.Abs));
        return [.. peaks];
    }
}
