using Acm.Runtime;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class SpeechWindowsTests
{
    internal const int Rate = 16000, Stride = 320, Window = 20 * Rate, Overlap = 4 * Rate;

    // Words of 0.2 to 0.5 s, half a second or less apart, over a background of their own, which begins and ends them.
    private static float[] Utterance(Random random, double background = 0.002)
    {
        List<float> samples = [.. Noise(random, random.Next(20, 40), background)];
        for (int words = random.Next(1, 6); words > 0; words--)
        {
            samples.AddRange(Noise(random, random.Next(10, 25), 0.3));
            samples.AddRange(Noise(random, words == 1 ? random.Next(20, 60) : random.Next(5, 25), background));
        }
        return [.. samples];
    }

    internal static IEnumerable<float> Noise(Random random, int hops, double loudness) =>
        Enumerable.Range(0, hops * Stride).Select(_ => (float)((random.NextDouble() * 2 - 1) * loudness));

    internal static (List<SpeechWindow> Windows, long Heard) Cut(
        float[] samples, Random random, int stride = Stride, int window = Window, int overlap = Overlap, int? piece = null)
    {
        using SpeechWindows windows = new(Pieces(), Rate, stride, window, overlap);
        List<SpeechWindow> all = [];
        while (windows.Next(out SpeechWindow next))
            all.Add(next);
        return (all, windows.Heard);

        IEnumerable<float[]> Pieces()
        {
            for (int from = 0, to; from < samples.Length; from = to)
            {
                to = Math.Min(samples.Length, from + (piece ?? random.Next(1, 100_000)));
                yield return samples[from..to];
            }
        }
    }

    [Test]
    public void A_window_of_any_size_takes_a_recording_whole()
    {
        float[] samples = Utterance(new Random(1));
        using SpeechWindows windows = new([samples], Rate, Stride, int.MaxValue, Overlap);
        Assert.That(windows.Next(out SpeechWindow window), Is.True);
        Assert.That((window.Start, window.End, window.Samples.AsSpan().SequenceEqual(samples)), Is.EqualTo((0L, WindowEnd.Recording, true)));
        Assert.That(windows.Next(out _), Is.False);
    }

    [Test]
    public void Utterances_joined_with_silence_are_heard_exactly_as_they_are_alone([Values(0.6, 1.5, 40)] double silence)
    {
        Random random = new(3);
        float[][] parts = [.. Enumerable.Range(0, silence > 10 ? 4 : 40).Select(_ => Utterance(random))];
        float[] gap = new float[(int)(silence * Rate)];
        var (windows, heard) = Cut([.. parts.SelectMany(part => part.Concat(gap)).SkipLast(gap.Length)], random);
        Assert.That(windows, Has.Count.EqualTo(parts.Length));
        for (int i = 0, start = 0; i < parts.Length; start += parts[i++].Length + gap.Length)
        {
            Assert.That(windows[i].Start, Is.EqualTo(start), $"part {i}");
            Assert.That(windows[i].Samples.AsSpan().SequenceEqual(parts[i]), $"part {i}: {windows[i].Samples.Length} samples of {parts[i].Length}");
            Assert.That(windows[i].End, Is.EqualTo(i + 1 < parts.Length ? WindowEnd.Pause : WindowEnd.Recording));
        }
        Assert.That(heard, Is.EqualTo(parts.Sum(static part => part.Length) + (parts.Length - 1L) * gap.Length));
    }

    [Test]
    public void Where_the_background_goes_on_an_utterance_keeps_some_of_it_on_both_sides()
    {
        Random random = new(4);
        float[][] parts = [.. Enumerable.Range(0, 12).Select(_ => Utterance(random))];
        var (windows, _) = Cut([.. parts.SelectMany(part => part.Concat(Noise(random, 100, 0.002))).SkipLast(100 * Stride)], random);
        Assert.That(windows, Has.Count.EqualTo(parts.Length));
        Assert.That(windows.Select(static window => window.Samples.Length), Has.All.LessThan(8 * Rate).And.All.EqualTo(0).Using<int, int>(static (length, _) => length % Stride == 0));
    }

    [Test]
    public void Sound_without_a_pause_is_cut_into_windows_that_overlap()
    {
        Random random = new(5);
        float[] samples = [.. Noise(random, 70 * 50, 0.3)];
        var (windows, heard) = Cut(samples, random);
        Assert.That(windows.Select(static window => window.Start), Is.EqualTo(new[] { 0L, 16 * Rate, 32 * Rate, 48 * Rate, 64 * Rate }.Take(windows.Count)));
        Assert.That(windows[..^1].Select(static window => (window.Samples.Length, window.End)), Has.All.EqualTo((Window, WindowEnd.Overlap)));
        Assert.That(windows[^1].Start + windows[^1].Samples.Length, Is.EqualTo(samples.Length).And.EqualTo(heard));
    }

    [Test]
    public void With_short_pauses_only_the_longest_of_a_window_is_where_it_ends()
    {
        Random random = new(6);
        List<float> samples = [];
        for (int i = 0; i < 60; i++)
            samples.AddRange([.. Noise(random, 40, 0.3), .. new float[(i % 10 == 9 ? 30 : 14) * Stride]]);
        var (windows, _) = Cut([.. samples], random);
        Assert.That(windows, Has.Count.GreaterThan(2));
        foreach (SpeechWindow window in windows.SkipLast(1))
        {
            Assert.That(window.End, Is.EqualTo(WindowEnd.Pause));
            Assert.That(window.Samples[^(12 * Stride)..], Has.All.Zero, "ends in one of the longer pauses");
        }
    }

    [Test]
    public void A_recording_of_one_window_is_not_cut_and_silence_is_heard_once()
    {
        Random random = new(7);
        float[] shorter = [.. Utterance(random), .. new float[2 * Rate], .. Utterance(random)];
        Assert.That(Cut(shorter, random).Windows.Single().Samples, Is.EqualTo(shorter));
        Assert.That(Cut([1], random).Windows.Single().Samples, Is.EqualTo(new[] { 1f }));
        Assert.That(Cut([], random).Windows, Is.Empty);
        var (windows, heard) = Cut(new float[100 * Rate], random);
        Assert.That((windows.Count, heard), Is.EqualTo((1, 100L * Rate)));
    }

    // Loud, quiet and loud again, in hops; a window has 1000.
    [TestCase(1020, 0, 0, 0.002, TestName = "Nothing_is_longer_than_a_window(a little more of one)")]
    [TestCase(995, 14, 500, 0.002, TestName = "Nothing_is_longer_than_a_window(a pause between words goes beyond it)")]
    [TestCase(990, 400, 500, 0.002, TestName = "Nothing_is_longer_than_a_window(an utterance ends near its end)")]
    [TestCase(990, 400, 500, 0.0, TestName = "Nothing_is_longer_than_a_window(and in digital silence)")]
    public void Nothing_is_longer_than_a_window(int loud, int quiet, int again, double background)
    {
        Random random = new(8);
        var (windows, _) = Cut([.. Noise(random, loud, 0.3), .. Noise(random, quiet, background), .. Noise(random, again, 0.3)], random);
        Assert.That(windows.Select(static window => window.Samples.Length), Has.All.LessThanOrEqualTo(Window));
    }

    [Test]
    public void A_pause_in_the_first_quarter_of_a_window_is_no_place_to_end_it()
    {
        Random random = new(9);
        var (windows, _) = Cut([.. Noise(random, 100, 0.3), .. Noise(random, 20, 0.002), .. Noise(random, 1500, 0.3)], random);
        Assert.That((windows[0].Samples.Length, windows[0].End), Is.EqualTo((Window, WindowEnd.Overlap)));
    }

    [Test]
    public void A_click_in_a_silence_is_no_speech()
    {
        Random random = new(10);
        float[] silence = new float[5 * Rate];
        var (windows, _) = Cut([.. Utterance(random), .. silence, .. Noise(random, 1, 0.3), .. silence, .. Utterance(random), .. silence, .. silence, .. silence], random);
        Assert.That(windows, Has.Count.EqualTo(2));
    }

    [FsCheck.NUnit.Property(MaxTest = 60, Replay = "1,3")]
    public void All_that_is_loud_is_heard_in_windows_of_the_length_asked_for(int seed)
    {
        Random random = new(seed);
        List<float> samples = [];
        for (int i = random.Next(1, 30); i > 0; i--)
            samples.AddRange(Noise(random, random.Next(1, random.Next(2, 400)), random.Next(3) switch { 0 => 0, 1 => 0.001, _ => 0.3 }));
        samples.AddRange(new float[random.Next(400)]);
        float[] recording = [.. samples];
        var (windows, heard) = Cut(recording, random);
        Assert.That(heard, Is.EqualTo(recording.Length));
        bool[] inWindow = new bool[recording.Length];
        long least = 0;
        foreach (SpeechWindow window in windows)
        {
            Assert.That(window.Samples, Has.Length.InRange(1, Window));
            Assert.That(window.Start % Stride, Is.Zero);
            Assert.That(window.Start, Is.GreaterThanOrEqualTo(least));
            Assert.That(recording.AsSpan((int)window.Start, window.Samples.Length).SequenceEqual(window.Samples));
            inWindow.AsSpan((int)window.Start, window.Samples.Length).Fill(true);
            least = window.Start + window.Samples.Length - (window.End == WindowEnd.Overlap ? Overlap : 0);
        }
        // Two loud hops one after the other are more than a click.
        for (int hop = 1; hop < recording.Length / Stride; hop++)
            if (recording.AsSpan((hop - 1) * Stride, 2 * Stride).ToArray().Chunk(Stride).All(static one => one.Max() > 0.25f))
                Assert.That(inWindow[hop * Stride], $"hop {hop} of seed {seed}");
        var (again, _) = Cut(recording, new Random(seed + 1));
        Assert.That(again.Select(static window => (window.Start, window.Samples.Length)), Is.EqualTo(windows.Select(static window => (window.Start, window.Samples.Length))), "whatever pieces it is read in");
    }
}
