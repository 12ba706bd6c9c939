using Acm.Runtime.Configuration;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Configuration;

/// <summary>labels.txt and vocab.txt: an entry a line, whoever wrote it.</summary>
public class VocabularyTests
{
    [TestCase("")]
    [TestCase("\n", "")]
    [TestCase("a", "a")]
    [TestCase("a\nb\n", "a", "b")]
    [TestCase("a\nb", "a", "b")]
    [TestCase("a\r\nb\r\n", "a", "b")]
    [TestCase("a\n\nb\n\n", "a", "", "b", "")]
    [TestCase("\uFEFFa\nb\n", "a", "b")]
    [TestCase("a\u2028b\n\uFEFFc\n", "a\u2028b", "\uFEFFc")]
    public void ANewlineEndsAnEntry(string text, params string[] entries)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["vocab.txt"], text);
        Assert.That(Vocabulary.ReadIfThere(folder["vocab.txt"]), Is.EqualTo(entries));
    }

    [Test]
    public void BytesThatAreNoTextAreRefused()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["vocab.txt"], [(byte)'a', 0xFF, (byte)'\n']);
        Assert.That(() => Vocabulary.ReadIfThere(folder["vocab.txt"]), Throws.TypeOf<ModelFormatException>().With.Property("Found").EqualTo("invalid UTF-8"));
    }

    [Test]
    public void NoFileIsNoVocabulary()
    {
        using TemporaryFolder folder = new();
        Assert.That(Vocabulary.ReadIfThere(folder["vocab.txt"]), Is.Null);
    }
}
