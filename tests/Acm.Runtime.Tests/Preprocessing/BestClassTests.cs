using Acm.Runtime.Backends;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

[TestFixture]
public sealed class BestClassTests
{
    [Test]
    public void TheLargestOfEachRowTheLowestIndexOnATie()
    {
        int[] best = new int[4];
        BestClass.Of([1, 3, 2, /**/ 5, 5, 4, /**/ -1, -2, -1, /**/ -3, -2, -2], best);
        Assert.That(best, Is.EqualTo(new[] { 1, 0, 0, 1 }));
    }
}
