using System.Text;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Fuzzing;

/// <summary>Hugging Face folders with mutated JSON are converted or refused with <see cref="ModelFormatException"/>.</summary>
[NonParallelizable]
public class HuggingFaceFuzzTests
{
    private const string Config =
        """
        {
          "architectures": ["BertModel"], "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
          "intermediate_size": 64, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "vocab_size": 100, "max_position_embeddings": 64,
          "type_vocab_size": 2, "is_decoder": false, "add_cross_attention": false, "position_embedding_type": "absolute",
          "acm": { "mlp": null, "q_proj": null }, "acm_semantics": "paper"
        }
        """;

    private const string Tokenizer = """{ "do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": true, "x": [1, {"y": "z"}] }""";

    private string _folder = "";

    [OneTimeSetUp]
    public void WriteFolder()
    {
        _folder = Directory.CreateTempSubdirectory("acm-fuzz").FullName;
        Directory.CreateDirectory(Path.Combine(_folder, "source"));
        File.WriteAllBytes(Path.Combine(_folder, "source", "model.safetensors"), File.ReadAllBytes(SharedFolder.Data("bert-tiny", "original.safetensors")));
    }

    [OneTimeTearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void TheUnchangedFolderIsConverted() => Assert.That(Convert(Config, Tokenizer), Is.True);

    [FsCheck.NUnit.Property(MaxTest = 2_000, Arbitrary = new[] { typeof(Edits) })]
    public void ConfigChangedByToken(Edit[] edits) => Convert(edits.Aggregate(Config, (json, edit) => edit.Apply(json)), Tokenizer);

    // Found half of a surrogate pair in a value that is only copied.
    [FsCheck.NUnit.Property(MaxTest = 1, Arbitrary = new[] { typeof(Edits) }, Replay = "8594621554324901311,9905579285567338011,60")]
    public void ConfigChangedByTokenFromAKeptSeed(Edit[] edits) => ConfigChangedByToken(edits);

    [FsCheck.NUnit.Property(MaxTest = 300, Arbitrary = new[] { typeof(Edits) })]
    public void TokenizerChangedByToken(Edit[] edits) => Convert(Config, edits.Aggregate(Tokenizer, (json, edit) => edit.Apply(json)));

    /// <summary>True: converted; false: refused.</summary>
    private bool Convert(string config, string tokenizer)
    {
        string package = Path.Combine(_folder, "package");
        File.WriteAllText(Path.Combine(_folder, "source", "config.json"), config, new UTF8Encoding(false));
        File.WriteAllText(Path.Combine(_folder, "source", "tokenizer_config.json"), tokenizer, new UTF8Encoding(false));
        try
        {
            ModelConverter.Convert([Path.Combine(_folder, "source")], package, new ConversionOptions());
        }
        catch (ModelFormatException e)
        {
            Assert.That(e.Message, Does.Not.Contain("\n"));
            Assert.That(Directory.GetDirectories(_folder), Has.Length.EqualTo(1), "a half-written package");
            return false;
        }
        Directory.Delete(package, recursive: true);
        return true;
    }
}
