using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class CtcDecoderTests
{
    [Test]
    public void Goldens_frames_and_text()
    {
        using SafeTensorsFile tensors = SafeTensorsFile.Open(SharedFolder.Need("golden", "ops", "ctc.safetensors"));
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(SharedFolder.Need("golden", "ops", "ctc.json")));
        string[] vocabulary = [.. cases.RootElement.GetProperty("vocab").EnumerateArray().Select(e => e.GetString()!)];
        int blank = cases.RootElement.GetProperty("blank").GetInt32();
        foreach (JsonProperty one in cases.RootElement.GetProperty("cases").EnumerateObject())
        {
            TensorView stored = tensors.Get(one.Name + "/logits");
            float[] logits = new float[stored.ElementCount];
            stored.CopyTo(logits);
            int[] frames = [.. one.Value.GetProperty("frames").EnumerateArray().Select(e => e.GetInt32())];
            int[] best = new int[frames.Length];
            CtcDecoder.Best(logits, best);
            Assert.That(best, Is.EqualTo(frames), one.Name);
            string text = one.Value.GetProperty("text").GetString()!;
            Assert.That(CtcDecoder.Text(best, vocabulary, blank), Is.EqualTo(text), one.Name);
            Assert.That(string.Join(' ', Words(best, vocabulary, blank, 1).Select(w => w.Text)),
                Is.EqualTo(string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries))), one.Name + ", as a stream");
        }
    }

    [Test]
    public void Times_are_the_frames_a_word_was_heard_in()
    {
        string[] vocabulary = ["<pad>", "|", "a", "b", "<s>"];
        //              0  1  2  3  4  5  6  7  8  9 10 11
        int[] best = [0, 4, 2, 2, 0, 2, 3, 4, 4, 1, 1, 3];
        List<HeardSpan> words = Words(best, vocabulary, 0, 5);
        Assert.That(words, Is.EqualTo(new[] { new HeardSpan("aab", 2, 7), new HeardSpan("b", 11, 12) }));
    }

    [Test]
    public void Characters_carry_their_own_times_and_a_repeat_prolongs_them()
    {
        List<HeardSpan> characters = [];
        CtcDecoder decoder = new(["<pad>", "|", "a", "b"], 0);
        decoder.WordHeard += (_, of) => characters.AddRange(of);
        decoder.Push([2, 2, 0, 3, 3, 3]);
        Assert.That(characters, Is.Empty, "a word ends with its delimiter");
        decoder.Finish();
        Assert.That(characters, Is.EqualTo(new[] { new HeardSpan("a", 0, 2), new HeardSpan("b", 3, 6) }));
        Assert.That(() => decoder.Push([4]), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void What_is_heard_after_an_end_is_heard_anew()
    {
        List<HeardSpan> words = [];
        CtcDecoder decoder = new(["<pad>", "|", "a"], 0);
        decoder.WordHeard += (word, _) => words.Add(word);
        decoder.Push([2, 2]);
        decoder.Finish();
        decoder.Push([2]);
        decoder.Finish();
        Assert.That(words, Is.EqualTo(new[] { new HeardSpan("a", 0, 2), new HeardSpan("a", 2, 3) }));
    }

    [Test]
    public void A_blank_is_silent_whatever_it_is_called()
    {
        string[] vocabulary = ["a", "_", "|"];
        int[] best = [1, 0, 1, 0, 2, 1, 0, 0, 2, 1];
        Assert.That(CtcDecoder.Text(best, vocabulary, 1), Is.EqualTo("aa a"));
        Assert.That(Words(best, vocabulary, 1, 3).Select(static word => word.Text), Is.EqualTo(new[] { "aa", "a" }));
    }

    private static List<HeardSpan> Words(int[] best, string[] vocabulary, int blank, int piece)
    {
        List<HeardSpan> words = [];
        CtcDecoder decoder = new(vocabulary, blank);
        decoder.WordHeard += (word, _) => words.Add(word);
        for (int at = 0; at < best.Length; at += piece)
            decoder.Push(best.AsSpan(at, Math.Min(piece, best.Length - at)));
        decoder.Finish();
        return words;
    }
}
