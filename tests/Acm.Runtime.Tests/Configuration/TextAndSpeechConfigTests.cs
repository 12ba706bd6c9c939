using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Configuration;

/// <summary>What config.json says of text and speech models, and what holds where it says nothing.</summary>
public class TextAndSpeechConfigTests
{
    private const string Text = "bert-tiny", Speech = "wav2vec2-tiny-layer-stable-bias";

    // Key that must be named, and a change of a valid configuration.
    private static readonly (string Model, string Key, Action<JsonObject> Change)[] Contradictions =
    [
        (Text, "pooling", json => json["pooling"] = "max"),
        (Text, "max_position_embeddings", json => json["max_position_embeddings"] = 0),
        (Text, "preprocessing.max_length", json => json["preprocessing"]!["max_length"] = (int)json["max_position_embeddings"]! + 1),
        (Text, "preprocessing.max_length", json => json["preprocessing"]!["max_length"] = 1),
        (Speech, "conv_dim", json => json["conv_dim"] = new JsonArray()),
        (Speech, "conv_dim", json => json["conv_dim"] = new JsonArray([.. Enumerable.Repeat(4, 65).Select(static width => JsonValue.Create(width))])),
        (Speech, "conv_kernel", json => json["conv_kernel"]!.AsArray().RemoveAt(0)),
        (Speech, "conv_stride", json => json["conv_stride"]!.AsArray().Add(1)),
        (Speech, "conv_stride[0]", json => json["conv_stride"]![0] = 0),
        (Speech, "conv_stride", json => json["conv_stride"] = new JsonArray([.. json["conv_stride"]!.AsArray().Select(static _ => JsonValue.Create(1 << 14))])),
        (Speech, "num_conv_pos_embedding_groups", json => json["num_conv_pos_embedding_groups"] = (int)json["hidden_size"]! - 1),
        (Speech, "pad_token_id", json => json["pad_token_id"] = (int)json["vocab_size"]!),
        (Speech, "pad_token_id", json => json["pad_token_id"] = -1),
        (Speech, "feat_extract_norm", json => json["feat_extract_norm"] = "batch"),
    ];

    private static IEnumerable<TestCaseData> ContradictionCases() =>
        Contradictions.Select((_, i) => new TestCaseData(i).SetArgDisplayNames($"{i} {Contradictions[i].Key}"));

    [TestCaseSource(nameof(ContradictionCases))]
    public void AContradictionIsRefusedByKey(int index)
    {
        var (model, key, change) = Contradictions[index];
        Assert.That(() => Read(model), Throws.Nothing);
        Assert.That(Assert.Throws<ModelFormatException>(() => Read(model, change))!.Tensor, Is.EqualTo(key));
    }

    [Test]
    public void TheLastCharacterMayBeTheBlank() =>
        Assert.That(Read(Speech, static json => json["pad_token_id"] = (int)json["vocab_size"]! - 1).Wav2Vec2!.PadTokenId, Is.EqualTo(Read(Speech).Wav2Vec2!.VocabSize - 1));

    [Test]
    public void WhatATextModelDoesNotSayIsAsTheFormatHasIt()
    {
        ModelConfig config = Read(Text, static json =>
        {
            json.Remove("normalize");
            json.Remove("preprocessing");
        });
        Assert.That(config.Bert!.Normalize, Is.False);
        Assert.That(config.Text, Is.EqualTo(new TextPreprocessing(LowerCase: true, StripAccents: true, SplitChinese: true, config.Bert.MaxPositions)));
        Assert.That(Read(Text, static json => json["preprocessing"] = new JsonObject()).Text, Is.EqualTo(config.Text));
    }

    /// <summary>Accents go where case goes, unless said otherwise.</summary>
    [TestCase("{}", true, true)]
    [TestCase("""{"do_lower_case": false}""", false, false)]
    [TestCase("""{"do_lower_case": false, "strip_accents": true}""", false, true)]
    [TestCase("""{"strip_accents": false}""", true, false)]
    public void AccentsGoWithCase(string preprocessing, bool lowerCase, bool stripAccents)
    {
        TextPreprocessing text = Read(Text, json => json["preprocessing"] = JsonNode.Parse(preprocessing)).Text!;
        Assert.That((text.LowerCase, text.StripAccents), Is.EqualTo((lowerCase, stripAccents)));
    }

    [Test]
    public void SoundIsNormalisedOnlyWhereAModelSaysSo([Values] bool mentioned)
    {
        JsonObject? preprocessing = mentioned ? new JsonObject() : null;
        Assert.That(Read(Speech, json => json["preprocessing"] = preprocessing).Audio, Is.EqualTo(new AudioPreprocessing(Normalize: false)));
    }

    /// <summary>Against the convolutions' own rule, layer by layer: so many samples give one frame, one fewer gives none.</summary>
    [FsCheck.NUnit.Property]
    public void TheLeastSamplesGiveOneFrame(byte[] sizes)
    {
        int[] kernels = [.. sizes.Take(6).Select(static size => 1 + size % 11)], strides = [.. sizes.Take(6).Select(static size => 1 + size / 11 % 5)];
        int least = (Read(Speech).Wav2Vec2! with { ConvKernel = kernels, ConvStride = strides }).LeastSamples;
        Assert.That((Frames(least), Frames(least - 1)), Is.EqualTo((1, 0)));

        int Frames(int samples) =>
            kernels.Zip(strides).Aggregate(samples, static (rows, conv) => rows < conv.First ? 0 : (rows - conv.First) / conv.Second + 1);
    }

    private static ModelConfig Read(string model, Action<JsonObject>? change = null)
    {
        string file = Path.Combine(SharedFolder.Data(model), "config.json");
        JsonObject json = JsonNode.Parse(File.ReadAllBytes(file))!.AsObject();
        change?.Invoke(json);
        return ModelConfig.Parse(ConfigNode.Parse(file, System.Text.Encoding.UTF8.GetBytes(json.ToJsonString())), folder: null);
    }
}
