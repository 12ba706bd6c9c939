using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class SentenceEncoderTests
{
    private static readonly string[] Words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three"];

    [Test]
    public void A_call_that_failed_leaves_nothing_to_the_next()
    {
        using TemporaryFolder folder = new();
        folder.Copy(Directory.GetFiles(SharedFolder.Data("bert-tiny")));
        File.WriteAllLines(folder["vocab.txt"], [.. Words, .. Enumerable.Range(Words.Length, 100 - Words.Length).Select(static i => $"[unused{i}]")]);
        using AcmModel model = AcmModel.Load(folder.Path);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference, MaxBatch = 4, MaxLength = 8 });
        SentenceEncoder encoder = new(model, session);
        float[] alone = new float[encoder.Width], vector = new float[encoder.Width], vectors = new float[2 * encoder.Width];
        encoder.Encode(["two three"], alone);
        Assert.Throws<ArgumentNullException>(() => encoder.Encode(["one", null!], vectors));
        EncodingReport report = encoder.Encode(["two three"], vector);
        Assert.That((report.Texts, report.WordPieces), Is.EqualTo((1, 4)));
        Assert.That(vector, Is.EqualTo(alone));
        string longer = string.Concat(Enumerable.Repeat("one ", 7));
        Assert.That(Assert.Throws<ArgumentException>(() => encoder.Encode(["one", longer], vectors))!.Message, Does.Match("9.*8"));
        encoder.Encode(["two three"], vector);
        Assert.That(vector, Is.EqualTo(alone));
    }
}
