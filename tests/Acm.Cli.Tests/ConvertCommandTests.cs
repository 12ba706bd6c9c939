using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>acm convert, as a user calls it.</summary>
public class ConvertCommandTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-cli").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void AChainIsConverted()
    {
        string package = Path.Combine(_folder, "package");
        var (code, output, error) = Run(SharedFolder.Data("published-chain", "facm.pth"), "--output", package);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.StartWith("note: "));
        Assert.That(output, Does.StartWith($"{package}: 57 tensors").And.Contain("a chain of the published code"));
        using var model = AcmModel.Load(package);
        Assert.That(model.Sites, Has.Count.EqualTo(5));
    }

    [Test]
    public void APackageIsNotConvertedAgain() =>
        Assert.That(Tool.Refuse(2, "convert", SharedFolder.Data("vit-tiny"), "--output", Path.Combine(_folder, "package")), Does.Contain("a package's: there is nothing to convert"));

    [Test]
    public void ASourceThatIsNotThereIsNamed()
    {
        foreach (string absent in (string[])["absent", "absent.pth", "absent.safetensors"])
        {
            string path = Path.Combine(_folder, absent);
            Assert.That(Tool.Refuse(2, "convert", path, "--output", Path.Combine(_folder, "package")), Is.EqualTo(
                $"acm: {path}: expected a folder, or a file .pth or .safetensors, found nothing of that name{Environment.NewLine}"));
        }
    }

    [Test]
    public void TheReportCanBeJson()
    {
        string package = Path.Combine(_folder, "package");
        var (code, output, _) = Run(SharedFolder.Data("vit-tiny", "original.safetensors"), "-o", package, "--heads", "2", "--json");
        Assert.That(code, Is.Zero);
        using var json = JsonDocument.Parse(output);
        Assert.That(json.RootElement.GetProperty("output").GetString(), Is.EqualTo(package));
        Assert.That(json.RootElement.GetProperty("tensors").GetInt32(), Is.EqualTo(40));
        Assert.That(json.RootElement.GetProperty("bytes").GetInt64(), Is.EqualTo(new FileInfo(Path.Combine(package, "model.safetensors")).Length));
    }

    [Test, Platform(Exclude = "Win")]
    public void AnEmptyFolderIsFilledNotReplaced()
    {
        string target = Directory.CreateDirectory(Path.Combine(_folder, "target")).FullName, link = Path.Combine(_folder, "link");
        Directory.CreateSymbolicLink(link, target);
        var (code, _, error) = Run(SharedFolder.Data("vit-tiny", "original.safetensors"), "-o", link, "--heads", "2");
        Assert.That(code, Is.Zero, error);
        Assert.That(new DirectoryInfo(link).LinkTarget, Is.EqualTo(target));
        Assert.That(Directory.GetFileSystemEntries(target).Select(Path.GetFileName), Is.EquivalentTo(new[] { "config.json", "model.safetensors" }));
        Assert.That(Directory.GetFileSystemEntries(_folder), Has.Length.EqualTo(2));
    }

    [Test]
    public void ARefusedSourceLeavesAnEmptyFolderEmpty()
    {
        Assert.That(Run(SharedFolder.Data("vit-tiny", "original.safetensors"), "-o", _folder, "--heads", "5").Code, Is.EqualTo(2));
        Assert.That(Run(SharedFolder.Data("published-chain", "acm.pth"), "-o", _folder).Code, Is.EqualTo(2));
        Assert.That(Directory.GetFileSystemEntries(_folder), Is.Empty);
    }

    [Test]
    public void BadInputIsOneLineAndExitCode2()
    {
        string notZip = Path.Combine(_folder, "x.pth");
        File.WriteAllText(notZip, "hello");
        foreach (string[] source in (string[][])[[notZip], [Path.Combine(_folder, "absent.pth")], [_folder, "--heads", "3"], [SharedFolder.Data("vit-tiny")]])
        {
            var (code, output, error) = Run([.. source, "--output", Path.Combine(_folder, "package")]);
            Assert.That((code, output), Is.EqualTo((2, "")), source[0]);
            Assert.That(error.TrimEnd('\n', '\r'), Does.StartWith("acm: ").And.Not.Contain("\n"), source[0]);
            Assert.That(Directory.Exists(Path.Combine(_folder, "package")), Is.False);
        }
    }

    [TestCase("published-chain/base.pth", "4 attention heads", "--heads", "4")]
    [TestCase("published-chain/base.pth", "0 attention heads were asked for; a model has at least 1", "--heads", "0")]
    [TestCase("published-chain/base.pth", "-1 attention heads were asked for; a model has at least 1", "--heads", "-1")]
    [TestCase("published-chain/base.pth", "maybe", "--normalize", "maybe")]
    [TestCase("published-chain/base.pth", "--heads 3.5: not a whole number", "--heads", "3.5")]
    public void What_the_source_contradicts_is_refused(string source, string said, params string[] options)
    {
        string package = Path.Combine(_folder, "package");
        Assert.That(Tool.Refuse(2, ["convert", SharedFolder.Data(source.Split('/')), "--output", package, .. options]), Does.Contain(said));
        Assert.That(Directory.Exists(package), Is.False);
    }

    [TestCase("--pooling", "cls", "pooling", "cls")]
    [TestCase("--pooling", "mean", "pooling", "mean")]
    [TestCase("--normalize", "true", "normalize", "True")]
    [TestCase("--normalize", "false", "normalize", "False")]
    public void How_a_sentence_s_vector_is_made_can_be_said(string option, string value, string key, string written)
    {
        using TemporaryFolder source = new();
        foreach (string file in (string[])["config.json", "original.safetensors"])
            source.CopyAs(SharedFolder.Data("bert-tiny", file), file.Replace("original", "model"));
        File.WriteAllText(source["config.json"], """
            { "architectures": ["BertModel"], "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
              "vocab_size": 100, "max_position_embeddings": 64, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu" }
            """);
        string package = Path.Combine(_folder, "package");
        Tool.Succeed("convert", source.Path, "--output", package, option, value);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(package, "config.json")));
        Assert.That(config.RootElement.GetProperty(key).ToString(), Is.EqualTo(written));
    }

    [Test]
    public void Weights_that_are_no_numbers_are_taken_where_that_is_said()
    {
        using TemporaryFolder folder = new();
        folder.CopyAs(SharedFolder.Data("vit-tiny", "original.safetensors"), "model.safetensors");
        string source = Path.Combine(Tool.Changed(folder, folder.Path, static _ => float.NaN, "heads.head.bias"), "model.safetensors"), package = Path.Combine(_folder, "package");
        Assert.That(Tool.Refuse(2, "convert", source, "-o", package, "--heads", "2"), Does.Contain("heads.head.bias"));
        Tool.Succeed("convert", source, "-o", package, "--heads", "2", "--allow-non-finite");
    }

    [Test]
    public void Notes_are_in_the_json_or_beside_the_output()
    {
        string[] command = ["convert", SharedFolder.Data("published-chain", "facm.pth"), "--output"];
        string[] notes = [.. Tool.Json([.. command, Path.Combine(_folder, "json")]).GetProperty("notes").EnumerateArray().Select(static note => note.GetString()!)];
        var (code, output, error) = Tool.Run([.. command, Path.Combine(_folder, "text")]);
        Assert.That(code, Is.Zero, error);
        Assert.That(notes, Is.Not.Empty);
        Assert.That(error, Is.EqualTo(string.Concat(notes.Select(static note => $"note: {note}{Environment.NewLine}"))));
        Assert.That(output.TrimEnd(), Does.Not.Contain("\n").And.Contain($" {new FileInfo(Path.Combine(_folder, "text", "model.safetensors")).Length / 1e6:F1} MB"));
    }

    [Test]
    public void What_the_source_has_no_use_for_is_noted()
    {
        var (code, _, error) = Run(SharedFolder.Data("published-chain", "base.pth"), "--output", Path.Combine(_folder, "package"), "--pooling", "cls", "--heads", "3");
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("note: pooling"));
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int code = AcmTool.Run(["convert", .. arguments], output, error);
        return (code, $"{output}", $"{error}");
    }
}
