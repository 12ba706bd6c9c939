using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class SentenceEncoderTests
{
    private static readonly string[] Words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three"];

    private static AcmModel Model(TemporaryFolder folder)
    {
        folder.Copy(Directory.GetFiles(SharedFolder.Data("bert-tiny")));
        File.WriteAllLines(folder["vocab.txt"], [.. Words, .. Enumerable.Range(Words.Length, 100 - Words.Length).Select(static i => $"[unused{i}]")]);
        return AcmModel.Load(folder.Path);
    }

    /// <summary>Whatever batches they are run in: their vectors are those of each alone, and the report counts all of them.</summary>
    [FsCheck.NUnit.Property(MaxTest = 30)]
    public void Texts_have_their_vectors_in_any_company(byte[] sizes)
    {
        using TemporaryFolder folder = new();
        using AcmModel model = Model(folder);
        using InferenceSession together = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, MaxBatch = 3, MaxLength = 70 });
        SentenceEncoder encoder = new(model, together);
        string[] texts = [.. sizes.Append((byte)80).Append((byte)0).Select(static size => string.Concat(Enumerable.Repeat("one ", size % 90)))];
        float[] vectors = new float[texts.Length * encoder.Width];
        EncodingReport all = encoder.Encode(texts, vectors), sum = default;
        for (int i = 0; i < texts.Length; i++)
        {
            float[] alone = new float[encoder.Width];
            EncodingReport one = encoder.Encode([texts[i]], alone);
            Assert.That(vectors.AsSpan(i * encoder.Width, encoder.Width).SequenceEqual(alone), $"text {i}");
            int words = sizes.Append((byte)80).Append((byte)0).ElementAt(i) % 90;
            Assert.That(one, Is.EqualTo(new EncodingReport(1, words > 62 ? 1 : 0, words == 0 ? 1 : 0, Math.Min(words, 62) + 2, one.Macs, one.DenseMacs, one.Budget)));
            Assert.That(one.Macs, Is.Positive);
            sum = new EncodingReport(
                sum.Texts + 1, sum.Truncated + one.Truncated, sum.Empty + one.Empty, sum.WordPieces + one.WordPieces, sum.Macs + one.Macs, sum.DenseMacs + one.DenseMacs, one.Budget);
        }
        Assert.That(all, Is.EqualTo(sum));
        Assert.That(Assert.Throws<ArgumentException>(() => encoder.Encode(texts, vectors.AsSpan(1)))!.Message, Does.Match($"{texts.Length} .*{vectors.Length} .*{vectors.Length - 1}"));
    }

    [Test]
    public void A_call_that_failed_leaves_nothing_to_the_next()
    {
        using TemporaryFolder folder = new();
        using AcmModel model = Model(folder);
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
