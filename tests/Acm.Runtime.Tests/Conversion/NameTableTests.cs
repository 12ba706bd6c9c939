using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.HuggingFace;
using Acm.Runtime.Conversion.Torchvision;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>What a layout's table makes of names, and of the matrix that holds q, k and v.</summary>
public class NameTableTests
{
    private const string InProjection = "encoder.layers.encoder_layer_3.self_attention.in_proj_weight";

    [Test]
    public void Two_tensors_that_get_one_name_are_refused()
    {
        StateDict state = MadeTensor.State(new("bert.embeddings.LayerNorm.gamma", [4]), new("embeddings.LayerNorm.weight", [4]));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => BertNames.Table.Apply(state))!;
        Assert.That(error.Message, Does.Contain("bert.embeddings.LayerNorm.gamma").And.Contain("one tensor for 'embeddings.LayerNorm.weight'"));
    }

    [TestCase("class_tokens")]
    [TestCase("my_class_token")]
    [TestCase("encoder.layers.encoder_layer_.ln_1.weight")]
    [TestCase("encoder.layers.encoder_layer_01.ln_1.weight")]
    [TestCase("conv_proj.")]
    public void A_name_is_known_as_a_whole_or_refused(string name)
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TorchvisionNames.Table.Apply(MadeTensor.State(new MadeTensor(name, [4]))))!;
        Assert.That((error.Tensor, error.Expected), Is.EqualTo((name, "a tensor this layout knows")));
    }

    [TestCase("vit.embeddings.mask_token", "vit.pooler.dense.weight", "pooler.dense.bias")]
    [TestCase("bert.embeddings.position_ids", "embeddings.token_type_ids", "bert.pooler.dense.weight", "cls.predictions.bias", "classifier.weight", "qa_outputs.bias")]
    [TestCase("wav2vec2.masked_spec_embed")]
    public void What_the_forward_does_not_use_is_left_out_whatever_its_type(params string[] names)
    {
        NameTable table = names[0].Split('.')[0] switch { "vit" => ViTNames.Table, "bert" => BertNames.Table, _ => Wav2Vec2Names.Table };
        Assert.That(table.Apply(MadeTensor.State(names.Select(static name => new MadeTensor(name, [1, 4], TensorDType.I64)))), Is.Empty);
    }

    [TestCase("heads.weight")]
    [TestCase("heads.head.weight")]
    public void A_head_may_be_called_as_in_older_files(string name) =>
        Assert.That(TorchvisionNames.Table.Apply(MadeTensor.State(new MadeTensor(name, [4]))).Keys, Is.EqualTo(new[] { "heads.head.weight" }));

    [Test]
    public void One_matrix_becomes_those_of_q_k_and_v_in_this_order()
    {
        byte[] bytes = [.. Enumerable.Range(0, 24).Select(static i => (byte)i)];
        var parts = TorchvisionNames.Table.Apply(MadeTensor.State(new MadeTensor(InProjection, [6, 2], TensorDType.F16, bytes)));
        foreach (var (part, i) in new[] { ("q", 0), ("k", 1), ("v", 2) })
        {
            PackageTensor tensor = parts[$"encoder.layers.encoder_layer_3.self_attention.{part}_proj.weight"];
            Assert.That(tensor.Shape, Is.EqualTo(new long[] { 2, 2 }));
            Assert.That(tensor.ReadBytes(), Is.EqualTo(bytes[(8 * i)..(8 * i + 8)]), part);
        }
    }

    [TestCase(7, 2)]
    [TestCase(2)]
    [TestCase]
    public void Rows_that_are_not_three_equal_parts_are_refused(params int[] shape)
    {
        StateDict state = MadeTensor.State(new MadeTensor(InProjection, [.. shape.Select(static size => (long)size)]));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TorchvisionNames.Table.Apply(state))!;
        Assert.That((error.Tensor, error.Expected), Is.EqualTo((InProjection, "rows in 3 equal parts")));
    }
}
