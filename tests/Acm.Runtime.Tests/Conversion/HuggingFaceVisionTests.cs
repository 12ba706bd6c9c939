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
        Convert(processor: $$"""{"do_normalize": false, "size": 32{{unused}}}""");
        ImagePreprocessing image = ModelConfig.Load(_folder["package"]).Image!;
        Assert.That(image.Mean, Is.EqualTo(new double[] { 0, 0, 0 }));
        Assert.That(image.Std, Is.EqualTo(new double[] { 1, 1, 1 }));
    }

    [TestCase(""" "do_resize": false """)]
    [TestCase(""" "size": 32, "resample": 1 """)]
    [TestCase(""" "size": 31, "do_center_crop": true, "crop_size": 32 """)]
    public void Pictures_that_are_made_to_fit_another_way_are_not_guessed(string steps)
    {
        ConversionReport report = Convert(processor: $$"""{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],{{steps}}}""");
        Assert.That(ModelConfig.Load(_folder["package"]).Image, Is.Null);
        Assert.That(report.Notes, Has.One.Contains("does not say how pictures become pixels"));
    }

    [TestCase(""" "size": 32 """, 32, true)]
    [TestCase(""" "size": [32, 32] """, 32, true)]
    [TestCase(""" "size": {"height": 32, "width": 32} """, 32, true)]
    [TestCase(""" "size": {"shortest_edge": 32} """, 32, false)]
    [TestCase(""" "size": 32, "crop_size": 24 """, 32, true)]
    [TestCase(""" "size": 32, "do_center_crop": true, "crop_size": 32 """, 32, true)]
    [TestCase(""" "size": {"height": 36, "width": 36}, "do_center_crop": true, "crop_size": {"height": 32, "width": 32} """, 36, true)]
    [TestCase(""" "size": {"shortest_edge": 36}, "do_center_crop": true, "crop_size": {"height": 32, "width": 32} """, 36, false)]
    [TestCase(""" "feature_extractor_type": "DeiTFeatureExtractor", "size": 36, "crop_size": 32 """, 36, true)]
    public void Pictures_get_the_models_size_as_the_processor_says(string sizes, int resize, bool squeezed)
    {
        ConversionReport report = Convert(processor: $"{{{sizes}}}");
        ImagePreprocessing image = ModelConfig.Load(_folder["package"]).Image!;
        Assert.That((image.Resize, image.CenterCrop), Is.EqualTo((resize, 32)));
        Assert.That(report.Notes, squeezed ? Has.One.Contains("squeezes pictures into a square") : Is.Empty);
    }

    [TestCase(""" "size": 48 """, "size: expected 32, the image_size in config.json, found 48")]
    [TestCase(""" "size": {"height": 48, "width": 48} """, "size: expected 32, the image_size in config.json, found 48")]
    [TestCase(""" "size": {"shortest_edge": 48} """, "size: expected 32, the image_size in config.json, found 48")]
    [TestCase(""" "size": {"height": 32, "width": 48} """, "size: expected a square, found 32 by 48")]
    [TestCase(""" "size": [48, 32] """, "size: expected a square, found 48 by 32")]
    [TestCase(""" "size": {"shortest_edge": 32, "longest_edge": 40} """, "size: expected a number, height and width, or shortest_edge, found longest_edge, shortest_edge")]
    [TestCase(""" "size": {} """, "size: expected a number, height and width, or shortest_edge, found an empty object")]
    [TestCase(""" "size": "32" """, "size: expected a whole number from 1 to 2147483647, found '32'")]
    [TestCase(""" "size": 0 """, "size: expected a whole number from 1 to 2147483647, found 0")]
    [TestCase(""" "size": {"height": 32, "width": 0} """, "size.width: expected a whole number from 1 to 2147483647, found 0")]
    [TestCase(""" "size": 32, "do_center_crop": true, "crop_size": 24 """, "crop_size: expected 32, the image_size in config.json, found 24")]
    [TestCase(""" "do_rescale": true """, "size: expected 32, the image_size in config.json, found nothing, for which ViTImageProcessor takes 224")]
    [TestCase(""" "image_processor_type": "DeiTImageProcessor" """, "crop_size: expected 32, the image_size in config.json, found nothing, for which DeiTImageProcessor takes 224")]
    public void Pictures_of_another_size_than_the_models_are_refused(string sizes, string named)
    {
        Assert.That(() => Convert(processor: $"{{{sizes}}}"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("preprocessor_config.json").And.Message.Contains(named));
        Assert.That(Directory.Exists(_folder["package"]), Is.False);
    }

    [TestCase("", "Bilinear", 32)]
    [TestCase(""", "image_processor_type": "ViTImageProcessor" """, "Bilinear", 32)]
    [TestCase(""", "image_processor_type": "ViTImageProcessorFast" """, "Bilinear", 32)]
    [TestCase(""", "feature_extractor_type": "ViTFeatureExtractor" """, "Bilinear", 32)]
    [TestCase(""", "image_processor_type": "DeiTImageProcessor", "crop_size": 32 """, "Bicubic", 36)]
    [TestCase(""", "image_processor_type": "DeiTImageProcessorFast", "crop_size": 32 """, "Bicubic", 36)]
    public void What_the_processor_leaves_out_is_what_its_class_takes(string named, string filter, int size)
    {
        Convert(processor: $$"""{"size": {{size}}{{named}}}""");
        ImagePreprocessing image = ModelConfig.Load(_folder["package"]).Image!;
        Assert.That((image.Resize, $"{image.Resample}"), Is.EqualTo((size, filter)));
        Assert.That((image.Mean, image.Std), Is.EqualTo((new[] { 0.5, 0.5, 0.5 }, new[] { 0.5, 0.5, 0.5 })));
    }

    [TestCase("image_mean")]
    [TestCase("image_std")]
    [TestCase("resample")]
    [TestCase("size")]
    [TestCase("crop_size")]
    public void What_a_class_that_is_not_known_takes_is_not_guessed(string left)
    {
        Dictionary<string, string> keys = new()
        {
            ["image_processor_type"] = "\"ViTHybridImageProcessor\"", ["image_mean"] = "[0.5, 0.5, 0.5]", ["image_std"] = "[0.5, 0.5, 0.5]",
            ["resample"] = "3", ["size"] = """{"shortest_edge": 36}""", ["do_center_crop"] = "true", ["crop_size"] = "32",
        };
        string Processor() => $"{{{string.Join(',', keys.Select(static pair => $"\"{pair.Key}\": {pair.Value}"))}}}";
        Convert(processor: Processor());
        Assert.That(ModelConfig.Load(_folder["package"]).Image!.Resize, Is.EqualTo(36));
        Directory.Delete(_folder["package"], recursive: true);
        keys.Remove(left);
        Assert.That(
            () => Convert(processor: Processor()),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains($"{left}: expected a value (what ViTHybridImageProcessor takes without one is not known here)"));
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
