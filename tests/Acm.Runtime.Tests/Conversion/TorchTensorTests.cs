using System.IO.Compression;
using System.Runtime.InteropServices;
using Acm.Runtime.Conversion.Torch;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Tensors as views of a storage, and the archive the storages lie in.</summary>
public class TorchTensorTests
{
    private TemporaryFolder _folder = null!;
    private string _file = null!;

    /// <summary>One storage, of the numbers 0 to 5.</summary>
    [SetUp]
    public void MakeAFile()
    {
        _folder = new TemporaryFolder();
        _file = _folder["file.pth"];
        TorchFile.Write(_file, [("w", [6], [0, 1, 2, 3, 4, 5])]);
    }

    [TearDown]
    public void Clean() => _folder.Dispose();

    private float[] Read(long offset, long[] shape, long[] strides)
    {
        using TorchArchive archive = TorchArchive.Open(_file);
        PickleTensor tensor = new(new PickleStorage(TensorDType.F32, "0", 6), offset, Tuple(shape), Tuple(strides));
        return MemoryMarshal.Cast<byte, float>(TorchTensor.Create(archive, "w", tensor).ReadBytes()).ToArray();

        static object?[] Tuple(long[] numbers) => [.. numbers.Select(static number => (object?)number)];
    }

    [TestCase(0, new long[] { 6 }, new long[] { 1 }, new float[] { 0, 1, 2, 3, 4, 5 })]
    [TestCase(4, new long[] { 2 }, new long[] { 1 }, new float[] { 4, 5 })]
    [TestCase(1, new long[] { 2, 2 }, new long[] { 1, 3 }, new float[] { 1, 4, 2, 5 })]
    [TestCase(1, new long[] { 2, 1, 2 }, new long[] { 2, 77, 1 }, new float[] { 1, 2, 3, 4 })]
    [TestCase(5, new long[0], new long[0], new float[] { 5 })]
    [TestCase(6, new long[] { 0, 3 }, new long[] { 3, 1 }, new float[0])]
    public void A_view_is_read_as_its_own_numbers(long offset, long[] shape, long[] strides, float[] expected) =>
        Assert.That(Read(offset, shape, strides), Is.EqualTo(expected));

    [TestCase(5, new long[] { 2 }, new long[] { 1 }, "elements within its storage of 6")]
    [TestCase(1, new long[] { 2, 2 }, new long[] { 1, 4 }, "elements within its storage of 6")]
    [TestCase(-1, new long[] { 2 }, new long[] { 1 }, "an offset of at least 0")]
    [TestCase(0, new long[] { 3, 6 }, new long[] { 0, 1 }, "at most the 6 elements of its storage")]
    [TestCase(0, new long[] { 6 }, new long[] { 1, 1 }, "as many strides as sizes")]
    public void A_view_beyond_its_storage_is_refused(long offset, long[] shape, long[] strides, string expected) => Assert.That(
        () => Read(offset, shape, strides), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected).And.Property("Tensor").EqualTo("w"));

    /// <summary>Whoever opens one waits until somebody writes into it.</summary>
    [Test, Platform(Exclude = "Win")]
    public void A_pipe_is_refused()
    {
        NamedPipe.Make(_folder["pipe.pth"]);
        Task open = Task.Run(() => TorchArchive.Open(_folder["pipe.pth"]).Dispose());
        Assert.That(() => open.Wait(20_000), Throws.InnerException.TypeOf<ModelFormatException>().With.InnerException.Message.Contains("a pipe"));
    }

    [Test]
    public void A_storage_has_as_many_bytes_as_its_elements()
    {
        foreach (int bytes in (int[])[20, 23, 25, 26, 28])
        {
            TorchFile.Replace(_file, "archive/data/0", _ => new byte[bytes]);
            Assert.That(() => Read(0, [6], [1]), Throws.TypeOf<ModelFormatException>().With.Message.Contains($"6 elements of F32").And.Message.Contains($"{bytes} bytes"));
        }
    }

    [Test]
    public void Entries_are_there_once()
    {
        TorchFile.Add(_file, "archive/data/0", new byte[24]);
        Assert.That(() => Checkpoint.Open(_file), Throws.TypeOf<ModelFormatException>().With.Message.Contains("one entry 'archive/data/0'"));
    }

    [Test]
    public void A_file_that_is_refused_is_closed()
    {
        File.WriteAllText(_folder["cut.pth"], "PK\u0003\u0004 and no more");
        TorchFile.Replace(_file, "archive/data.pkl", static _ => new byte[(8 << 20) + 1]);
        foreach (var (file, expected) in new[] { (_folder["cut.pth"], "a readable zip"), (_file, "at most 8388608 bytes") })
        {
            Assert.That(() => Checkpoint.Open(file), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected));
            File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
        }
    }

    [Test]
    public void A_second_pickle_is_refused()
    {
        TorchFile.Add(_file, "other/data.pkl", [0x80, 2, (byte)'N', (byte)'.']);
        Assert.That(() => Checkpoint.Open(_file), Throws.TypeOf<ModelFormatException>().With.Message.Contains("data.pkl"));
    }

    [Test]
    public void Compressed_entries_are_refused()
    {
        TorchFile.Replace(_file, "archive/data/0", static _ => new byte[24], CompressionLevel.Optimal);
        Assert.That(() => Read(0, [6], [1]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("uncompressed"));
    }

    [Test]
    public void Numbers_are_little_endian_or_refused()
    {
        TorchFile.Add(_file, "archive/byteorder", "little"u8.ToArray());
        Assert.That(Read(0, [2], [1]), Is.EqualTo(new float[] { 0, 1 }));
        TorchFile.Replace(_file, "archive/byteorder", static _ => "big"u8.ToArray());
        Assert.That(() => Read(0, [2], [1]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("little-endian"));
    }
}
