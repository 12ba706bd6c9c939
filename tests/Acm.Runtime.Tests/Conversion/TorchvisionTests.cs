using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>torchvision's own state dict becomes the package of the same model.</summary>
public class TorchvisionTests
{
    [Test]
    public void AStateDictBecomesThePackageBesideIt()
    {
        using var folder = new TemporaryFolder();
        ModelConverter.Convert([SharedFolder.Data("vit-tiny", "original.safetensors")], folder["package"], new ConversionOptions { Heads = 2 });
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        using var stored = SafeTensorsFile.Open(SharedFolder.Data("vit-tiny", "model.safetensors"));
        Assert.That(package.Names, Is.EquivalentTo(stored.Names));
        foreach (string name in stored.Names)
        {
            Assert.That(package.Get(name).ToString(), Is.EqualTo(stored.Get(name).ToString()), name);
            Assert.That(package.Get(name).Bytes.SequenceEqual(stored.Get(name).Bytes), name);
        }
        var made = Configuration(folder["package"]);
        var expected = Configuration(SharedFolder.Data("vit-tiny"));
        Assert.That(made, Is.EqualTo(expected));
    }

    [Test]
    public void TheNumberOfHeadsIsInNoTensor()
    {
        using var folder = new TemporaryFolder();
        Assert.That(
            () => ModelConverter.Convert([SharedFolder.Data("vit-tiny", "original.safetensors")], folder["package"], new ConversionOptions()),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("heads"));
    }

    [Test]
    public void AFolderInUseIsLeftAlone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["mine.txt"], "mine");
        Assert.Throws<ArgumentException>(() =>
            ModelConverter.Convert([SharedFolder.Data("vit-tiny", "original.safetensors")], folder.Path, new ConversionOptions { Heads = 2 }));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.EqualTo(new[] { folder["mine.txt"] }));
    }

    private static object Configuration(string folder)
    {
        var config = Runtime.Configuration.ModelConfig.Load(folder);
        return (config.HiddenSize, config.Layers, config.Heads, config.IntermediateSize, config.LayerNormEpsilon, config.HiddenActivation, config.Vit);
    }
}
