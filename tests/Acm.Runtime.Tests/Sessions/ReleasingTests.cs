using Acm.Native;
using Acm.Runtime.Backends;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Sessions;

/// <summary>What a device will not give back keeps nothing else, and the first failure is the one that is told.</summary>
[TestFixture]
public sealed class ReleasingTests
{
    private sealed class Resource(Exception? failure = null) : IDisposable
    {
        public bool IsReleased { get; private set; }

        public void Dispose()
        {
            IsReleased = true;
            if (failure is not null)
                throw failure;
        }
    }

    [Test]
    public void AllAreReleasedAndTheFirstFailureIsThrown()
    {
        CudaException first = new CudaOutOfMemoryException("first", "full", 1, 0), second = new CudaOutOfMemoryException("second", "full", 1, 0);
        Resource[] resources = [new(), new(first), new(), new(second), new()];
        Assert.That(Assert.Throws<CudaOutOfMemoryException>(() => Releasing.All([resources[0], null, .. resources[1..]])), Is.SameAs(first));
        Assert.That(resources.Select(static resource => resource.IsReleased), Has.All.True);
    }

    [Test]
    public void QuietlyTellsNothing()
    {
        Resource[] resources = [new(new CudaOutOfMemoryException("one", "full", 1, 0)), new()];
        Assert.That(() => Releasing.Quietly(resources[0], resources[1]), Throws.Nothing);
        Assert.That(resources.Select(static resource => resource.IsReleased), Has.All.True);
    }
}
