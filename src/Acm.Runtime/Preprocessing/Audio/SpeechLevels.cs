using System.Runtime.InteropServices;

namespace Acm.Runtime;

/// <summary>
/// How loud a recording is, hop by hop, and which hops are quiet: below a threshold between the background and the speech of the six
/// seconds around. Keeps three seconds of what has been dropped, so that the answer does not depend on how the recording was cut.
/// </summary>
internal sealed class SpeechLevels
{
    // Hops a second, and how many each way the threshold looks.
    public const int PerSecond = 50, Around = 3 * PerSecond;
    private const int Every = 10;
    // In dB.
    private const float AboveBackground = 6, LeastBelowSpeech = 20, MostBelowSpeech = 40;
    private readonly List<float> _decibels = [];
    private int _history;
    private long _dropped;

    /// <summary>Hops that are there.</summary>
    public int Count => _decibels.Count - _history;

    /// <summary>Adds one hop.</summary>
    public void Add(ReadOnlySpan<float> hop)
    {
        double energy = 0;
        foreach (float sample in hop)
            energy += (double)sample * sample;
        // A NaN is no silence.
        float decibels = (float)(10 * Math.Log10(energy / Math.Max(1, hop.Length)));
        _decibels.Add(float.IsNaN(decibels) ? 0 : decibels);
    }

    /// <summary>Drops hops from the front.</summary>
    public void Drop(int hops)
    {
        _dropped += hops;
        _history += hops;
        if (_history > Around)
        {
            _decibels.RemoveRange(0, _history - Around);
            _history = Around;
        }
    }

    /// <summary>Whether the hop is all zeros, as no microphone is: silence that somebody put there.</summary>
    public bool IsDigital(int hop) => float.IsNegativeInfinity(_decibels[_history + hop]);

    /// <summary>Which hops are quiet.</summary>
    public bool[] Quiet()
    {
        bool[] quiet = new bool[Count];
        float threshold = 0;
        for (int hop = 0; hop < quiet.Length; hop++)
        {
            if (hop == 0 || (_dropped + hop) % Every == 0)
                threshold = Threshold(_history + hop);
            quiet[hop] = _decibels[_history + hop] < threshold;
        }
        return quiet;
    }

    private float Threshold(int middle)
    {
        int from = Math.Max(0, middle - Around), end = Math.Min(_decibels.Count, middle + Around);
        Span<float> levels = stackalloc float[2 * Around];
        int count = 0;
        foreach (float level in CollectionsMarshal.AsSpan(_decibels)[from..end])
            if (level > float.NegativeInfinity)
                levels[count++] = level;
        if (count == 0)
            return float.MinValue;
        levels = levels[..count];
        levels.Sort();
        float background = levels[count / 10], speech = levels[count * 95 / 100];
        return Math.Clamp(background + AboveBackground, speech - MostBelowSpeech, speech - LeastBelowSpeech);
    }
}
