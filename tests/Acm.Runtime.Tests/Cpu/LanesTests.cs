using Acm.Runtime.Backends.Cpu;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>Rows cut into lanes.</summary>
[TestFixture]
public sealed class LanesTests
{
    [FsCheck.NUnit.Property]
    public void AsManyThreadsBelongToEachLaneAndNoneIsShort(ushort rows, byte most)
    {
        int threads = 1 + most % ParallelWork.MostThreads, lanes = Lanes.Count(rows, threads);
        Assert.That(threads % lanes, Is.Zero);
        Assert.That(Lanes.Start(0, lanes, rows), Is.Zero);
        Assert.That(Lanes.Start(lanes, lanes, rows), Is.EqualTo(rows));
        for (int lane = 0; lane < lanes && lanes > 1; lane++)
            Assert.That(Lanes.Start(lane + 1, lanes, rows) - Lanes.Start(lane, lanes, rows), Is.GreaterThanOrEqualTo(Lanes.FewestRows));
    }

    [TestCase(191, 2, 1)]
    [TestCase(192, 2, 2)]
    [TestCase(197, 4, 2)]
    [TestCase(1576, 8, 8)]
    [TestCase(1576, 32, 16)]
    [TestCase(600, 7, 1)]
    [TestCase(700, 8, 4)]
    [TestCase(500, 9, 3)]
    [TestCase(int.MaxValue, 64, 64)]
    public void ThereAreAsManyAsTheRowsAreWorth(int rows, int threads, int expected)
    {
        Assert.That(Lanes.Count(rows, threads), Is.EqualTo(expected));
        Assert.That(Lanes.Start(expected, expected, rows), Is.EqualTo(rows));
    }
}
