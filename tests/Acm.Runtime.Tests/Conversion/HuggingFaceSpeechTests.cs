using System.Text.Json.Nodes;
using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.HuggingFace;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Folders of <c>Wav2Vec2ForCTC</c>: what becomes of their configurations and vocabularies, before the weights are looked at.</summary>
public class HuggingFaceSpeechTests
{
    private const string Config =
        """
        "model_type": "wav2vec2", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 5,
        "conv_dim": [12, 16], "conv_kernel": [10, 3], "conv_stride": [5, 2], "feat_extract_norm": "layer"
        """;

    private static ConvertedPackage Convert(string config = Config, params (string File, string Text)[] beside)
    {
        using TemporaryFolder folder = new();
        folder.CopyAs(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias", "model.safetensors"), "model.safetensors");
        foreach (var (file, text) in beside.Append(("config.json", $"{{ {config} }}")))
            File.WriteAllText(folder[file], text);
        using HuggingFaceFolder source = HuggingFaceFolder.Open(folder.Path);
        return HuggingFaceConverter.Convert(source, new ConversionOptions());
    }

    private static string With(string more) => $"{Config}, {more}";

    [Test]
    public void What_the_configuration_leaves_out_is_what_its_writer_takes()
    {
        JsonObject config = Convert().Config;
        JsonNode expected = JsonNode.Parse(
            """
            {
              "layer_norm_eps": 1e-5, "hidden_act": "gelu", "feat_extract_activation": "gelu", "conv_bias": false, "do_stable_layer_norm": false,
              "num_conv_pos_embeddings": 128, "num_conv_pos_embedding_groups": 16, "pad_token_id": 0, "sampling_rate": 16000, "preprocessing": { "do_normalize": true }
            }
            """)!;
        foreach (var (key, value) in expected.AsObject())
            Assert.That(JsonNode.DeepEquals(config[key], value), $"{key}: {config[key]?.ToJsonString()}");
    }

    [Test]
    public void What_it_says_goes_before_that()
    {
        const string said =
            """
            "layer_norm_eps": 0.25, "hidden_act": "relu", "feat_extract_activation": "relu", "conv_bias": true, "do_stable_layer_norm": true,
            "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "pad_token_id": 3
            """;
        JsonObject config = Convert(With(said)).Config;
        foreach (var (key, value) in JsonNode.Parse($"{{ {Config.Replace("\"model_type\": \"wav2vec2\", ", "")}, {said} }}")!.AsObject())
            Assert.That(JsonNode.DeepEquals(config[key], value), $"{key}: {config[key]?.ToJsonString()}");
    }

    [TestCase("{}", 16_000, true)]
    [TestCase("""{"do_normalize": true, "sampling_rate": 8000}""", 8_000, true)]
    [TestCase("""{"do_normalize": false}""", 16_000, false)]
    public void Rate_and_normalisation_are_the_feature_extractors(string processor, int rate, bool normalize)
    {
        JsonObject config = Convert(beside: ("preprocessor_config.json", processor)).Config;
        Assert.That(((int)config["sampling_rate"]!, (bool)config["preprocessing"]!["do_normalize"]!), Is.EqualTo((rate, normalize)));
    }

    [TestCase("add_adapter", "true")]
    [TestCase("adapter_attn_dim", "16")]
    public void A_variant_that_packages_do_not_have_is_refused_by_its_key(string key, string value) =>
        Assert.That(() => Convert(With($"\"{key}\": {value}")), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo(key));

    [Test]
    public void Tokens_that_were_added_are_characters_too()
    {
        ConvertedPackage package = Convert(beside: [("vocab.json", """{"<pad>": 0, "|": 1, "a": 2}"""), ("added_tokens.json", """{"<s>": 4}""")]);
        Assert.That(package.Entries, Is.EqualTo(new[] { "<pad>", "|", "a", "<3>", "<s>" }));
        Assert.That(package.Notes, Is.Empty);
        Assert.That(Convert().Notes, Has.One.Contains("no vocab.json"));
    }

    [Test]
    public void A_character_beyond_the_outputs_is_refused() => Assert.That(
        () => Convert(beside: ("vocab.json", """{"<pad>": 0, "a": 5}""")),
        Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("a").And.Property("File").EndsWith("vocab.json"));

    [Test]
    public void Some_outputs_may_be_without_a_character_but_no_sea_of_them()
    {
        (string, string) vocabulary = ("vocab.json", """{"<pad>": 0, "a": 1}""");
        Assert.That(Convert(Config.Replace("\"vocab_size\": 5", "\"vocab_size\": 1026"), vocabulary).Entries, Has.Count.EqualTo(1026).And.Some.EqualTo("<1025>"));
        Assert.That(
            () => Convert(Config.Replace("\"vocab_size\": 5", "\"vocab_size\": 1027"), vocabulary),
            Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("vocab_size"));
    }
}
