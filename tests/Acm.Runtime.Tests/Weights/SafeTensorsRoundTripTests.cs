using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Weights;

/// <summary>What is written is read, bit by bit; what is widened is widened exactly.</summary>
public class SafeTensorsRoundTripTests
{
    private string _path = "";

    [SetUp]
    public void NamePath() => _path = Path.Combine(Directory.CreateTempSubdirectory("acm-st").FullName, "x.safetensors");

    [TearDown]
    public void Remove() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Test]
    public void EveryHalfBecomesItsSingle()
    {
        byte[] all = [.. Enumerable.Range(0, 65536).SelectMany(bits => BitConverter.GetBytes((ushort)bits))];
        var writer = new SafeTensorsWriter();
        writer.Add("half", TensorDType.F16, [65536], all);
        writer.Add("brain", TensorDType.BF16, [256, 256], all);
        // A length that is no multiple of any vector, at an odd address.
        writer.Add("odd", TensorDType.U8, [1], new byte[1]);
        writer.Add("tail", TensorDType.F16, [21], all.AsMemory(2 * 0x3C00, 42));
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        float[] half = new float[65536], brain = new float[65536], tail = new float[21];
        file.Get("half").CopyTo(half);
        file.Get("brain").CopyTo(brain);
        file.Get("tail").CopyTo(tail);
        for (int bits = 0; bits < 65536; bits++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            Assert.That(float.IsNaN(expected) ? float.IsNaN(half[bits]) : Bits(half[bits]) == Bits(expected), $"half 0x{bits:X4}");
            Assert.That(Bits(brain[bits]), Is.EqualTo((uint)bits << 16), $"bfloat 0x{bits:X4}");
        }
        Assert.That(tail, Is.EqualTo(half[0x3C00..(0x3C00 + 21)]));
    }

    [Test]
    public void NonFiniteValuesAreFoundWhereverTheyAre()
    {
        foreach (var (type, size, bad) in ((TensorDType, int, ulong)[])
            [(TensorDType.F32, 4, 0x7F80_0000), (TensorDType.F32, 4, 0xFFC0_0001), (TensorDType.F16, 2, 0xFC00), (TensorDType.BF16, 2, 0x7F81), (TensorDType.F64, 8, 0x7FF0_0000_0000_0001),
            (TensorDType.C64, 8, 0x3A3A_3A3A_FFC0_0001), (TensorDType.C64, 8, 0x7F80_0000_3A3A_3A3A), (TensorDType.F8E5M2, 1, 0x7C), (TensorDType.F8E5M2, 1, 0xFF),
            (TensorDType.F8E4M3, 1, 0x7F), (TensorDType.F8E4M3, 1, 0xFF), (TensorDType.F8E8M0, 1, 0xFF)])
        {
            for (int at = -1; at < 37; at++)
            {
                byte[] values = Enumerable.Repeat((byte)0x3A, 37 * size).ToArray();
                if (at >= 0)
                {
                    byte[] eight = new byte[8];
                    BinaryPrimitives.WriteUInt64LittleEndian(eight, bad);
                    eight.AsSpan(0, size).CopyTo(values.AsSpan(at * size));
                }
                var writer = new SafeTensorsWriter();
                writer.Add("x", type, [37], values);
                writer.Save(_path);
                using var file = SafeTensorsFile.Open(_path);
                Assert.That(file.Get("x").FirstNonFinite(), Is.EqualTo(at), $"{type}");
                Assert.That(file.Get("x").AllFinite(), Is.EqualTo(at < 0));
            }
        }
    }

    [TestCase(TensorDType.F8E5M2, 0x7B, 0xFB)]
    [TestCase(TensorDType.F8E4M3, 0x7E, 0xFE)]
    [TestCase(TensorDType.F8E8M0, 0x7F, 0xFE)]
    [TestCase(TensorDType.U8, 0x7F, 0xFF)]
    public void TheLargestValuesOfAByteAreFinite(TensorDType type, byte largest, byte other)
    {
        var writer = new SafeTensorsWriter();
        writer.Add("x", type, [2, 37], Enumerable.Repeat(largest, 37).Concat(Enumerable.Repeat(other, 37)).ToArray());
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        Assert.That(file.Get("x").AllFinite());
    }

    [Test]
    public void NamesShapesAndMetadataSurvive()
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["who"] = "ä\n\"";
        writer.Add("é\u0001\"\\", [2, 0, 3], Array.Empty<float>());
        writer.Add("scalar", [], new double[] { 2.5 });
        writer.Add("ints", [3], new[] { -1, 0, int.MaxValue });
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        Assert.That(file.Metadata["who"], Is.EqualTo("ä\n\""));
        Assert.That(file.Get("é\u0001\"\\").Shape.ToArray(), Is.EqualTo(new long[] { 2, 0, 3 }));
        double[] scalar = new double[1];
        file.Get("scalar").CopyTo(scalar);
        Assert.That(scalar[0], Is.EqualTo(2.5));
        int[] ints = new int[3];
        file.Get("ints").CopyTo(ints);
        Assert.That(ints, Is.EqualTo(new[] { -1, 0, int.MaxValue }));
        Assert.Throws<InvalidOperationException>(() => file.Get("scalar").CopyTo(ints));
        Assert.Throws<InvalidOperationException>(() => file.Get("ints").CopyTo(scalar = new double[3]));
        Assert.That(file.TryGet("absent", out _), Is.False);
        Assert.That(() => file.Get("absent"), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("absent"));
    }

    [Test]
    public void PiecesAreTheWhole()
    {
        float[] values = [.. Enumerable.Range(0, 3_000_000).Select(i => (float)i)];
        var writer = new SafeTensorsWriter();
        writer.Add("x", [3000, 1000], values);
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        var view = file.Get("x");
        float[] piece = new float[1_500_001];
        view.CopyTo(1_499_999, piece);
        Assert.That(piece.AsSpan().SequenceEqual(values.AsSpan(1_499_999)));
        Assert.That(MemoryMarshal.Cast<byte, float>(view.GetBytes(40, 8)).ToArray(), Is.EqualTo(new[] { 10f, 11f }));
        Assert.That(() => view.CopyTo(1_500_000, piece), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => view.CopyTo(new float[10]), Throws.TypeOf<ArgumentException>());
    }

    [TestCase(0, 9)]
    [TestCase(8, 1)]
    [TestCase(9, 0)]
    [TestCase(-1, 1)]
    [TestCase(0, -1)]
    public void BytesBesideATensorAreNotRead(long start, int length)
    {
        var writer = new SafeTensorsWriter();
        writer.Add("x", [2], new float[] { 1, 2 });
        writer.Add("y", [2], new float[] { 3, 4 });
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = file.Get("x").GetBytes(start, length).Length);
        Assert.That(file.Get("x").GetBytes(8, 0).Length, Is.Zero);
    }

    [Test]
    public void WhatIsNotSafetensorsIsNotWritten()
    {
        var writer = new SafeTensorsWriter();
        writer.Add("x", [2], new float[2]);
        (string Name, long[] Shape, int Numbers)[] refused = [("x", [2], 2), ("__metadata__", [2], 2), ("y", [3], 2), ("y", [0, -1], 0), ("y", [long.MaxValue, 2], 2)];
        foreach (var (name, shape, numbers) in refused)
            Assert.Throws<ArgumentException>(() => writer.Add(name, shape, new float[numbers]), $"{name} [{string.Join(", ", shape)}]");
    }

    /// <summary>Wide numbers come first, so that each lies where the processor likes it.</summary>
    [Test]
    public void EveryTensorBeginsAtAMultipleOfItsElement()
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["odd"] = "1";
        writer.Add("a", TensorDType.U8, [3], new byte[3]);
        writer.Add("b", TensorDType.F16, [3], new byte[6]);
        writer.Add("c", [3], new float[3]);
        writer.Add("d", [3], new double[3]);
        writer.Save(_path);
        byte[] file = File.ReadAllBytes(_path);
        long data = 8 + BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = System.Text.Json.JsonDocument.Parse(file.AsMemory(8, (int)data - 8));
        foreach (var (name, size) in ((string, int)[])[("a", 1), ("b", 2), ("c", 4), ("d", 8)])
            Assert.That((data + header.RootElement.GetProperty(name).GetProperty("data_offsets")[0].GetInt64()) % size, Is.Zero, name);
    }

    [Test]
    public void ANonFiniteValueBehindTheFirstMillionIsFoundThere()
    {
        float[] values = new float[2_500_000];
        values[2_100_001] = float.NaN;
        var writer = new SafeTensorsWriter();
        writer.Add("x", [2500, 1000], values);
        writer.Save(_path);
        using var file = SafeTensorsFile.Open(_path);
        Assert.That(file.Get("x").FirstNonFinite(), Is.EqualTo(2_100_001));
    }

    [Test]
    public void AFailedWriteLeavesTheOldFile()
    {
        File.WriteAllText(_path, "old");
        var writer = new SafeTensorsWriter();
        writer.Add("x", TensorDType.F32, [1], 4, _ => throw new InvalidOperationException("no bytes"));
        Assert.Throws<InvalidOperationException>(() => writer.Save(_path));
        Assert.That(File.ReadAllText(_path), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(_path)!), Has.Length.EqualTo(1));
    }

    [Test]
    public void AViewOfAClosedFileThrows()
    {
        var writer = new SafeTensorsWriter();
        writer.Add("x", [1], new float[1]);
        writer.Save(_path);
        var file = SafeTensorsFile.Open(_path);
        var view = file.Get("x");
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _ = view.Bytes.Length);
    }

    [Test]
    public void TensorsBeyondTwoGigabytesAreReadInPieces()
    {
        // A sparse file: 2.5 GB of BF16 zeros that take no space, with a value at the very end.
        const long count = 1_300_000_003;
        string header = $"{{\"x\":{{\"dtype\":\"BF16\",\"shape\":[{count}],\"data_offsets\":[0,{2 * count}]}}}}";
        using (var stream = File.Create(_path))
        {
            stream.Write(BitConverter.GetBytes((long)header.Length));
            stream.Write(Encoding.ASCII.GetBytes(header));
            stream.Seek(2 * count - 2, SeekOrigin.Current);
            stream.Write([0x80, 0x3F]);
        }
        using var file = SafeTensorsFile.Open(_path);
        var view = file.Get("x");
        Assert.That(() => view.Bytes.Length, Throws.TypeOf<InvalidOperationException>());
        float[] last = new float[5];
        view.CopyTo(count - 5, last);
        Assert.That(last, Is.EqualTo(new float[] { 0, 0, 0, 0, 1 }));
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
