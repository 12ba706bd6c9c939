using System.Text;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Fuzzing;

/// <summary>
/// Mutated packages are loaded or refused with <see cref="ModelFormatException"/>; nothing else escapes and nothing hangs.
/// Every run draws new mutants; a failure prints its seed, to be kept as a test with <c>Replay</c>, as the ones with a seed here are.
/// </summary>
[NonParallelizable]
public class PackageFuzzTests
{
    private const int Mutants = 8_000;
    private const string Seed = "20260101,7";

    private string _folder = "";
    private byte[] _weights = [];

    [OneTimeSetUp]
    public void WritePackage()
    {
        _folder = Directory.CreateTempSubdirectory("acm-fuzz").FullName;
        SmallPackage.Write(_folder);
        _weights = File.ReadAllBytes(Path.Combine(_folder, "model.safetensors"));
    }

    [OneTimeTearDown]
    public void RemovePackage() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void TheUnchangedPackageIsLoaded()
    {
        SmallPackage.Write(_folder);
        Assert.That(() => LoadAll(_folder), Throws.Nothing);
    }

    [FsCheck.NUnit.Property(MaxTest = Mutants, Arbitrary = new[] { typeof(Edits) })]
    public void WeightsChangedByteWise(Edit[] edits) => WithWeights(edits.Aggregate(_weights, (file, edit) => edit.Apply(file)));

    [FsCheck.NUnit.Property(MaxTest = Mutants, Arbitrary = new[] { typeof(Edits) })]
    public void WeightsChangedInTheHeader(Edit[] edits) => WithWeights(edits.Aggregate(_weights, (file, edit) => edit.ApplyToHeader(file)));

    [FsCheck.NUnit.Property(MaxTest = Mutants, Arbitrary = new[] { typeof(Edits) })]
    public void ConfigChangedByToken(Edit[] edits) => WithConfig(Encoding.UTF8.GetBytes(edits.Aggregate(SmallPackage.Config, (json, edit) => edit.Apply(json))));

    [FsCheck.NUnit.Property(MaxTest = Mutants / 4, Arbitrary = new[] { typeof(Edits) })]
    public void ConfigChangedByteWise(Edit[] edits) => WithConfig(edits.Aggregate(Encoding.UTF8.GetBytes(SmallPackage.Config), (json, edit) => edit.Apply(json)));

    [FsCheck.NUnit.Property(MaxTest = Mutants / 4, Arbitrary = new[] { typeof(Edits) }, Replay = Seed)]
    public void WeightsChangedInTheHeaderFromAKeptSeed(Edit[] edits) => WeightsChangedInTheHeader(edits);

    [FsCheck.NUnit.Property(MaxTest = Mutants / 4, Arbitrary = new[] { typeof(Edits) }, Replay = Seed)]
    public void ConfigChangedByTokenFromAKeptSeed(Edit[] edits) => ConfigChangedByToken(edits);

    [FsCheck.NUnit.Property(MaxTest = Mutants / 4, Arbitrary = new[] { typeof(Edits) })]
    public void ConfigOfATextEncoderChangedByToken(Edit[] edits) => WithPackage(SharedFolder.Data("bert-tiny"), edits);

    [FsCheck.NUnit.Property(MaxTest = Mutants / 4, Arbitrary = new[] { typeof(Edits) })]
    public void ConfigOfASpeechModelChangedByToken(Edit[] edits) => WithPackage(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"), edits);

    private void WithPackage(string package, Edit[] edits)
    {
        string config = File.ReadAllText(Path.Combine(package, "config.json"));
        File.WriteAllBytes(Path.Combine(_folder, "config.json"), Encoding.UTF8.GetBytes(edits.Aggregate(config, (json, edit) => edit.Apply(json))));
        File.Copy(Path.Combine(package, "model.safetensors"), Path.Combine(_folder, "model.safetensors"), overwrite: true);
        LoadedOrRefused();
    }

    private void WithWeights(byte[] weights)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), SmallPackage.Config);
        File.WriteAllBytes(Path.Combine(_folder, "model.safetensors"), weights);
        LoadedOrRefused();
    }

    private void WithConfig(byte[] config)
    {
        File.WriteAllBytes(Path.Combine(_folder, "model.safetensors"), _weights);
        File.WriteAllBytes(Path.Combine(_folder, "config.json"), config);
        LoadedOrRefused();
    }

    private void LoadedOrRefused()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Environment.TickCount64;
        try
        {
            LoadAll(_folder);
        }
        catch (ModelFormatException e)
        {
            Assert.That(e.Message, Does.Not.Contain("\n"));
        }
        Assert.That(Environment.TickCount64 - start, Is.LessThan(10_000), "milliseconds");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 << 20), "bytes allocated");
    }

    private static void LoadAll(string folder)
    {
        AcmModel.Load(folder).Dispose();
        using var weights = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        foreach (string name in weights.Names)
        {
            var view = weights.Get(name);
            view.AllFinite();
            if (view.DType.IsWeightType())
            {
                view.CopyTo(new float[view.ElementCount]);
            }
        }
    }
}
