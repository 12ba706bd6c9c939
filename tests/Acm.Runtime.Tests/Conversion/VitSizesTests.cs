using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.Torchvision;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Sizes of torchvision's models: what is read off the tensors, and the heads that only a model's sizes or name tell.</summary>
public class VitSizesTests
{
    private static StateDict State(int patch, int layers, int hidden, int mlp, string head = "heads.head.weight") => MadeTensor.State(
    [
        new("conv_proj.weight", [hidden, 3, patch, patch]), new("class_token", [1, 1, hidden]), new("encoder.pos_embedding", [1, 50, hidden]),
        new("encoder.layers.encoder_layer_0.mlp.0.weight", [mlp, hidden]), new(head, [1000, hidden]),
        .. Enumerable.Range(0, layers).Select(i => new MadeTensor($"encoder.layers.encoder_layer_{i}.ln_1.weight", [hidden])),
    ]);

    [TestCase("vit_b_16", 16, 12, 768, 3072, 12)]
    [TestCase("vit_b_32", 32, 12, 768, 3072, 12)]
    [TestCase("vit_l_16", 16, 24, 1024, 4096, 16)]
    [TestCase("vit_l_32", 32, 24, 1024, 4096, 16)]
    [TestCase("vit_h_14", 14, 32, 1280, 5120, 16)]
    public void A_named_model_has_its_heads_by_its_sizes_and_by_its_name(string name, int patch, int layers, int hidden, int mlp, int heads)
    {
        VitSizes sizes = VitSizes.FromTensors(State(patch, layers, hidden, mlp), heads: null, mlp: null);
        Assert.That(sizes, Is.EqualTo(new VitSizes(7 * patch, patch, 3, layers, heads, hidden, mlp, 1000)));
        Assert.That(VitSizes.OfName(name), Is.EqualTo((heads, mlp)));
    }

    [TestCase(8, 12, 768, 3072)]
    [TestCase(16, 11, 768, 3072)]
    [TestCase(16, 12, 1024, 3072)]
    [TestCase(16, 12, 768, 3071)]
    public void Other_sizes_tell_no_heads(int patch, int layers, int hidden, int mlp)
    {
        StateDict state = State(patch, layers, hidden, mlp);
        Assert.That(() => VitSizes.FromTensors(state, heads: null, mlp: null), Throws.TypeOf<ModelFormatException>().With.Message.Contains("attention heads"));
        Assert.That(VitSizes.FromTensors(state, heads: 4, mlp: null).Heads, Is.EqualTo(4));
    }

    [Test]
    public void The_head_of_an_older_file_has_another_name() =>
        Assert.That(VitSizes.FromTensors(State(16, 12, 768, 3072, "heads.weight"), heads: null, mlp: null).Labels, Is.EqualTo(1000));

    [TestCase(1)]
    [TestCase(6)]
    public void Positions_that_are_no_class_token_and_a_square_are_refused(int positions)
    {
        StateDict state = MadeTensor.State(State(16, 12, 768, 3072).Tensors.Values.Cast<MadeTensor>()
            .Select(tensor => tensor.Name == "encoder.pos_embedding" ? new MadeTensor(tensor.Name, [1, positions, 768]) : tensor));
        Assert.That(() => VitSizes.FromTensors(state, heads: null, mlp: null), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("encoder.pos_embedding"));
    }
}
