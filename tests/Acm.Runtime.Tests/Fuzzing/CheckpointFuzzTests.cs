using System.IO.Compression;
using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.Torch;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Fuzzing;

/// <summary>Mutated checkpoints, as zips and as pickles within valid zips, are read or refused with <see cref="ModelFormatException"/>.</summary>
[NonParallelizable]
public class CheckpointFuzzTests
{
    private const string Seed = "20260101,7";

    private string _folder = "";
    private byte[] _file = [];
    private byte[] _pickle = [];
    private (string Name, byte[] Bytes)[] _entries = [];

    [OneTimeSetUp]
    public void ReadCheckpoint()
    {
        _folder = Directory.CreateTempSubdirectory("acm-fuzz").FullName;
        foreach (string file in Directory.GetFiles(SharedFolder.Data("published-chain"), "*.pth"))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
        _file = File.ReadAllBytes(Path.Combine(_folder, "facm.pth"));
        using var zip = new ZipArchive(new MemoryStream(_file));
        _entries = [.. zip.Entries.Select(entry => (entry.FullName, Bytes(entry)))];
        _pickle = _entries.Single(entry => entry.Name.EndsWith("data.pkl", StringComparison.Ordinal)).Bytes;
    }

    [OneTimeTearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void TheUnchangedCheckpointIsConvertedAlsoWhenItIsZippedAgain()
    {
        foreach (byte[] file in (byte[][])[_file, Zip(_pickle)])
        {
            File.WriteAllBytes(Path.Combine(_folder, "facm.pth"), file);
            Assert.That(Convert, Throws.Nothing);
            Directory.Delete(Path.Combine(_folder, "package"), recursive: true);
        }
    }

    [FsCheck.NUnit.Property(MaxTest = 8_000, Arbitrary = new[] { typeof(Edits) })]
    public void APickleChangedByteWise(Edit[] edits) => ReadOrRefused(() => Unpickler.Load("data.pkl", edits.Aggregate(_pickle, (bytes, edit) => edit.Apply(bytes))));

    [FsCheck.NUnit.Property(MaxTest = 3_000, Arbitrary = new[] { typeof(Edits) })]
    public void AZipChangedByteWise(Edit[] edits)
    {
        string path = Path.Combine(_folder, "mutant.pth");
        File.WriteAllBytes(path, edits.Aggregate(_file, (bytes, edit) => edit.Apply(bytes)));
        ReadOrRefused(() => ReadAll(path));
    }

    [FsCheck.NUnit.Property(MaxTest = 1_000, Arbitrary = new[] { typeof(Edits) })]
    public void APickleChangedWithinAValidZip(Edit[] edits)
    {
        string path = Path.Combine(_folder, "mutant.pth");
        File.WriteAllBytes(path, Zip(edits.Aggregate(_pickle, (bytes, edit) => edit.Apply(bytes))));
        ReadOrRefused(() => ReadAll(path));
    }

    [FsCheck.NUnit.Property(MaxTest = 300, Arbitrary = new[] { typeof(Edits) }, Replay = Seed)]
    public void AWholeConversion(Edit[] edits)
    {
        File.WriteAllBytes(Path.Combine(_folder, "facm.pth"), Zip(edits.Aggregate(_pickle, (bytes, edit) => edit.Apply(bytes))));
        ReadOrRefused(Convert);
        if (Directory.Exists(Path.Combine(_folder, "package")))
        {
            Directory.Delete(Path.Combine(_folder, "package"), recursive: true);
        }
        Assert.That(Directory.GetDirectories(_folder), Is.Empty);
    }

    private void Convert() => ModelConverter.Convert([Path.Combine(_folder, "facm.pth")], Path.Combine(_folder, "package"), new ConversionOptions());

    private static void ReadAll(string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        foreach (var tensor in checkpoint.State.Tensors.Values)
        {
            tensor.ReadBytes();
        }
    }

    private static void ReadOrRefused(Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Environment.TickCount64;
        try
        {
            read();
        }
        catch (ModelFormatException e)
        {
            Assert.That(e.Message, Does.Not.Contain("\n"));
        }
        Assert.That(Environment.TickCount64 - start, Is.LessThan(10_000), "milliseconds");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 << 20), "bytes allocated");
    }

    private byte[] Zip(byte[] pickle)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in _entries)
            {
                using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(name.EndsWith("data.pkl", StringComparison.Ordinal) ? pickle : bytes);
            }
        }
        return stream.ToArray();
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        byte[] bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }
}
