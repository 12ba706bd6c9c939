using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed class StackReplacementTests
{
    /// <summary>Loops over rows are compiled in full at once: a caller would wait while the compiler replaces one in the middle of his run.</summary>
    [Test]
    public void NoLoopIsReplacedInTheMiddleOfARun([Values("vit-chars", "minilm-acm", "wav2vec2-words")] string model) =>
        Assert.That(StackReplacementChild.ReplacedInRuns(SharedFolder.Need("models", model)), Is.Empty);
}
