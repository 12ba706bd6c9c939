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

    [TestCase("[UNK]\n[CLS]\n[SEP]\none\ntwo\none\n", "'one' in lines 4 and 6")]
    [TestCase("[CLS]\n[SEP]\none\n", "[UNK]")]
    [TestCase("[UNK]\n[SEP]\none\n", "[CLS]")]
    [TestCase("[UNK]\n[CLS]\none\n", "[SEP]")]
    public void A_vocabulary_that_cannot_serve_is_refused(string vocabulary, string what) =>
        Assert.That(() => Encoder(vocabulary), Throws.TypeOf<ModelFormatException>().With.Message.Contains(what).And.Property("File").EndsWith("vocab.txt"));

    [Test]
    public void A_word_of_more_than_a_hundred_characters_is_unknown()
    {
        WordPieceEncoder encoder = Encoder("[UNK]\n[CLS]\n[SEP]\na\n##a\n");
        Assert.That(encoder.Encode(new string('a', 100), out _)[1], Is.EqualTo(3));
        Assert.That(encoder.Encode(new string('a', 101), out _), Is.EqualTo(new[] { 1, 0, 2 }));
    }

    [Test]
    public void Special_tokens_in_a_text_are_themselves_where_the_vocabulary_has_them()
    {
        WordPieceEncoder encoder = Encoder("[UNK]\n[CLS]\n[SEP]\none\n[\n]\nmask\n");
        Assert.That(encoder.Encode("one[SEP]one [UNK]", out _), Is.EqualTo(new[] { 1, 3, 2, 3, 0, 2 }));
        Assert.That(encoder.Encode("one[MASK][sep]", out _), Is.EqualTo(new[] { 1, 3, 4, 6, 5, 4, 0, 5, 2 }), "and words where not, or written otherwise");
    }

    private static WordPieceEncoder Encoder(string vocabulary)
    {
        using var folder = new TemporaryFolder();
        folder.CopyAs(Path.Combine(SharedFolder.Data("bert-tiny"), "config.json"), "config.json");
        File.WriteAllText(folder["vocab.txt"], vocabulary);
        return WordPieceEncoder.Create(ModelConfig.Load(folder[""]));
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
    public void The_first_and_the_last_syllable_of_Hangul_come_apart() =>
        Assert.That(new BertNormalizer(true, stripAccents: true, true).Normalize("\uAC00\uAC01\uD7A3"), Is.EqualTo("\u1100\u1161\u1100\u1161\u11A8\u1112\u1175\u11C2"));

    [Test]
    public void Case_may_go_where_accents_stay() =>
        Assert.That(new BertNormalizer(lowerCase: true, stripAccents: false, true).Normalize("ÄİI"), Is.EqualTo("äi\u0307i"));

    [Test]
    public void What_could_not_be_read_is_not_seen() =>
        Assert.That(new BertNormalizer(false, false, false).Normalize("a\uFFFDb\uD800c"), Is.EqualTo("abc"));

    [TestCase("one, two", "one|,|two")]
    [TestCase("a.b", "a|.|b")]
    [TestCase(" a\t$b$ ", "a|$|b|$")]
    [TestCase("a\U00010100b", "a|\U00010100|b")]
    [TestCase("\U00020000\U00020001 \U00020000", "\U00020000\U00020001|\U00020000")]
    public void Punctuation_stands_by_itself(string text, string words) =>
        Assert.That(new BertPreTokenizer().PreTokenize(text).Select(word => text.Substring(word.Offset, word.Length)), Is.EqualTo(words.Split('|')));

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
