using System.Text.Json.Nodes;
using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.Published;
using Acm.Runtime.Conversion.Torch;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>What the arguments of the published code's runs say, where the stored chain leaves them at their defaults.</summary>
public class PublishedArgumentsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CopyTheChain()
    {
        _folder = new TemporaryFolder();
        foreach (string file in (string[])["base.pth", "acm.pth", "acm_deep_gumbel.pth", "facm.pth"])
            PublishedChanges.Copy(_folder, file);
    }

    [TearDown]
    public void Clean() => _folder.Dispose();

    /// <summary>The configuration, whether or not the weights agree with it.</summary>
    private JsonObject Config()
    {
        using Checkpoint last = Checkpoint.Open(_folder["facm.pth"]);
        return PublishedConverter.Convert(last, [], heads: null).Config;
    }

    private JsonObject Site(string name) => Config()["acm"]![name]!.AsObject();

    private ConversionReport Convert(string file = "facm.pth", int? heads = null) =>
        ModelConverter.Convert([_folder[file]], _folder["package"], new ConversionOptions { Heads = heads });

    [TestCase("relu", "relu")]
    [TestCase("none", "identity")]
    [TestCase("linear", "identity")]
    [TestCase("identity", "identity")]
    public void Activations_of_MLPs_and_projections_are_told_apart(string said, string expected)
    {
        string file = _folder["acm.pth"];
        PublishedChanges.Set(file, "dropout", PublishedChanges.Number(0.0), TorchFile.Text(said));
        PublishedChanges.Rename(file, "dropout", "activation");
        Assert.That(((string)Site("mlp")["activation"]!, (string)Site("q_proj")["activation"]!), Is.EqualTo((expected, "identity")));
        PublishedChanges.Set(file, "attention_dropout", PublishedChanges.Number(0.0), TorchFile.Text("gelu"));
        PublishedChanges.Rename(file, "attention_dropout", "attention_activation");
        foreach (string site in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
            Assert.That((string)Site(site)["activation"]!, Is.EqualTo("gelu"), site);
        Assert.That((string)Site("mlp")["activation"]!, Is.EqualTo(expected));
    }

    [Test]
    public void An_unknown_activation_is_refused()
    {
        PublishedChanges.Set(_folder["acm.pth"], "dropout", PublishedChanges.Number(0.0), TorchFile.Text("silu"));
        PublishedChanges.Rename(_folder["acm.pth"], "dropout", "activation");
        Assert.That(() => Convert(), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("args.model_args.activation"));
    }

    // Width 24 of the MLP, 12 of the model: round(24 s) and round(s (12² + 12) / (2 · 12 + 1)), half to even as in Python.
    [TestCase(0.1875, 4, 1)]
    [TestCase(0.41, 10, 3)]
    public void A_learners_size_is_the_codes_own_formula(double share, int mlp, int projection)
    {
        PublishedChanges.Set(_folder["acm.pth"], "block_flops_factor", PublishedChanges.Number(0.25), PublishedChanges.Number(share));
        Assert.That(((int)Site("mlp")["learner_size"]!, (int)Site("o_proj")["learner_size"]!), Is.EqualTo((mlp, projection)));
    }

    [Test]
    public void A_share_may_be_a_whole_number()
    {
        PublishedChanges.Set(_folder["acm.pth"], "block_flops_factor", PublishedChanges.Number(0.25), PublishedChanges.Number(1));
        Assert.That((int)Site("mlp")["learner_size"]!, Is.EqualTo(24));
    }

    [Test]
    public void The_least_choice_is_one_number_for_all_or_each_sites_own()
    {
        string file = _folder["acm_deep_gumbel.pth"];
        Assert.That(Least(), Is.EqualTo(new[] { 0, 1, 1, 1, 1 }));
        PublishedChanges.Rename(file, "o_proj", "ffn");
        Assert.That(Least(), Is.EqualTo(new[] { 1, 1, 1, 1, 0 }), "the code's name of an MLP");
        PublishedChanges.Rename(file, "ffn", "mlp");
        Assert.That(Least(), Is.EqualTo(new[] { 1, 1, 1, 1, 0 }), "a package's");
        PublishedChanges.Rename(file, "min_choice", "was");
        Assert.That(Least(), Is.EqualTo(new[] { 0, 0, 0, 0, 0 }));
        PublishedChanges.Set(file, "gs_tau", PublishedChanges.Number(0.8), PublishedChanges.Number(2));
        PublishedChanges.Rename(file, "gs_tau", "min_choice");
        Assert.That(Least(), Is.EqualTo(new[] { 2, 2, 2, 2, 2 }));

        int[] Least()
        {
            JsonObject config = Config();
            return [.. new[] { "mlp", "q_proj", "k_proj", "v_proj", "o_proj" }.Select(site => (int)config["acm"]![site]!["min_k"]!)];
        }
    }

    [TestCase("both", "b2", "none")]
    [TestCase("none", "b1", "one")]
    [TestCase("out_only", "b1", "one")]
    public void Biases_are_there_as_the_arguments_say_or_refused(string said, string bias, string found)
    {
        string file = _folder["acm.pth"];
        PublishedChanges.Rename(file, "attention_bias", "another");
        Convert();
        Directory.Delete(_folder["package"], recursive: true);
        PublishedChanges.Set(file, "bias", TorchFile.Text("hidden_only"), TorchFile.Text(said));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Convert())!;
        Assert.That((error.Tensor, error.Found), Is.EqualTo(($"encoder.layers.encoder_layer_0.mlp.{bias}", found)));
    }

    [Test]
    public void A_word_for_biases_that_is_none_is_refused()
    {
        PublishedChanges.Set(_folder["acm.pth"], "bias", TorchFile.Text("hidden_only"), TorchFile.Text("some"));
        Assert.That(() => Convert(), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("args.model_args.bias"));
    }

    [Test]
    public void A_site_that_the_arguments_do_not_name_is_dense()
    {
        PublishedChanges.Rename(_folder["acm.pth"], "ffn", "another");
        Assert.That(Config()["acm"]!.AsObject().Select(static site => site.Key), Is.EqualTo(new[] { "q_proj", "k_proj", "v_proj", "o_proj" }));
    }

    [TestCase("image_size", 16, 32)]
    [TestCase("patch_size", 8, 4)]
    [TestCase("num_layers", 1, 2)]
    [TestCase("hidden_dim", 12, 24)]
    [TestCase("num_classes", 4, 5)]
    public void Sizes_that_the_dense_model_contradicts_are_refused(string argument, byte said, byte other)
    {
        PublishedChanges.Set(_folder["base.pth"], argument, PublishedChanges.Number(said), PublishedChanges.Number(other));
        Assert.That(() => Convert(), Throws.TypeOf<ModelFormatException>());
        Assert.That(Directory.Exists(_folder["package"]), Is.False);
    }

    /// <summary>The class of a named model fixes its heads: another number would make another model of the same weights.</summary>
    [Test]
    public void Heads_that_a_models_name_contradicts_are_refused()
    {
        string file = _folder["base.pth"];
        PublishedChanges.Set(file, "model_class", TorchFile.Text("vit"), TorchFile.Text("tv_vit_b_16"));
        PublishedChanges.Rename(file, "num_heads", "another");
        Assert.That(() => Convert("base.pth", heads: 6), Throws.ArgumentException.With.Message.Contains("says 12"));
        Assert.That(Convert("base.pth", heads: 12).Tensors, Is.GreaterThan(10));
    }
}
