using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Many texts at once: files and standard input.</summary>
public class EmbedCommandTests
{
    // Sentences of the sample model, cut to all lengths, with an empty line here and there.
    private static IEnumerable<string> Lines(string model, int count)
    {
        string[] words = File.ReadAllText(Path.Combine(model, "sentences.txt")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < count; i++)
            yield return string.Join(' ', Enumerable.Range(0, i % 13).Select(j => words[(i * 31 + j) % words.Length]));
    }

    private static float[] Npy(string file, int rows)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int start = 10 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        Assert.That(System.Text.Encoding.ASCII.GetString(bytes, 10, start - 10), Does.Contain($"'shape': ({rows}, 384)"));
        return MemoryMarshal.Cast<byte, float>(bytes.AsSpan(start)).ToArray();
    }

    [Test]
    public void A_file_of_lines_gives_each_its_own_vector_in_order()
    {
        string model = SharedFolder.Need("models", "minilm-acm");
        using TemporaryFolder folder = new();
        string[] lines = [.. Lines(model, 300)];
        File.WriteAllLines(folder["lines.txt"], lines);
        var (code, output, error) = Tool.Run("embed", model, "--file", folder["lines.txt"], "--output", folder["all.npy"]);
        Assert.That((code, output), Is.EqualTo((0, "")), error);
        Assert.That(error, Does.Match(@"300 texts, \d+ word pieces in [\d.]+ s \(\d+ texts/s\)"));
        float[] all = Npy(folder["all.npy"], 300);
        int[] some = [0, 1, 63, 64, 65, 130, 199, 299];
        Tool.Succeed(["embed", model, .. some.Select(i => lines[i]), "--output", folder["some.npy"]]);
        float[] few = Npy(folder["some.npy"], some.Length);
        for (int i = 0; i < some.Length; i++)
            Assert.That(all.AsSpan(some[i] * 384, 384).SequenceEqual(few.AsSpan(i * 384, 384)), $"line {some[i]}");
    }

    [Test]
    public void An_empty_text_has_the_vector_of_nothing_wherever_it_comes_from_and_is_told_of()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        string[] lines = ["one two", "", " \t", "two"];
        File.WriteAllLines(folder["lines.txt"], lines);
        var (code, listed, error) = Tool.Run(["embed", model, .. lines]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("2 texts were empty"));
        Assert.That(listed.TrimEnd().Split('\n').Select(static line => line.TrimEnd()).Distinct().Count(), Is.EqualTo(3), "the two are alike");
        Assert.That(Tool.Run("embed", model, "--file", folder["lines.txt"]).Output, Is.EqualTo(listed));
        TextReader input = Console.In;
        try
        {
            Console.SetIn(new StringReader(string.Join('\n', lines)));
            Assert.That(Tool.Run("embed", model).Output, Is.EqualTo(listed));
            Console.SetIn(new StringReader(string.Join('\n', lines)));
            Assert.That(Tool.Run("embed", model, "--file", "-").Output, Is.EqualTo(listed));
        }
        finally
        {
            Console.SetIn(input);
        }
        JsonElement json = Tool.Json(["embed", model, .. lines]);
        Assert.That((json.GetProperty("texts").GetInt32(), json.GetProperty("empty").GetInt32()), Is.EqualTo((4, 2)));
        Assert.That(Tool.Run("embed", model, "one").Error, Does.Not.Contain("empty"));
    }

    [Test]
    public void Every_form_holds_the_same_numbers_and_the_texts_are_counted()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        // More than the 64 word pieces that the model has positions for.
        string[] texts = ["one two", string.Concat(Enumerable.Repeat("two ", 100))];
        var (code, listed, error) = Tool.Run(["embed", model, .. texts]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("1 text was longer than 64 word pieces and cut there").And.Contain("2 texts, 68 word pieces in "));
        float[][] lines = [.. listed.TrimEnd().Split('\n').Select(static line => line.Split(' ').Select(static value => float.Parse(value, CultureInfo.InvariantCulture)).ToArray())];
        JsonElement json = Tool.Json(["embed", model, .. texts]);
        Assert.That((json.GetProperty("word_pieces").GetInt32(), json.GetProperty("truncated").GetInt32(), json.GetProperty("empty").GetInt32()), Is.EqualTo((68, 1, 0)));
        JsonElement[] embeddings = [.. json.GetProperty("embeddings").EnumerateArray()];
        Assert.That(embeddings.Select(static one => one.GetProperty("text").GetString()), Is.EqualTo(texts));
        Assert.That(embeddings.Select(static one => one.GetProperty("vector").EnumerateArray().Select(static value => value.GetSingle()).ToArray()), Is.EqualTo(lines));
        Tool.Succeed(["embed", model, .. texts, "--output", folder["v.npy"]]);
        Assert.That(MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(folder["v.npy"]).AsSpan(128)).ToArray(), Is.EqualTo(lines.SelectMany(static line => line)));
    }

    [Test]
    public void Compute_is_of_all_the_texts_however_many_are_encoded_at_once()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        JsonElement one = Tool.Json("embed", model, "one"), many = Tool.Json(["embed", model, .. Enumerable.Repeat("one", 65)]);
        foreach (string name in (string[])["texts", "word_pieces", "macs", "dense_macs"])
            Assert.That(many.GetProperty(name).GetInt64(), Is.EqualTo(65 * one.GetProperty(name).GetInt64()), name);
    }

    [Test]
    public void Bytes_that_are_no_text_are_told_of()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["latin.txt"], [.. "one\ntw"u8, 0xF6, .. "\n"u8]);
        Assert.That(Tool.Run("embed", Tool.TextModel(folder), "--file", folder["latin.txt"]).Error, Does.Contain("1 text has bytes that are no UTF-8"));
    }

    [Test]
    public void Json_on_standard_output_is_a_summary_where_the_vectors_go_to_a_file([Values("v.npy", "v.json", "v.txt", "V.NPY", "V.Json")] string name)
    {
        using TemporaryFolder folder = new();
        JsonElement json = Tool.Json("embed", Tool.TextModel(folder), "one", "two", "--output", folder["new", name]);
        Assert.That(json.GetProperty("output").GetString(), Is.EqualTo(folder["new", name]));
        Assert.That(json.GetProperty("texts").GetInt32(), Is.EqualTo(2));
        byte[] written = File.ReadAllBytes(folder["new", name]);
        name = name.ToLowerInvariant();
        if (name == "v.json")
            Assert.That(JsonDocument.Parse(written).RootElement.GetProperty("embeddings").GetArrayLength(), Is.EqualTo(2));
        else
            Assert.That(written[0], name == "v.npy" ? Is.EqualTo(0x93) : Is.Not.EqualTo('{').And.Not.EqualTo(0x93));
    }

    [Test]
    public void What_cannot_be_embedded_leaves_no_file()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        File.WriteAllText(folder["none.txt"], "");
        foreach (string[] wrong in (string[][])[["--file", folder["none.txt"]], ["--file", folder["absent.txt"]], ["one", "--budget", "7"]])
        {
            Tool.Refuse(2, ["embed", model, .. wrong, "--output", folder["v.npy"]]);
            Assert.That(File.Exists(folder["v.npy"]), Is.False, wrong[0]);
        }
    }

    [Test]
    public void Where_the_texts_end_early_there_is_no_file_and_the_old_one_stays([Values("v.npy", "v.json", "v.txt")] string name, [Values] bool there)
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        Directory.CreateDirectory(folder["to"]);
        if (there)
            File.WriteAllText(folder["to", name], "old");
        TextReader input = Console.In;
        try
        {
            Console.SetIn(new Failing());
            Assert.That(Tool.Refuse(2, "embed", model, "--output", folder["to", name]), Does.Contain("the tape tore"));
        }
        finally
        {
            Console.SetIn(input);
        }
        Assert.That(Directory.GetFiles(folder["to"]), Has.Length.EqualTo(there ? 1 : 0));
        Assert.That(!there || File.ReadAllText(folder["to", name]) == "old");
    }

    // More lines than are embedded at once, then none.
    private sealed class Failing : TextReader
    {
        private int _lines;

        public override string? ReadLine() => _lines++ < 100 ? "one" : throw new IOException("the tape tore");
    }

    [Test]
    public void The_map_is_a_picture_of_the_texts()
    {
        string model = SharedFolder.Need("models", "minilm-acm");
        using TemporaryFolder folder = new();
        string[] texts = ["A heron stood in the shallows.", "", string.Concat(Enumerable.Repeat("word ", 400))];
        Tool.Succeed(["embed", model, .. texts, "--output", folder["v.npy"], "--map", folder["a", "map.png"]]);
        using SkiaSharp.SKBitmap map = SkiaSharp.SKBitmap.Decode(folder["a", "map.png"]);
        Assert.That(map.Width, Is.EqualTo(1200));
        // Two short lines and one of 256 pieces, of which some twenty go in a row.
        Assert.That((map.Height - 96 - 76) / 34, Is.InRange(2 + 10, 2 + 20));
    }

    [Test, Explicit("minutes: fifty thousand lines through processes of their own")]
    public void Fifty_thousand_lines_embed_with_memory_flat()
    {
        string model = SharedFolder.Need("models", "minilm-acm");
        using TemporaryFolder folder = new();
        var (_, few) = ToolProcess.Measure(Lines(model, 2_000), ["embed", model, "--output", folder["few.npy"]]);
        var (_, many) = ToolProcess.Measure(Lines(model, 50_000), ["embed", model, "--output", folder["many.npy"]]);
        TestContext.Out.WriteLine($"peak {few >> 20} MiB for 2,000 lines, {many >> 20} MiB for 50,000");
        Assert.That(many, Is.LessThan(few + (32 << 20)));
        float[] first = Npy(folder["few.npy"], 2_000), all = Npy(folder["many.npy"], 50_000);
        Assert.That(all.AsSpan(0, first.Length).SequenceEqual(first), "the first lines, whatever comes after them");
        Assert.That(all, Has.None.NaN);
    }
}
