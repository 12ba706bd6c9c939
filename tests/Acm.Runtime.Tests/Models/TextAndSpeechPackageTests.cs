using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Models;

/// <summary>Weights of text and speech models that are not what the configuration says.</summary>
public class TextAndSpeechPackageTests
{
    private const string Text = "bert-tiny", Speech = "wav2vec2-tiny-layer-stable-bias";

    [TestCase(Text, "encoder.layer.0.mlp.w1")]
    [TestCase(Text, "encoder.layer.2.output.LayerNorm.weight")]
    [TestCase(Speech, "wav2vec2.encoder.layers.0.feed_forward.w1")]
    [TestCase(Speech, "wav2vec2.feature_extractor.conv_layers.99.conv.weight")]
    public void A_tensor_in_a_layer_that_the_configuration_has_no_place_for(string model, string name)
    {
        using TemporaryFolder folder = Changed(model, writer => writer.Add(name, [2], new float[2]));
        Assert.That(() => AcmModel.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo(name));
    }

    [TestCase(Text, "pooler.dense.weight")]
    [TestCase(Speech, "wav2vec2.masked_spec_embed")]
    public void One_outside_the_layers_is_ignored(string model, string name)
    {
        using TemporaryFolder folder = Changed(model, writer => writer.Add(name, [2], new float[2]));
        using AcmModel loaded = AcmModel.Load(folder.Path);
    }

    [TestCase(TensorDType.F64)]
    [TestCase(TensorDType.I32)]
    public void Numbers_of_a_type_that_weights_do_not_have(TensorDType type)
    {
        const string name = "encoder.layer.1.output.LayerNorm.bias";
        using TemporaryFolder folder = Changed(Text, writer => writer.Add(name, type, [32], new byte[32 * type.Size()]), name);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => AcmModel.Load(folder.Path))!;
        Assert.That((error.Tensor, error.Found), Is.EqualTo((name, $"{type} [32]")));
    }

    /// <summary>Its length is divided by: zero over zero is no weight.</summary>
    [Test]
    public void A_direction_without_a_length_unless_allowed()
    {
        const string direction = "wav2vec2.encoder.pos_conv_embed.conv.weight_v";
        using TemporaryFolder folder = Changed(Speech, writer => writer.Add(direction, [32, 8, 16], new float[32 * 8 * 16]), direction);
        Assert.That(() => AcmModel.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo(direction));
        using AcmModel loaded = AcmModel.Load(folder.Path, new ModelLoadOptions { AllowNonFinite = true });
    }

    // The package with what is added, and without the tensor that it stands for.
    private static TemporaryFolder Changed(string model, Action<SafeTensorsWriter> add, string without = "")
    {
        TemporaryFolder folder = new();
        folder.CopyAs(Path.Combine(SharedFolder.Data(model), "config.json"), "config.json");
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(SharedFolder.Data(model), "model.safetensors"));
        SafeTensorsWriter writer = new();
        foreach (string name in file.Names.Where(name => name != without))
            writer.Add(file.Get(name));
        add(writer);
        writer.Save(folder["model.safetensors"]);
        return folder;
    }
}
