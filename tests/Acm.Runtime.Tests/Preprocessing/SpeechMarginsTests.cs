using NUnit.Framework;
using static Acm.Runtime.Tests.Preprocessing.SpeechWindowsTests;

namespace Acm.Runtime.Tests.Preprocessing;

/// <summary>Where windows begin and end, to the hop of 20 ms; a window has 1000 hops, of which neighbours share 200.</summary>
public class SpeechMarginsTests
{
    /// <summary>A recording from its parts: so many hops (l)oud, of (b)ackground, or (s)ilent, which is digital silence.</summary>
    private static float[] Recording(string parts)
    {
        Random random = new(11);
        return [.. parts.Split(' ').SelectMany(part => Noise(random, int.Parse(part[1..]), part[0] switch { 'l' => 0.3, 'b' => 0.002, _ => 0 }))];
    }

    /// <summary>Of each window its first hop, its hops, and whether it ends in a (p)ause, an (o)verlap or with the (r)ecording.</summary>
    private static string Cuts(string parts, int window = Window, int overlap = Overlap)
    {
        var (windows, _) = Cut(Recording(parts), new Random(12), window: window, overlap: overlap);
        return string.Join(' ', windows.Select(static next => $"{next.Start / Stride}+{next.Samples.Length / Stride}{$"{next.End}".ToLowerInvariant()[0]}"));
    }

    [TestCase("l200 s100 l700", "0+1000r", TestName = "A_window_ends(with a recording of its length, whatever pauses are in it)")]
    [TestCase("b49 l100 s1200", "0+224p", TestName = "A_window_begins(with the recording, after less than a second)")]
    [TestCase("b50 l100 s1200", "30+195p", TestName = "A_window_begins(a margin before the first word, after a second)")]
    [TestCase("s200 l100 s1200", "180+195p", TestName = "A_window_begins(a margin before a word that digital silence goes before)")]
    [TestCase("s200 b100 l100 s1200", "200+275p", TestName = "A_window_begins(with a background of its own)")]
    [TestCase("s200 b120 l100 s1200", "300+195p", TestName = "A_window_begins(a margin before the word, where that is longer than two seconds)")]
    [TestCase("l100 b110 l100 s1200", "0+175p 190+195p", TestName = "A_window_begins(a margin before a later word)")]
    [TestCase("l100 b60 l100 s1200", "0+147p 147+188p", TestName = "A_window_ends(in a short pause so that both have their part of it)")]
    [TestCase("l100 s60 l100 s1200", "0+147p 147+188p", TestName = "A_window_ends(in a digital one likewise)")]
    [TestCase("l100 b130 s100 l100 s1200", "0+200p 310+195p", TestName = "A_window_ends(two seconds into a background of its own)")]
    [TestCase("l100 b3 s100 l100 s1200", "0+175p 183+195p", TestName = "A_window_ends(a margin behind the word where that is too short to be one)")]
    [TestCase("l100 b40 s5 b55 l100 s1200", "0+140p 145+230p", TestName = "A_window_ends(where digital silence of a tenth of a second begins)")]
    [TestCase("l100 b40 s4 b56 l100 s1200", "0+175p 180+195p", TestName = "A_window_ends(a margin behind the word where it is shorter)")]
    [TestCase("l100 s40 b15 l100 s1200", "0+135p 140+190p", TestName = "A_window_ends(before the background of what follows)")]
    [TestCase("l100 s40 b60 l100 s1200", "0+135p 140+235p", TestName = "A_window_ends(so that all of a background that follows is with what follows)")]
    [TestCase("l100 b50 l1000", "0+139p 139+1000o 939+211r", TestName = "A_window_ends(in a pause of a second)")]
    [TestCase("l100 b49 l1000", "0+1000o 800+349r", TestName = "A_window_ends(not in one a little shorter, of its first quarter)")]
    [TestCase("l600 b12 l1000", "0+606p 606+1000o 1406+206r", TestName = "A_window_ends(in the middle of a pause of a quarter of a second)")]
    [TestCase("l600 b11 l1000", "0+1000o 800+811r", TestName = "A_window_ends(not in one a little shorter)")]
    [TestCase("l400 b20 l280 b20 l700", "0+710p 710+710r", TestName = "A_window_ends(in the later of two pauses of a length)")]
    [TestCase("l100 s900 l100 s95", "0+175p 980+215r", TestName = "A_window_ends(with the recording, where a margin is left of it)")]
    [TestCase("l100 s900 l100 s96", "0+175p 980+195p", TestName = "A_window_ends(before it, where more is left)")]
    [TestCase("l100 s100 l980", "0+175p 180+1000r", TestName = "A_window_ends(with the recording, where just a window is left)")]
    [TestCase("l100 s1100 l1", "0+175p 1180+21r", TestName = "A_window_ends(with a sound that the recording ends in)")]
    public void A_window(string recording, string windows) => Assert.That(Cuts(recording), Is.EqualTo(windows));

    /// <summary>What two windows may share was heard already: a cut there would gain nothing.</summary>
    [Test]
    public void A_pause_within_what_windows_may_share_is_no_place_to_end_one()
    {
        Assert.That(Cuts("l150 b20 l500", window: 400 * Stride, overlap: 190 * Stride), Does.StartWith("0+400o 210+"));
        Assert.That(Cuts("l190 b20 l500", window: 400 * Stride, overlap: 190 * Stride), Does.StartWith("0+200p 200+"));
    }

    /// <summary>Whether a window's last hops are quiet depends on what follows within three seconds, however little of it is read at a time.</summary>
    [TestCase(Stride)]
    [TestCase(10_000 * Stride)]
    public void What_comes_after_a_window_tells_whether_its_end_is_quiet(int piece)
    {
        Random random = new(13);
        var (windows, _) = Cut([.. Noise(random, 1100, 0.02), .. Noise(random, 1000, 0.3)], random, piece: piece);
        Assert.That((windows[0].Samples.Length, windows[0].End), Is.EqualTo((Window, WindowEnd.Pause)));
    }

    [Test]
    public void Frames_of_another_length_make_hops_near_20_milliseconds([Values(200, 1280)] int stride)
    {
        Random random = new(14);
        // Words 0.8 s apart: less than the second that parts utterances.
        float[] recording = [.. Enumerable.Range(0, 20).SelectMany(_ => Noise(random, 50, 0.3).Concat(new float[(int)(0.8 * Rate)]))];
        var (windows, heard) = Cut(recording, random, stride: stride);
        Assert.That(windows.Select(static window => window.Start), Has.All.EqualTo(0).Using<long, int>((start, _) => start % stride == 0));
        Assert.That((heard, windows[0].Samples.Length), Is.EqualTo((recording.LongLength, windows[0].Samples.Length)));
        Assert.That(windows[0].Samples.Length, Is.GreaterThan(stride == 200 ? 10 * Rate : stride));
    }
}
