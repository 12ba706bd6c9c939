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
    public void TheReportCanBeJson()
    {
        string package = Path.Combine(_folder, "package");
        var (code, output, _) = Run(SharedFolder.Data("vit-tiny", "original.safetensors"), "-o", package, "--heads", "2", "--json");
        Assert.That(code, Is.Zero);
        using var json = JsonDocument.Parse(output);
        Assert.That(json.RootElement.GetProperty("output").GetString(), Is.EqualTo(package));
        Assert.That(json.RootElement.GetProperty("tensors").GetInt32(), Is.EqualTo(40));
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
    [TestCase("published-chain/base.pth", "0 attention heads", "--heads", "0")]
    [TestCase("published-chain/base.pth", "-1 attention heads", "--heads", "-1")]
    [TestCase("published-chain/base.pth", "maybe", "--normalize", "maybe")]
    [TestCase("published-chain/base.pth", "--heads 3.5: not a whole number", "--heads", "3.5")]
    public void What_the_source_contradicts_is_refused(string source, string said, params string[] options)
    {
        string package = Path.Combine(_folder, "package");
        Assert.That(Tool.Refuse(2, ["convert", SharedFolder.Data(source.Split('/')), "--output", package, .. options]), Does.Contain(said));
        Assert.That(Directory.Exists(package), Is.False);
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
