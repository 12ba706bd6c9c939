using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Folders of <c>ViTForImageClassification</c>: what their configurations may leave out, their labels, and how pictures become pixels.</summary>
public class HuggingFaceVisionTests
{
    private const int Classes = 12;

    private static readonly (string Package, string Folder)[] Names =
    [
        ("class_token", "vit.embeddings.cls_token"), ("conv_proj", "vit.embeddings.patch_embeddings.projection"),
        ("encoder.pos_embedding", "vit.embeddings.position_embeddings"), ("encoder.ln", "vit.layernorm"),
        ("encoder.layers.encoder_layer_", "vit.encoder.layer."), ("ln_1", "layernorm_before"), ("ln_2", "layernorm_after"),
        ("self_attention.q_proj", "attention.attention.query"), ("self_attention.k_proj", "attention.attention.key"),
        ("self_attention.v_proj", "attention.attention.value"), ("self_attention.o_proj", "attention.output.dense"),
        ("mlp.0", "intermediate.dense"), ("mlp.3", "output.dense"),
    ];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeAFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void Clean() => _folder.Dispose();

    /// <summary>The vision model every clone has, under Hugging Face's names, with a classifier of its own.</summary>
    private ConversionReport Convert(string more = "", string? processor = null, long[]? classifier = null)
    {
        Directory.CreateDirectory(_folder["source"]);
        SafeTensorsWriter writer = new();
        using (SafeTensorsFile file = SafeTensorsFile.Open(SharedFolder.Data("vit-tiny", "model.safetensors")))
        {
            foreach (string name in file.Names.Where(static name => !name.StartsWith("heads.", StringComparison.Ordinal)))
                writer.Add(file.Get(name), Names.Aggregate(name, static (old, pair) => old.Replace(pair.Package, pair.Folder)));
            long[] shape = classifier ?? [Classes, 32];
            writer.Add("classifier.weight", shape, new float[shape.Aggregate(1L, static (product, size) => product * size)]);
            writer.Add("classifier.bias", [Classes], new float[Classes]);
            writer.Save(_folder["source", "model.safetensors"]);
        }
        File.WriteAllText(
            _folder["source", "config.json"],
            $$"""
            {
              "model_type": "vit", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
              "image_size": 32, "patch_size": 8{{more}}
            }
            """);
        if (processor is not null)
            File.WriteAllText(_folder["source", "preprocessor_config.json"], processor);
        return ModelConverter.Convert([_folder["source"]], _folder["package"], new ConversionOptions());
    }

    [Test]
    public void What_the_configuration_leaves_out_is_what_its_writer_takes()
    {
        Assert.That(Convert().Notes, Has.One.Contains("does not say how pictures become pixels"));
        ModelConfig config = ModelConfig.Load(_folder["package"]);
        Assert.That((config.LayerNormEpsilon, config.HiddenActivation, config.Vit), Is.EqualTo((1e-12, Plan.Activation.Gelu, new VitConfig(32, 8, 3, Classes))));
        Assert.That((config.Image, config.Entries), Is.EqualTo(((ImagePreprocessing?)null, (IReadOnlyList<string>?)null)));
        using SafeTensorsFile package = SafeTensorsFile.Open(_folder["package", "model.safetensors"]);
        using SafeTensorsFile stored = SafeTensorsFile.Open(SharedFolder.Data("vit-tiny", "model.safetensors"));
        Assert.That(package.Names, Is.EquivalentTo(stored.Names));
        foreach (string name in stored.Names.Where(static name => !name.StartsWith("heads.", StringComparison.Ordinal)))
            Assert.That(package.Get(name).Bytes.SequenceEqual(stored.Get(name).Bytes), name);
    }

    [TestCase("", "Bilinear")]
    [TestCase(""", "resample": 2""", "Bilinear")]
    [TestCase(""", "resample": 3""", "Bicubic")]
    public void Mean_deviation_and_filter_are_the_processors(string resample, string filter)
    {
        Convert(processor: $$"""{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "size": 32{{resample}}}""");
        ImagePreprocessing image = ModelConfig.Load(_folder["package"]).Image!;
        Assert.That((image.Resize, image.CenterCrop, $"{image.Resample}"), Is.EqualTo((32, 32, filter)));
        Assert.That(image.Mean, Is.EqualTo(new[] { 0.1, 0.2, 0.3 }));
        Assert.That(image.Std, Is.EqualTo(new[] { 0.4, 0.5, 0.6 }));
    }

    [TestCase("")]
    [TestCase(""", "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]""")]
    public void Pixels_that_are_not_normalised_are_from_0_to_1(string unused)
    {
        Convert(processor: $$"""{"do_normalize": false{{unused}}}""");
        ImagePreprocessing image = ModelConfig.Load(_folder["package"]).Image!;
        Assert.That(image.Mean, Is.EqualTo(new double[] { 0, 0, 0 }));
        Assert.That(image.Std, Is.EqualTo(new double[] { 1, 1, 1 }));
    }

    [TestCase("do_resize", "false")]
    [TestCase("do_center_crop", "true")]
    [TestCase("resample", "1")]
    public void Pictures_that_are_made_to_fit_another_way_are_not_guessed(string key, string value)
    {
        ConversionReport report = Convert(processor: $$"""{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "{{key}}": {{value}}}""");
        Assert.That(ModelConfig.Load(_folder["package"]).Image, Is.Null);
        Assert.That(report.Notes, Has.One.Contains("does not say how pictures become pixels"));
    }

    [Test]
    public void Labels_are_in_the_order_of_their_numbers_a_line_each()
    {
        Convert($$""", "id2label": { {{string.Join(", ", Enumerable.Range(0, Classes).Reverse().Select(static i => $"\"{i}\": \"a\\r\\nb{i}\""))}} }""");
        Assert.That(ModelConfig.Load(_folder["package"]).Entries, Is.EqualTo(Enumerable.Range(0, Classes).Select(static i => $"a b{i}")));
        Assert.That(File.Exists(_folder["package", "labels.txt"]));
    }

    [TestCase(11, "")]
    [TestCase(13, "")]
    [TestCase(12, "no")]
    [TestCase(12, "1")]
    [TestCase(12, "-")]
    public void Labels_that_are_not_those_of_the_classes_are_left_out(int count, string before)
    {
        Convert($$""", "id2label": { {{string.Join(", ", Enumerable.Range(0, count).Select(i => $"\"{before}{i}\": \"x\""))}} }""");
        ModelConfig config = ModelConfig.Load(_folder["package"]);
        Assert.That((config.Vit!.Labels, config.Entries), Is.EqualTo((Classes, (IReadOnlyList<string>?)null)));
    }

    [TestCase(new long[0])]
    [TestCase(new long[] { 384 })]
    [TestCase(new long[] { 0, 32 })]
    [TestCase(new long[] { 12, 32, 1 })]
    public void A_classifier_of_another_shape_is_refused(long[] shape)
    {
        Assert.That(() => Convert(classifier: shape), Throws.TypeOf<ModelFormatException>());
        Assert.That(Directory.Exists(_folder["package"]), Is.False);
    }
}
