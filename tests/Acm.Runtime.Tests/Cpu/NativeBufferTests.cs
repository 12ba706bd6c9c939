using Acm.Runtime.Backends.Cpu;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed unsafe class NativeBufferTests
{
    /// <summary>Memory that there is not leaves the buffer empty: what was freed for it is neither used nor freed again.</summary>
    [Test]
    public void ABufferThatCouldNotGrowIsEmptyAndGoesOn()
    {
        using NativeBuffer<float> buffer = new();
        buffer.Need(1000)[999] = 1;
        Assert.That(() => { buffer.Need(1L << 58); }, Throws.TypeOf<OutOfMemoryException>());
        Assert.That(buffer.Data == null);
        buffer.Need(10)[9] = 1;
        Assert.That(buffer.Data != null);
    }
}
