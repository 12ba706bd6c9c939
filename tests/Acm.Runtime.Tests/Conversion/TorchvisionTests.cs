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
        AssertIsTheStoredPackage(folder["package"]);
    }

    // The files torchvision publishes name their MLP linear_1 and linear_2; those saved since name it 0 and 3.
    [TestCase("mlp.0", "mlp.3")]
    [TestCase("mlp.linear_1", "mlp.linear_2")]
    public void ATorchFileOfItDoesToo(string up, string down)
    {
        using var folder = new TemporaryFolder();
        using (var original = SafeTensorsFile.Open(SharedFolder.Data("vit-tiny", "original.safetensors")))
        {
            TorchFile.Write(folder["vit.pth"], [.. original.Names.Select(name =>
            {
                float[] values = new float[original.Get(name).ElementCount];
                original.Get(name).CopyTo(values);
                return (name.Replace("mlp.0", up).Replace("mlp.3", down), original.Get(name).Shape.ToArray(), values);
            })]);
        }
        ModelConverter.Convert([folder["vit.pth"]], folder["package"], new ConversionOptions { Heads = 2 });
        AssertIsTheStoredPackage(folder["package"]);
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

    private static void AssertIsTheStoredPackage(string folder)
    {
        using var package = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        using var stored = SafeTensorsFile.Open(SharedFolder.Data("vit-tiny", "model.safetensors"));
        Assert.That(package.Names, Is.EquivalentTo(stored.Names));
        foreach (string name in stored.Names)
        {
            Assert.That(package.Get(name).ToString(), Is.EqualTo(stored.Get(name).ToString()), name);
            Assert.That(package.Get(name).Bytes.SequenceEqual(stored.Get(name).Bytes), name);
        }
        Assert.That(Configuration(folder), Is.EqualTo(Configuration(SharedFolder.Data("vit-tiny"))));
    }

    private static object Configuration(string folder)
    {
        var config = Runtime.Configuration.ModelConfig.Load(folder);
        return (config.HiddenSize, config.Layers, config.Heads, config.IntermediateSize, config.LayerNormEpsilon, config.HiddenActivation, config.Vit);
    }
}
