using System.Runtime.InteropServices;
using Acm.Runtime;
using Acm.Runtime.Configuration;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class WordPieceTests
{
    private static WordPieceEncoder Encoder() => WordPieceEncoder.Create(ModelConfig.Load(SharedFolder.Need("models", "minilm-acm")));

    [Test]
    public void Every_sentence_of_the_sample_model_gets_the_stored_ids()
    {
        WordPieceEncoder encoder = Encoder();
        string[] sentences = File.ReadAllLines(SharedFolder.Need("models", "minilm-acm", "sentences.txt"));
        using SafeTensorsFile golden = SafeTensorsFile.Open(SharedFolder.Need("golden", "minilm-acm", "golden.safetensors"));
        int[] ids = MemoryMarshal.Cast<byte, int>(golden.Get("ids").Bytes).ToArray();
        int[] lengths = MemoryMarshal.Cast<byte, int>(golden.Get("length").Bytes).ToArray();
        Assert.That(sentences, Has.Length.EqualTo(lengths.Length));
        int width = ids.Length / lengths.Length;
        for (int i = 0; i < sentences.Length; i++)
            Assert.That(encoder.Encode(sentences[i], out _), Is.EqualTo(ids[(i * width)..(i * width + lengths[i])]), sentences[i]);
    }

    [Test]
    public void A_long_text_is_cut_and_says_so()
    {
        WordPieceEncoder encoder = Encoder();
        int[] ids = encoder.Encode(string.Concat(Enumerable.Repeat("word ", 400)), out bool truncated);
        Assert.That(truncated, Is.True);
        Assert.That(ids, Has.Length.EqualTo(encoder.MaxLength));
        Assert.That(ids[^1], Is.EqualTo(encoder.Encode("", out bool whole)[^1]), "the last piece stays [SEP]");
        Assert.That(whole, Is.False);
        int[] just = encoder.Encode(string.Concat(Enumerable.Repeat("word ", encoder.MaxLength - 2)), out truncated);
        Assert.That((just.Length, truncated), Is.EqualTo((encoder.MaxLength, false)));
    }

    [TestCase("[UNK]\n[CLS]\n[SEP]\na\rb\none\n", "line 4")]
    [TestCase("[UNK]\r[CLS]\r[SEP]\rone", "line 1")]
    public void A_carriage_return_within_an_entry_is_refused(string vocabulary, string line)
    {
        using var folder = new TemporaryFolder();
        folder.CopyAs(Path.Combine(SharedFolder.Data("bert-tiny"), "config.json"), "config.json");
        File.WriteAllText(folder["vocab.txt"], vocabulary);
        Assert.That(() => WordPieceEncoder.Create(ModelConfig.Load(folder[""])), Throws.TypeOf<ModelFormatException>().With.Message.Contains(line));
        File.WriteAllText(folder["vocab.txt"], "[UNK]\r\n[CLS]\r\n[SEP]\r\n\u2028\r\n\u0085\r\n\f\r\none");
        Assert.That(WordPieceEncoder.Create(ModelConfig.Load(folder[""])).Encode("one", out _), Is.EqualTo(new[] { 1, 6, 2 }));
    }

    [Test]
    public void Accents_go_even_where_NET_has_no_ICU()
    {
        BertNormalizer normalizer = new(lowerCase: true, stripAccents: true, splitChinese: true);
        Assert.That(normalizer.Normalize("Ångström İSTANBUL ΟΔΥΣΣΕΥΣ ﬁne 한 \u200Bz\u00ADa\u0301"),
            Is.EqualTo("angstrom istanbul οδυσσευσ ﬁne \u1112\u1161\u11ab za"));
        Assert.That(normalizer.Normalize("a中b\tc\u00A0d\u0000e"), Is.EqualTo("a 中 b c de"));
        Assert.That(new BertNormalizer(false, false, false).Normalize("É中"), Is.EqualTo("É中"));
    }

    [Test]
    public void Control_characters_go_but_for_tabs_and_line_ends()
    {
        BertNormalizer normalizer = new(lowerCase: true, stripAccents: true, splitChinese: true);
        Assert.That(normalizer.Normalize("a\u000Bb\fc\u0085d\u001Fe"), Is.EqualTo("abcde"));
        Assert.That(normalizer.Normalize("a\tb\nc\rd\u2028e\u3000f"), Is.EqualTo("a b c d e f"));
    }

    [Test]
    public void A_compatibility_ideograph_is_the_unified_one_where_accents_go()
    {
        Assert.That(new BertNormalizer(true, stripAccents: true, true).Normalize("\uFA1B\U0002F800"), Is.EqualTo(" \u798F  \u4E3D "));
        Assert.That(new BertNormalizer(true, stripAccents: true, splitChinese: false).Normalize("\uFA1B"), Is.EqualTo("\u798F"));
        Assert.That(new BertNormalizer(false, stripAccents: false, true).Normalize("\uFA1B"), Is.EqualTo(" \uFA1B "));
    }
}
