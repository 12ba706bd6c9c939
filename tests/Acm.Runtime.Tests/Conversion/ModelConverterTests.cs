using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>What a conversion takes, where it writes, and what it says; from what every clone has.</summary>
public class ModelConverterTests
{
    private const string Config =
        """
        {
          "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
          "vocab_size": 100, "max_position_embeddings": 64
        }
        """;

    /// <summary>A Hugging Face folder of a text encoder.</summary>
    private static string Source(TemporaryFolder folder, string config = Config)
    {
        folder.CopyAs(SharedFolder.Data("bert-tiny", "original.safetensors"), "source", "model.safetensors");
        File.WriteAllText(folder["source", "config.json"], config);
        return folder["source"];
    }

    private static string With(string more) => Config.Replace("\"model_type\"", $"{more}, \"model_type\"");

    private static ConversionReport Convert(TemporaryFolder folder, ConversionOptions? options = null, params string[] sources) =>
        ModelConverter.Convert(sources.Length > 0 ? sources : [Source(folder)], folder["package"], options ?? new ConversionOptions());

    [Test]
    public void What_the_configuration_does_not_say_is_what_its_writer_takes()
    {
        using TemporaryFolder folder = new();
        Convert(folder);
        ModelConfig config = ModelConfig.Load(folder["package"]);
        Assert.That((config.LayerNormEpsilon, config.HiddenActivation, config.Bert), Is.EqualTo((1e-12, Plan.Activation.Gelu, new BertConfig(100, 64, 2, Pooling.Mean, Normalize: false))));
        Assert.That(config.Text, Is.EqualTo(new TextPreprocessing(true, true, true, 64)));
    }

    [TestCase("gelu", "Gelu")]
    [TestCase("gelu_new", "GeluTanh")]
    [TestCase("gelu_fast", "GeluTanh")]
    [TestCase("gelu_pytorch_tanh", "GeluTanh")]
    [TestCase("relu", "Relu")]
    public void Activations_have_other_names_there(string name, string activation)
    {
        using TemporaryFolder folder = new();
        Convert(folder, null, Source(folder, With($"\"hidden_act\": \"{name}\"")));
        Assert.That($"{ModelConfig.Load(folder["package"]).HiddenActivation}", Is.EqualTo(activation));
    }

    [TestCase("", AcmSemantics.Paper)]
    [TestCase(""", "acm_semantics": null""", AcmSemantics.Paper)]
    [TestCase(""", "acm_semantics": "paper" """, AcmSemantics.Paper)]
    [TestCase(""", "acm_semantics": "published_code" """, AcmSemantics.PublishedCode)]
    public void Semantics_are_those_the_folder_was_made_for(string stored, AcmSemantics expected)
    {
        using TemporaryFolder folder = new();
        Convert(folder, null, Source(folder, With($"\"acm\": {{}}{stored}")));
        Assert.That(ModelConfig.Load(folder["package"]).Semantics, Is.EqualTo(expected));
    }

    [TestCase("\"neither\"")]
    [TestCase("1")]
    public void Semantics_that_are_none_are_refused(string stored)
    {
        using TemporaryFolder folder = new();
        string source = Source(folder, With($"\"acm\": {{}}, \"acm_semantics\": {stored}"));
        Assert.That(() => Convert(folder, null, source), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("acm_semantics"));
    }

    [TestCase("is_decoder", "true")]
    [TestCase("add_cross_attention", "true")]
    [TestCase("position_embedding_type", "\"relative_key\"")]
    [TestCase("format_version", "1")]
    public void A_variant_that_packages_do_not_have_is_refused_by_its_key(string key, string value)
    {
        using TemporaryFolder folder = new();
        string source = Source(folder, With($"\"{key}\": {value}"));
        Assert.That(() => Convert(folder, null, source), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo(key));
        Assert.That(Directory.EnumerateFileSystemEntries(folder.Path), Is.EqualTo(new[] { source }), "nothing is left");
    }

    [TestCase("type_vocab_size", "3", "embeddings.token_type_embeddings.weight")]
    public void What_the_weights_contradict_is_refused_by_their_name(string key, string value, string tensor)
    {
        using TemporaryFolder folder = new();
        string source = Source(folder, With($"\"{key}\": {value}"));
        Assert.That(() => Convert(folder, null, source), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo(tensor));
    }

    [TestCase("Dense")]
    [TestCase("LayerNorm")]
    [TestCase("CNN")]
    [TestCase("LSTM")]
    [TestCase("WeightedLayerPooling")]
    public void A_step_behind_the_encoder_is_refused(string step)
    {
        using TemporaryFolder folder = new();
        string source = Source(folder);
        Directory.CreateDirectory(folder["source", $"2_{step}"]);
        Assert.That(() => Convert(folder, null, source), Throws.TypeOf<ModelFormatException>().With.Message.Contains($"a step {step}"));
    }

    [Test]
    public void An_option_goes_before_what_the_folder_says()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder);
        Directory.CreateDirectory(folder["source", "1_Pooling"]);
        File.WriteAllText(folder["source", "1_Pooling", "config.json"], """{"pooling_mode_cls_token": true}""");
        Directory.CreateDirectory(folder["source", "2_Normalize"]);
        File.WriteAllText(folder["source", "sentence_bert_config.json"], """{"max_seq_length": 100}""");
        Convert(folder, null, source);
        ModelConfig stored = ModelConfig.Load(folder["package"]);
        Assert.That((stored.Bert!.Pooling, stored.Bert.Normalize, stored.Text!.MaxLength), Is.EqualTo((Pooling.Cls, true, 64)), "no longer than there are positions");
        ModelConverter.Convert([source], folder["other"], new ConversionOptions { Pooling = "mean", Normalize = false });
        ModelConfig asked = ModelConfig.Load(folder["other"]);
        Assert.That((asked.Bert!.Pooling, asked.Bert.Normalize), Is.EqualTo((Pooling.Mean, false)));
    }

    [Test]
    public void A_tokenizers_own_switches_go_before_what_case_suggests()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder);
        File.WriteAllText(folder["source", "tokenizer_config.json"], """{"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false}""");
        Convert(folder, null, source);
        Assert.That(ModelConfig.Load(folder["package"]).Text, Is.EqualTo(new TextPreprocessing(LowerCase: false, StripAccents: true, SplitChinese: false, MaxLength: 64)));
    }

    [Test]
    public void What_else_a_pooling_file_says_is_no_way_of_pooling()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder);
        Directory.CreateDirectory(folder["source", "1_Pooling"]);
        File.WriteAllText(
            folder["source", "1_Pooling", "config.json"],
            """{"word_embedding_dimension": 32, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false, "pooling_mode_lasttoken": false, "include_prompt": true}""");
        Convert(folder, null, source);
        Assert.That(ModelConfig.Load(folder["package"]).Bert!.Pooling, Is.EqualTo(Pooling.Cls));
    }

    [Test]
    public void A_report_counts_the_package()
    {
        using TemporaryFolder folder = new();
        ConversionReport report = Convert(folder);
        using SafeTensorsFile package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        Assert.That((report.Output, report.Tensors, report.Bytes), Is.EqualTo((folder["package"], package.Names.Count, new FileInfo(package.Path).Length)));
    }

    [Test]
    public void The_case_of_a_files_extension_does_not_matter()
    {
        using TemporaryFolder folder = new();
        string source = folder.CopyAs(SharedFolder.Data("vit-tiny", "original.safetensors"), "VIT.SAFETENSORS");
        Assert.That(Convert(folder, new ConversionOptions { Heads = 2 }, source).Source, Is.EqualTo("a torchvision state dict"));
    }

    [Test]
    public void A_configuration_that_names_no_model_is_told_what_it_lacks()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder, "{}");
        Assert.That(() => Convert(folder, null, source), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("model_type"));
    }

    [Test]
    public void What_was_chosen_or_is_missing_is_noted()
    {
        using TemporaryFolder folder = new();
        Assert.That(Convert(folder).Notes, Has.One.Contains("the mean over its tokens was chosen").And.One.Contains("no vocab.txt"));
        Assert.That(ModelConverter.Convert([folder["source"]], folder["asked"], new ConversionOptions { Pooling = "cls" }).Notes, Has.None.Contains("was chosen").And.None.Contains("not used"));
        ConversionReport vision = ModelConverter.Convert([SharedFolder.Data("vit-tiny", "original.safetensors")], folder["vision"], new ConversionOptions { Heads = 2, Normalize = true });
        Assert.That(vision.Notes, Has.One.Contains("pooling and unit length are a text encoder's"));
    }

    [Test]
    public void Calls_that_cannot_be_meant_are_refused()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder), file = folder["file"], full = Directory.CreateDirectory(folder["full"]).FullName;
        File.WriteAllText(file, "mine");
        File.WriteAllText(folder["full", "file"], "mine");
        Directory.CreateDirectory(folder["nested", "empty"]);
        (string[] Sources, string Output, ConversionOptions Options, string Message)[] calls =
        [
            ([], folder["package"], new(), "no source"),
            ([source], file, new(), "is there already"),
            ([source], full, new(), "is there already"),
            ([source], folder["nested"], new(), "is there already"),
            ([source], folder["package"], new() { Heads = 0 }, "0 attention heads"),
            ([source], folder["package"], new() { Heads = 4 }, "4 attention heads were asked for.*says 2"),
        ];
        foreach (var (sources, output, options, message) in calls)
            Assert.That(() => ModelConverter.Convert(sources, output, options), Throws.ArgumentException.With.Message.Match(message));
        Assert.That((File.ReadAllText(file), Directory.GetFiles(full).Length, Directory.Exists(folder["package"])), Is.EqualTo(("mine", 1, false)));
        Assert.That(() => ModelConverter.Convert([source], folder["package"], new ConversionOptions { Heads = 2 }), Throws.Nothing);
    }

    [Test, Platform(Exclude = "Win")]
    public void An_empty_folder_stays_the_one_it_is()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["there"]);
        Directory.CreateSymbolicLink(folder["package"], folder["there"]);
        Convert(folder);
        Assert.That(new DirectoryInfo(folder["package"]).LinkTarget, Is.EqualTo(folder["there"]));
        Assert.That(Directory.GetFileSystemEntries(folder["there"]).Select(Path.GetFileName), Is.EquivalentTo(new[] { "config.json", "model.safetensors" }));
    }

    [Test]
    public void A_number_that_is_none_is_refused_by_its_place_in_the_source_unless_allowed()
    {
        using TemporaryFolder folder = new();
        string source = Source(folder), weights = folder["source", "model.safetensors"];
        using (SafeTensorsFile file = SafeTensorsFile.Open(SharedFolder.Data("bert-tiny", "original.safetensors")))
        {
            SafeTensorsWriter writer = new();
            foreach (string name in file.Names)
                if (name == "encoder.layer.0.attention.self.query.bias")
                    writer.Add(name, [32], new float[32].Select(static (_, i) => i == 3 ? float.NaN : 0).ToArray());
                else
                    writer.Add(file.Get(name));
            writer.Save(weights);
        }
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Convert(folder, null, source))!;
        Assert.That((error.File, error.Tensor), Is.EqualTo((weights, "encoder.layer.0.attention.self.query.bias")));
        Convert(folder, new ConversionOptions { AllowNonFinite = true }, source);
    }

    /// <summary>Of files and folders, the files are what is converted; folders may hold the rest of their chain.</summary>
    [Test]
    public void Files_go_before_what_lies_in_folders_and_are_closed()
    {
        using TemporaryFolder folder = new();
        foreach (string file in (string[])["base.pth", "acm.pth", "facm.pth"])
            folder.CopyAs(SharedFolder.Data("published-chain", file), "chain", file);
        string gates = folder.CopyAs(SharedFolder.Data("published-chain", "acm_deep_gumbel.pth"), "mine", "model.pth");
        Assert.That(Convert(folder, null, folder["chain"], gates).Source, Does.Contain("model.pth"));
        foreach (string file in Directory.GetFiles(folder["chain"]).Append(gates))
            using (File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
            }
    }
}
