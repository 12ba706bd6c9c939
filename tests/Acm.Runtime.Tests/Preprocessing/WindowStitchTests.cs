using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

/// <summary>Where two windows that heard the same frames are joined: 0 is the blank, 1 the space between words.</summary>
public class WindowStitchTests
{
    [TestCase(new int[0], new int[0], 0, TestName = "Windows_are_joined(nothing in common)")]
    [TestCase(new[] { 2, 2, 2, 2, 2, 2, 2, 2 }, new[] { 2, 2, 2, 2, 2, 2, 2, 2 }, 4, TestName = "Windows_are_joined(no silence: in the middle)")]
    [TestCase(new[] { 0, 0, 2, 2, 0, 2, 0, 0 }, new[] { 0, 0, 2, 2, 0, 2, 0, 0 }, 5, TestName = "Windows_are_joined(behind a silence of the middle half)")]
    [TestCase(new[] { 2, 2, 2, 2, 0, 3, 0, 0, 2, 2, 2, 2 }, new[] { 2, 2, 2, 2, 0, 3, 0, 0, 2, 2, 2, 2 }, 8, TestName = "Windows_are_joined(the longest)")]
    [TestCase(new[] { 2, 2, 0, 0, 0, 2, 2, 2 }, new[] { 2, 2, 3, 3, 0, 2, 2, 2 }, 5, TestName = "Windows_are_joined(silent in both)")]
    [TestCase(new[] { 2, 2, 2, 0, 2, 2, 2, 2, 9, 9 }, new[] { 2, 2, 2, 0, 2, 2, 2, 2 }, 4, TestName = "Windows_are_joined(frames that only one heard do not count)")]
    public void Windows_are_joined(int[] before, int[] after, int cut) => Assert.That(WindowStitch.Cut(before, after, blank: 0, delimiter: 1), Is.EqualTo(cut));

    [Test]
    public void A_silence_that_only_one_window_hears_is_none()
    {
        int[] before = [2, 2, 0, 0, 0, 2, 0, 2, 2, 2], after = [2, 2, 3, 3, 3, 2, 0, 2, 2, 2];
        Assert.That(WindowStitch.Cut(before, after, 0, 1), Is.EqualTo(7));
    }

    /// <summary>The later window's space stands before the cut, where the earlier window is kept.</summary>
    [Test]
    public void A_space_does_not_fall_through_the_cut()
    {
        int[] before = [2, 2, 2, 0, 0, 2, 2, 2], after = [2, 2, 2, 1, 0, 2, 2, 2];
        Assert.That(WindowStitch.Cut(before, after, 0, 1), Is.EqualTo(5));
        Assert.That(before, Is.EqualTo(new[] { 2, 2, 2, 1, 0, 2, 2, 2 }));
    }
}
