using Acm.Runtime;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class ResamplerTests
{
    [Test]
    public void A_tone_in_the_band_keeps_its_samples([Values(8000, 11025, 22050, 44100, 48000, 44101)] int from)
    {
        double hertz = 0.4 * Math.Min(from, 16000);
        float[] at = Resample(Tone(hertz, from, from), from);
        Assert.That(at, Has.Length.EqualTo(16000));
        for (int i = 2000; i < 14000; i++)
            Assert.That(at[i], Is.EqualTo(Math.Sin(2 * Math.PI * hertz * i / 16000)).Within(2e-4), $"sample {i}: no delay, no loss");
    }

    [Test]
    public void What_the_lower_rate_cannot_hold_is_gone([Values(9000, 12000, 20000)] double hertz)
    {
        float[] at = Resample(Tone(hertz, 44100, 44100), 44100);
        Assert.That(at[2000..14000].Max(Math.Abs), Is.LessThan(1e-4), "80 dB down");
    }

    [Test]
    public void The_cuts_between_calls_do_not_show([Values(1, 7, 441, 5000)] int piece)
    {
        float[] tone = Tone(700, 44100, 12345);
        float[] whole = Resample(tone, 44100), pieces = Resample(tone, 44100, piece);
        Assert.That(pieces, Is.EqualTo(whole));
        Assert.That(whole, Has.Length.EqualTo((12345 * 160 + 440) / 441));
    }

    [Test]
    public void The_same_rate_gives_the_same_samples()
    {
        float[] tone = Tone(1234, 16000, 3000), at = Resample(tone, 16000);
        Assert.That(at, Has.Length.EqualTo(3000));
        for (int i = 0; i < at.Length; i++)
            Assert.That(at[i], Is.EqualTo(tone[i]).Within(1e-6));
    }

    [Test]
    public void A_constant_stays_what_it_is([Values(8000, 11025, 44100, 48000, 44101)] int from) =>
        Assert.That(Resample([.. Enumerable.Repeat(0.5f, from)], from)[2000..14000], Has.All.EqualTo(0.5f).Within(1e-6));

    private static float[] Tone(double hertz, int rate, int count) =>
        Enumerable.Range(0, count).Select(i => (float)Math.Sin(2 * Math.PI * hertz * i / rate)).ToArray();

    private static float[] Resample(float[] samples, int from, int piece = int.MaxValue)
    {
        Resampler resampler = new(from, 16000);
        List<float> result = [];
        for (int at = 0; at < samples.Length; at += Math.Min(piece, samples.Length - at))
            resampler.Process(samples.AsSpan(at, Math.Min(piece, samples.Length - at)), result);
        resampler.Finish(result);
        return [.. result];
    }
}
