using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>acm run: tensors in, tensors out.</summary>
public class RunCommandTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-run").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string In => Path.Combine(_folder, "in.safetensors");

    private string Out => Path.Combine(_folder, "out.safetensors");

    private SafeTensorsFile Run(string model, SafeTensorsWriter input, params string[] options)
    {
        input.Save(In);
        Tool.Succeed(["run", model, "--input", In, "--output", Out, .. options]);
        return SafeTensorsFile.Open(Out);
    }

    private static float[] Floats(SafeTensorsFile file, string name)
    {
        TensorView view = file.Get(name);
        float[] values = new float[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    private static int[] Ints(SafeTensorsFile file, string name)
    {
        TensorView view = file.Get(name);
        int[] values = new int[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    private static float[] Noise(int count, int seed = 3)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private static SafeTensorsWriter Images(params float[][] images)
    {
        SafeTensorsWriter writer = new();
        writer.Add("pixels", [images.Length, 3, 96, 96], images.SelectMany(static image => image).ToArray());
        return writer;
    }

    private static readonly float[][] Three = [.. Enumerable.Range(1, 3).Select(static seed => Noise(3 * 96 * 96, seed))];

    [Test]
    public void NamesAndShapesAreTheContracts()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        using SafeTensorsFile file = Run(Tool.Model, Images(Three), "--hidden", "--budget", "0.4");
        var shapes = file.Names.ToDictionary(static name => name, name => (file.Get(name).DType, Shape: file.Get(name).Shape.ToArray()));
        Assert.That(shapes.Remove("logits", out var logits));
        Assert.That(logits.Shape, Is.EqualTo(new long[] { 3, 34 }));
        foreach (SiteInfo site in model.Sites)
        {
            Assert.That(shapes.Remove($"k.{site.Path}", out var k), site.Path);
            Assert.That((k.DType, k.Shape.SequenceEqual([3L, 145])), Is.EqualTo((TensorDType.I32, true)), site.Path);
        }
        for (int i = 0; i <= 6; i++)
        {
            Assert.That(shapes.Remove($"hidden.{i}", out var hidden), $"hidden.{i}");
            Assert.That(hidden.Shape, Is.EqualTo(new long[] { 3, 145, 192 }));
        }
        Assert.That(shapes.Keys, Is.Empty);
    }

    [Test]
    public void ARowHasTheBitsItHasAloneOnAnyThreadCount()
    {
        float[] alone;
        int[] k;
        using (SafeTensorsFile file = Run(Tool.Model, Images(Three[1]), "--budget", "0.3", "--threads", "1", "--backend", "cpu"))
            (alone, k) = (Floats(file, "logits"), Ints(file, "k.encoder.layers.encoder_layer_3.mlp"));
        foreach (string threads in (string[])["1", "2", "3", "4"])
        {
            using SafeTensorsFile file = Run(Tool.Model, Images(Three), "--budget", "0.3", "--threads", threads, "--backend", "cpu");
            Assert.That(Floats(file, "logits")[34..68], Is.EqualTo(alone), threads);
            Assert.That(Ints(file, "k.encoder.layers.encoder_layer_3.mlp")[145..290], Is.EqualTo(k), threads);
        }
    }

    [Test]
    public void ANaNRowIsNaNWithTheFewestLearnersAndTouchesNoOther()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        float[] clean;
        using (SafeTensorsFile file = Run(Tool.Model, Images(Three), "--backend", "cpu"))
            clean = Floats(file, "logits");
        float[] poisoned = [.. Three[1]];
        poisoned[5000] = float.NaN;
        using SafeTensorsFile dirty = Run(Tool.Model, Images(Three[0], poisoned, Three[2]), "--backend", "cpu");
        float[] logits = Floats(dirty, "logits");
        Assert.That(logits[34..68], Is.All.NaN);
        Assert.That((float[])[.. logits[..34], .. logits[68..]], Is.EqualTo((float[])[.. clean[..34], .. clean[68..]]));
        SiteInfo last = model.Sites[^1];
        Assert.That(Ints(dirty, $"k.{last.Path}")[145..290], Is.All.EqualTo(last.MinK));
    }

    [Test]
    public void ForcedRoutingIsTakenAndComesBack()
    {
        const string site = "encoder.layers.encoder_layer_2.mlp";
        SafeTensorsWriter input = Images(Three[0]);
        int[] forced = [.. Enumerable.Range(0, 145).Select(static token => token % 5)];
        input.Add($"k.{site}", [1, 145], forced);
        using SafeTensorsFile file = Run(Tool.Model, input);
        Assert.That(Ints(file, $"k.{site}"), Is.EqualTo(forced));
    }

    // A batch of 5 and 2 of at most 6 word pieces: forced k may be as wide as the longest, or as the padding.
    [TestCase(2, 5, null)]
    [TestCase(2, 6, null)]
    [TestCase(2, 4, "[2, 4], expected [2, 5] or [2, 6]")]
    [TestCase(2, 7, "[2, 7], expected [2, 5] or [2, 6]")]
    [TestCase(3, 5, "[3, 5], expected [2, 5] or [2, 6]")]
    [TestCase(0, 5, "[0, 5], expected [2, 5] or [2, 6]")]
    public void Forced_routing_has_the_batch_s_shape(int batch, int width, string? wrong)
    {
        var (model, input, site, n) = TwoTexts();
        int[] k = [.. Enumerable.Range(0, batch * width).Select(i => i % width < (i < width ? 5 : 2) ? n : 99)];
        input.Add($"k.{site}", [batch, width], k);
        input.Save(In);
        if (wrong is null)
        {
            using SafeTensorsFile file = Run(model, input);
            Assert.That(Ints(file, $"k.{site}"), Is.EqualTo((int[])[n, n, n, n, n, n, n, 0, 0, 0]));
        }
        else
            Assert.That(Tool.Refuse(2, "run", model, "--input", In, "--output", Out), Does.Contain($"k.{site} is I32 {wrong}"));
    }

    [TestCase(-1, "k = -1")]
    [TestCase(17, "k = 17")]
    [TestCase(long.MaxValue, "9223372036854775807")]
    [TestCase(4294967297, "4294967297")]
    public void Forced_routing_has_numbers_of_learners(long k, string named)
    {
        var (model, input, site, _) = TwoTexts();
        input.Add($"k.{site}", TensorDType.I64, [2, 6], 12 * sizeof(long), stream => stream.Write(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(Enumerable.Repeat(k, 12).ToArray())));
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", model, "--input", In, "--output", Out), Does.Contain(named));
    }

    [TestCase(1, 96, 96)]
    [TestCase(3, 32, 96)]
    [TestCase(3, 96, 32)]
    public void Pixels_have_the_model_s_shape(int channels, int height, int width)
    {
        SafeTensorsWriter input = new();
        input.Add("pixels", [1, channels, height, width], new float[channels * height * width]);
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", Tool.Model, "--input", In, "--output", Out), Does.Contain($"pixels is F32 [1, {channels}, {height}, {width}], expected [B, 3, 96, 96]"));
    }

    [Test]
    public void What_is_missing_is_named_with_what_is_there()
    {
        SafeTensorsWriter input = new();
        input.Add("images", [1], new float[1]);
        input.Add("faces", [1], new float[1]);
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", Tool.Model, "--input", In, "--output", Out), Does.Contain("a tensor 'pixels', the file has faces, images"));
    }

    [TestCase(new[] { 5, 7 }, "lengths[1] is 7, input_ids has room for 6")]
    [TestCase(new[] { -1, 2 }, "lengths[0] is -1, input_ids has room for 6")]
    [TestCase(new[] { 5, 2, 1 }, "lengths is I32 [3], expected [2]")]
    public void Lengths_are_of_the_sequences_that_are_there(int[] lengths, string said)
    {
        var (model, input, _, _) = TwoTexts(lengths);
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", model, "--input", In, "--output", Out), Does.Contain(said));
    }

    [Test]
    public void Numbers_of_other_types_are_the_same_numbers([Values(TensorDType.F16, TensorDType.BF16)] TensorDType type)
    {
        // Quarters, which all types hold.
        float[] pixels = [.. Three[0].Select(static value => MathF.Round(4 * value) / 4)];
        SafeTensorsWriter input = new();
        input.Add("pixels", type, [1, 3, 96, 96], pixels.SelectMany(value => type == TensorDType.F16
            ? BitConverter.GetBytes((Half)value) : BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))).ToArray());
        float[] logits;
        using (SafeTensorsFile file = Run(Tool.Model, Images(pixels)))
            logits = Floats(file, "logits");
        using SafeTensorsFile other = Run(Tool.Model, input);
        Assert.That(Floats(other, "logits"), Is.EqualTo(logits));
    }

    [Test]
    public void Word_pieces_may_be_bytes_and_have_types()
    {
        string model = SharedFolder.Data("bert-tiny");
        SafeTensorsWriter Input() { SafeTensorsWriter input = new(); input.Add("input_ids", TensorDType.U8, [1, 3], new byte[] { 5, 9, 2 }); return input; }
        SafeTensorsWriter ints = new(), zeros = Input(), ones = Input();
        ints.Add("input_ids", [1, 3], (int[])[5, 9, 2]);
        zeros.Add("token_type_ids", [1, 3], new int[3]);
        ones.Add("token_type_ids", [1, 3], (int[])[0, 1, 1]);
        float[][] found = [.. new[] { ints, Input(), zeros, ones }.Select(input =>
        {
            using SafeTensorsFile file = Run(model, input);
            return Floats(file, "embeddings");
        })];
        Assert.That(found[1..3], Has.All.EqualTo(found[0]));
        Assert.That(found[3], Is.Not.EqualTo(found[0]));
    }

    [TestCase("k.SITE", 2)]
    [TestCase("k.SITE", 1)]
    [TestCase("k.nowhere", 1)]
    [TestCase("k.", 1)]
    [TestCase("token_type_ids", 0)]
    public void Tensors_that_do_not_fit_are_named(string name, int what)
    {
        var (model, input, site, _) = TwoTexts();
        name = name.Replace("SITE", site);
        if (what == 0)
            input.Add(name, [2, 7], new int[14]);
        else if (what == 1)
            input.Add(name, [2, 6], new float[12]);
        else
            input.Add(name, [2, 6, 1], new int[12]);
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", model, "--input", In, "--output", Out), Does.Contain(name));
    }

    [Test]
    public void Lengths_are_a_row_of_numbers()
    {
        SafeTensorsWriter input = new();
        input.Add("input_ids", [2, 6], new int[12]);
        input.Add("lengths", [2, 1], (int[])[5, 2]);
        input.Save(In);
        Assert.That(Tool.Refuse(2, "run", SharedFolder.Data("bert-tiny"), "--input", In, "--output", Out), Does.Contain("lengths is I32 [2, 1], expected [2]"));
    }

    // A random text model with an ACM, and texts of 5 and 2 pieces in rows of 6.
    private (string Model, SafeTensorsWriter Input, string Site, int Learners) TwoTexts(int[]? lengths = null)
    {
        string folder = Path.Combine(_folder, "model");
        RandomPackage.Write(folder, 4, Architecture.Bert);
        using AcmModel model = AcmModel.Load(folder);
        SafeTensorsWriter input = new();
        input.Add("input_ids", [2, 6], (int[])[5, 9, 2, 7, 3, -1, 4, 8, -1, -1, -1, -1]);
        lengths ??= [5, 2];
        input.Add("lengths", [lengths.Length], lengths);
        return (folder, input, model.Sites[0].Path, model.Sites[0].Learners);
    }

    [Test]
    public void TextsOfUnequalLengthsArePaddedWithZeros()
    {
        string model = SharedFolder.Data("bert-tiny");
        int[] first = [5, 9, 2, 7, 3], second = [4, 8];
        float[] Alone(int[] ids)
        {
            SafeTensorsWriter one = new();
            one.Add("input_ids", [1, ids.Length], ids);
            using SafeTensorsFile file = Run(model, one);
            return Floats(file, "embeddings");
        }
        float[] expected = [.. Alone(first), .. Alone(second)];
        SafeTensorsWriter both = new();
        both.Add("input_ids", [2, 5], (int[])[.. first, .. second, 1, 1, 1]);
        both.Add("lengths", [2], (int[])[5, 2]);
        using SafeTensorsFile file = Run(model, both, "--hidden");
        Assert.That(Floats(file, "embeddings"), Is.EqualTo(expected));
        TensorView hidden = file.Get("hidden.1");
        int width = (int)hidden.Shape[2];
        Assert.That(hidden.Shape[..2].ToArray(), Is.EqualTo(new long[] { 2, 5 }));
        float[] states = Floats(file, "hidden.1");
        Assert.That(states[^(3 * width)..], Is.All.Zero);
        Assert.That(states[^(4 * width)..^(3 * width)], Has.Some.Not.Zero);
    }

    [Test]
    public void TheReportIsJsonAlone()
    {
        Images(Three).Save(In);
        JsonElement json = Tool.Json("run", Tool.Model, "--input", In, "--output", Out, "--learners", "2");
        Assert.That((json.GetProperty("batch").GetInt32(), json.GetProperty("tokens").GetInt32()), Is.EqualTo((3, 3 * 145)));
        Assert.That(json.GetProperty("budget").GetProperty("fixed_learners").GetInt32(), Is.EqualTo(2));
        using (SafeTensorsFile file = SafeTensorsFile.Open(Out))
            Assert.That(file.Names.Where(static name => name.StartsWith("hidden", StringComparison.Ordinal)), Is.Empty, "nobody asked for them");
        Assert.That(json.GetProperty("learner_fraction").GetDouble(), Is.EqualTo(0.5).Within(1e-12));
        Assert.That(json.GetProperty("macs").GetInt64(), Is.LessThan(json.GetProperty("dense_macs").GetInt64()));
        Assert.That(json.GetProperty("backend").GetProperty("reason").GetString(), Is.Not.Empty);
    }
}
