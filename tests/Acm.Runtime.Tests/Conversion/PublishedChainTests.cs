using System.Text.Json.Nodes;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>The published code's chain becomes the stored package, wherever its files lie.</summary>
public class PublishedChainTests
{
    private static readonly string[] Chain = ["base.pth", "acm.pth", "acm_deep_gumbel.pth", "facm.pth"];

    private static string Golden(params string[] parts) => SharedFolder.Need(["golden", "published-checkpoint", .. parts]);

    [TestCase("facm.pth")]
    [TestCase("facm-cuda.pth")]
    public void TheLastFileAloneFindsItsChainBesideIt(string last)
    {
        using var folder = new TemporaryFolder();
        Convert(folder, Golden(last));
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void TheFilesMayBeGivenInAnyOrder()
    {
        using var folder = new TemporaryFolder();
        string[] scattered = [.. Chain.Select((file, i) => folder.CopyAs(Golden(file), $"elsewhere{i}", file))];
        Convert(folder, scattered);
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void AFolderOfTheChainWillDo()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in Chain)
        {
            folder.CopyAs(Golden(file), "chain", file);
        }
        Convert(folder, folder["chain"]);
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void AFileIsConvertedWithTheRestOfItsChainInAFolder()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in Chain)
        {
            folder.CopyAs(Golden(file), "chain", file);
        }
        Convert(folder, folder.CopyAs(Golden("facm-cuda.pth"), "mine", "model.pth"), folder["chain"]);
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void TheFolderOfTheGoldenItselfWillDo()
    {
        using var folder = new TemporaryFolder();
        Convert(folder, Golden());
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void TheCodesOwnRunFoldersAreFollowed()
    {
        var names = JsonNode.Parse(File.ReadAllBytes(Golden("run-names.json")))!.AsObject();
        using var folder = new TemporaryFolder();
        foreach (var (file, name) in names)
        {
            folder.CopyAs(Golden(file), "runs", (string)name!, "final.pth");
        }
        Convert(folder, folder["runs", (string)names["facm.pth"]!, "final.pth"]);
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void HeadsGivenAsAnOptionStandInForTheDenseModel()
    {
        using var folder = new TemporaryFolder();
        string[] files = [.. Chain[1..].Select(file => folder.CopyAs(Golden(file), "chain", file))];
        Assert.That(() => Convert(folder, files), Throws.TypeOf<ModelFormatException>().With.Message.Contains("phase 0"));
        ModelConverter.Convert(files, folder["package"], new ConversionOptions { Heads = 3 });
        AssertIsTheStoredPackage(folder);
    }

    [Test]
    public void TheGatesPhaseIsAPackageTooAndThePhaseBeforeIsNone()
    {
        using var folder = new TemporaryFolder();
        Convert(folder, Golden("acm_deep_gumbel.pth"));
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        using var stored = SafeTensorsFile.Open(Golden("model.safetensors"));
        Assert.That(package.Names, Is.EquivalentTo(stored.Names));
        Assert.That(
            () => ModelConverter.Convert([Golden("acm.pth")], folder["other"], new ConversionOptions()),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("gates"));
        Assert.That(Directory.Exists(folder["other"]), Is.False);
    }

    [Test]
    public void TheDensePhaseIsAPackageToo()
    {
        using var folder = new TemporaryFolder();
        Convert(folder, Golden("base.pth"));
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        Assert.That(package.Get("encoder.layers.encoder_layer_1.self_attention.o_proj.weight").ToString(), Is.EqualTo("F32 [48, 48]"));
        Assert.That(package.Get("encoder.layers.encoder_layer_1.self_attention.v_proj.bias").ToString(), Is.EqualTo("F32 [48]"));
    }

    private static void Convert(TemporaryFolder folder, params string[] sources) =>
        ModelConverter.Convert(sources, folder["package"], new ConversionOptions());

    private static void AssertIsTheStoredPackage(TemporaryFolder folder)
    {
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        using var stored = SafeTensorsFile.Open(Golden("model.safetensors"));
        Assert.That(package.Names, Is.EquivalentTo(stored.Names));
        foreach (string name in stored.Names)
        {
            Assert.That(package.Get(name).ToString(), Is.EqualTo(stored.Get(name).ToString()), name);
            Assert.That(package.Get(name).Bytes.SequenceEqual(stored.Get(name).Bytes), name);
        }
        var made = Config(folder["package", "config.json"]);
        Assert.That(JsonNode.DeepEquals(made, Config(Golden("config.json"))), made.ToJsonString());
    }

    private static JsonObject Config(string file)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(file))!.AsObject();
        json.Remove("provenance");
        return json;
    }
}
