using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Hugging Face folders become packages of the same tensors under a package's names.</summary>
public class HuggingFaceTests
{
    public static IEnumerable<TestCaseData> Folders()
    {
        string root = Path.Combine(SharedFolder.Root ?? "", "golden", "hf-folders");
        return Directory.Exists(root)
            ? Directory.GetDirectories(root).Select(folder => new TestCaseData(Path.GetFileName(folder)))
            : [new TestCaseData("none").SetName("no shared folder")];
    }

    [TestCaseSource(nameof(Folders))]
    public void AFolderBecomesAPackageOfItsTensors(string name)
    {
        string source = SharedFolder.Need("golden", "hf-folders", name);
        using var folder = new TemporaryFolder();
        ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        var config = ModelConfig.Load(folder["package"]);
        var hf = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source, "config.json")))!;
        Assert.That(config.HiddenSize, Is.EqualTo((int)hf["hidden_size"]!));
        Assert.That(config.LayerNormEpsilon, Is.EqualTo((double)hf["layer_norm_eps"]!));

        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        using var original = SafeTensorsFile.Open(Path.Combine(source, "model.safetensors"));
        // Each tensor of the package is one of the source, bit by bit, and none of the source that inference uses is left out.
        var sourceBytes = original.Names.ToLookup(tensor => Convert.ToHexString(original.Get(tensor).Bytes) + original.Get(tensor));
        foreach (string tensor in package.Names)
        {
            Assert.That(sourceBytes.Contains(Convert.ToHexString(package.Get(tensor).Bytes) + package.Get(tensor)), tensor);
        }
        int unused = original.Names.Count(tensor => tensor.Contains("pooler.") || tensor.EndsWith("masked_spec_embed", StringComparison.Ordinal));
        Assert.That(package.Names, Has.Count.EqualTo(original.Names.Count - unused));
    }

    [Test]
    public void Norms_may_be_called_as_in_TensorFlow()
    {
        string source = SharedFolder.Need("golden", "hf-folders", "bert");
        using var folder = new TemporaryFolder();
        folder.CopyAs(Path.Combine(source, "config.json"), "source", "config.json");
        using (var file = SafeTensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            var writer = new SafeTensorsWriter();
            foreach (string name in file.Names)
            {
                byte[] bytes = file.Get(name).Bytes.ToArray();
                string old = "bert." + name.Replace("LayerNorm.weight", "LayerNorm.gamma").Replace("LayerNorm.bias", "LayerNorm.beta");
                writer.Add(old, file.Get(name).DType, file.Get(name).Shape.ToArray(), bytes.Length, stream => stream.Write(bytes));
            }
            writer.Save(folder["source", "model.safetensors"]);
        }
        ModelConverter.Convert([source], folder["new"], new ConversionOptions());
        ModelConverter.Convert([folder["source"]], folder["old"], new ConversionOptions());
        Assert.That(File.ReadAllBytes(folder["old", "model.safetensors"]), Is.EqualTo(File.ReadAllBytes(folder["new", "model.safetensors"])));
    }

    [Test]
    public void AnAcmizedFolderKeepsItsModules()
    {
        string source = SharedFolder.Need("golden", "hf-folders", "vit");
        using var folder = new TemporaryFolder();
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source, "config.json")))!;
        config["acm"] = JsonNode.Parse(
            """{"q_proj": {"learners": 2, "learner_size": 3, "min_k": 1, "activation": "gelu", "gate": {"layers": 1, "hidden_size": 0, "activation": "identity"}, "layers": [1]}}""");
        Directory.CreateDirectory(folder["source"]);
        File.WriteAllText(folder["source", "config.json"], config.ToJsonString());
        const string path = "vit.encoder.layer.1.attention.attention.query";
        using (var file = SafeTensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            var writer = new SafeTensorsWriter();
            foreach (string name in file.Names.Where(name => !name.StartsWith(path, StringComparison.Ordinal)))
            {
                writer.Add(file.Get(name));
            }
            writer.Add($"{path}.w1", [48, 6], new float[48 * 6]);
            writer.Add($"{path}.w2", [6, 48], new float[48 * 6]);
            writer.Add($"{path}.gating_network.net.0.weight", [2, 48], new float[2 * 48]);
            writer.Add($"{path}.gating_network.net.0.bias", [2], new float[2]);
            writer.Save(folder["source", "model.safetensors"]);
        }
        ModelConverter.Convert([folder["source"]], folder["package"], new ConversionOptions());
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        Assert.That(package.Get("encoder.layers.encoder_layer_1.self_attention.q_proj.w1").ToString(), Is.EqualTo("F32 [48, 6]"));
        Assert.That(ModelConfig.Load(folder["package"]).SiteAt(AcmSiteKind.QProj, 1)!.Learners, Is.EqualTo(2));
    }

    [Test]
    public void WhatLiesBesideTheWeightsIsUsed()
    {
        using var folder = new TemporaryFolder();
        string source = SharedFolder.Need("golden", "hf-folders", "bert");
        folder.CopyAs(Path.Combine(source, "config.json"), "source", "config.json");
        folder.CopyAs(Path.Combine(source, "model.safetensors"), "source", "model.safetensors");
        File.WriteAllText(folder["source", "vocab.txt"], "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
        File.WriteAllText(folder["source", "tokenizer_config.json"], """{"do_lower_case": false}""");
        File.WriteAllText(folder["source", "sentence_bert_config.json"], """{"max_seq_length": 21}""");
        Directory.CreateDirectory(folder["source", "1_Pooling"]);
        File.WriteAllText(folder["source", "1_Pooling", "config.json"], """{"pooling_mode_cls_token": true}""");
        Directory.CreateDirectory(folder["source", "2_Normalize"]);
        ModelConverter.Convert([folder["source"]], folder["package"], new ConversionOptions());
        var config = ModelConfig.Load(folder["package"]);
        Assert.That(config.Text, Is.EqualTo(new TextPreprocessing(LowerCase: false, StripAccents: false, SplitChinese: true, MaxLength: 21)));
        Assert.That((config.Bert!.Pooling, config.Bert.Normalize), Is.EqualTo((Pooling.Cls, true)));
        Assert.That(config.Entries, Is.EqualTo(new[] { "[PAD]", "[UNK]", "[CLS]", "[SEP]" }));
    }

    /// <summary>A copy of one of the shared folders, with more files beside its own.</summary>
    private static string Copy(TemporaryFolder folder, string name, params (string File, string Text)[] beside)
    {
        string source = SharedFolder.Need("golden", "hf-folders", name);
        folder.CopyAs(Path.Combine(source, "config.json"), "source", "config.json");
        folder.CopyAs(Path.Combine(source, "model.safetensors"), "source", "model.safetensors");
        foreach (var (file, text) in beside)
        {
            string path = Path.Combine(folder["source"], file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
        return folder["source"];
    }

    [TestCase("1_Pooling/config.json", """{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}""", "pooling_mode_cls_token and pooling_mode_mean_tokens")]
    [TestCase("1_Pooling/config.json", """{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}""", "pooling_mode_max_tokens")]
    [TestCase("1_Pooling/config.json", """{"pooling_mode_max_tokens": true}""", "pooling_mode_max_tokens")]
    [TestCase("2_Dense/config.json", """{"in_features": 48, "out_features": 16}""", "Dense")]
    public void ASentencePipelineThatPackagesDoNotHaveIsRefused(string file, string text, string named)
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert", (file, text));
        var e = Assert.Throws<ModelFormatException>(() => ModelConverter.Convert([source], folder["package"], new ConversionOptions()))!;
        Assert.That(e.Message, Does.Contain(named));
    }

    [Test]
    public void CaseThatSentenceTransformersLowersIsLowered()
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert", ("tokenizer_config.json", """{"do_lower_case": false}"""), ("sentence_bert_config.json", """{"do_lower_case": true}"""));
        ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        Assert.That(ModelConfig.Load(folder["package"]).Text, Is.EqualTo(new TextPreprocessing(LowerCase: true, StripAccents: false, SplitChinese: true, MaxLength: 40)));
    }

    [TestCase("""{"strip_accents": false}""", true, false, true)]
    [TestCase("""{"do_lower_case": false, "strip_accents": true}""", false, true, true)]
    [TestCase("""{"do_lower_case": false}""", false, false, true)]
    [TestCase("""{"tokenize_chinese_chars": false}""", true, true, false)]
    public void TextIsCutAsTheTokenizerSays(string tokenizer, bool lower, bool strip, bool chinese)
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert", ("tokenizer_config.json", tokenizer));
        ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        Assert.That(ModelConfig.Load(folder["package"]).Text, Is.EqualTo(new TextPreprocessing(lower, strip, chinese, MaxLength: 40)));
    }

    [TestCase(null, true)]
    [TestCase("cls", false)]
    public void PoolingThatNobodyNamedIsSaid(string? asked, bool said)
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert");
        var report = ModelConverter.Convert([source], folder["package"], new ConversionOptions { Pooling = asked });
        Assert.That(string.Join(' ', report.Notes).Contains("the mean over its tokens was chosen"), Is.EqualTo(said));
    }

    [TestCase("", true)]
    [TestCase(""", "do_rescale": true, "rescale_factor": 0.00392156862745098""", true)]
    [TestCase(""", "do_rescale": false""", false)]
    [TestCase(""", "rescale_factor": 0.00784313725490196""", false)]
    public void PixelsThatAreScaledAnotherWayAreNotGuessed(string more, bool known)
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "vit", ("preprocessor_config.json", $$"""{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "size": 32{{more}}}"""));
        var report = ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        Assert.That(ModelConfig.Load(folder["package"]).Image, known ? Is.Not.Null : Is.Null);
        Assert.That(string.Join(' ', report.Notes).Contains("does not say how pictures become pixels"), Is.EqualTo(!known));
    }

    [Test]
    public void WhatStandsBetweenWordsIsCalledAsPackagesDo()
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "wav2vec2", ("vocab.json", """{"<pad>": 0, " ": 1, "a": 2}"""), ("tokenizer_config.json", """{"word_delimiter_token": " "}"""));
        ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        Assert.That(ModelConfig.Load(folder["package"]).Entries!.Take(4), Is.EqualTo(new[] { "<pad>", "|", "a", "<3>" }));
    }

    [Test]
    public void WhatATrainerLeavesBesideAModelIsNoChain()
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert", ("rng_state.pth", "not a checkpoint"));
        Assert.That(ModelConverter.Convert([source], folder["package"], new ConversionOptions()).Source, Is.EqualTo("a Hugging Face folder"));
    }

    [Test]
    public void AConfigurationMayBeginWithAByteOrderMark()
    {
        using var folder = new TemporaryFolder();
        string source = Copy(folder, "bert"), file = Path.Combine(source, "config.json");
        var config = JsonNode.Parse(File.ReadAllBytes(file))!;
        config["acm"] = new JsonObject();
        File.WriteAllText(file, config.ToJsonString(), new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        ModelConverter.Convert([source], folder["package"], new ConversionOptions());
        Assert.That(ModelConfig.Load(folder["package"]).Sites, Is.Empty);
    }

    [TestCase("hidden_act", "\"silu\"")]
    [TestCase("hidden_size", "49")]
    [TestCase("num_hidden_layers", "3")]
    [TestCase("model_type", "\"gpt2\"")]
    [TestCase("is_decoder", "true")]
    [TestCase("vocab_size", "1000000000")]
    public void AConfigurationThatDisagreesIsRefused(string key, string value)
    {
        using var folder = new TemporaryFolder();
        string source = SharedFolder.Need("golden", "hf-folders", "bert");
        folder.CopyAs(Path.Combine(source, "model.safetensors"), "source", "model.safetensors");
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source, "config.json")))!;
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(folder["source", "config.json"], config.ToJsonString());
        Assert.Throws<ModelFormatException>(() => ModelConverter.Convert([folder["source"]], folder["package"], new ConversionOptions()));
        Assert.That(Directory.Exists(folder["package"]), Is.False);
    }
}
