using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Acm.Testing;

/// <summary>Writes a bare state dict as <c>torch.save</c> does: a stored zip with a protocol 2 pickle and one entry per storage.</summary>
internal static class TorchFile
{
    /// <summary>Writes contiguous float32 tensors.</summary>
    public static void Write(string path, IReadOnlyList<(string Name, long[] Shape, float[] Values)> tensors)
    {
        using var stream = File.Create(path);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create);
        Entry(zip, "archive/data.pkl", Pickle(tensors));
        for (int i = 0; i < tensors.Count; i++)
        {
            Entry(zip, $"archive/data/{i}", [.. tensors[i].Values.SelectMany(BitConverter.GetBytes)]);
        }
        Entry(zip, "archive/version", "3\n"u8.ToArray());
    }

    /// <summary>Adds an entry to a file, also beside one of the same name.</summary>
    public static void Add(string path, string name, byte[] bytes, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Update);
        Entry(zip, name, bytes, level);
    }

    /// <summary>Replaces an entry of a file.</summary>
    public static void Replace(string path, string name, Func<byte[], byte[]> change, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Update);
        var entry = zip.GetEntry(name)!;
        using MemoryStream bytes = new();
        using (var stream = entry.Open())
        {
            stream.CopyTo(bytes);
        }
        entry.Delete();
        Entry(zip, name, change(bytes.ToArray()), level);
    }

    /// <summary>Text as a pickle holds it.</summary>
    public static byte[] Text(string text)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, Encoding.UTF8.GetByteCount(text));
        return [(byte)'X', .. length, .. Encoding.UTF8.GetBytes(text)];
    }

    private static void Entry(ZipArchive zip, string name, byte[] bytes, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var entry = zip.CreateEntry(name, level).Open();
        entry.Write(bytes);
    }

    private static byte[] Pickle(IReadOnlyList<(string Name, long[] Shape, float[] Values)> tensors)
    {
        List<byte> pickle = [0x80, 2, .. Global("collections", "OrderedDict"), .. ")R("u8];
        for (int i = 0; i < tensors.Count; i++)
        {
            var (name, shape, values) = tensors[i];
            long[] strides = [.. shape.Select((_, axis) => shape[(axis + 1)..].Aggregate(1L, (product, size) => product * size))];
            pickle.AddRange(
            [
                .. Text(name), .. Global("torch._utils", "_rebuild_tensor_v2"), .. "(("u8,
                .. Text("storage"), .. Global("torch", "FloatStorage"), .. Text($"{i}"), .. Text("cpu"), .. Int(values.Length), .. "tQ"u8,
                .. Int(0), .. Tuple(shape), .. Tuple(strides), 0x89, .. Global("collections", "OrderedDict"), .. ")RtR"u8,
            ]);
        }
        return [.. pickle, .. "u."u8];
    }

    private static byte[] Global(string module, string name) => Encoding.ASCII.GetBytes($"c{module}\n{name}\n");

    private static byte[] Int(long number) => [(byte)'J', .. BitConverter.GetBytes(checked((int)number))];

    private static byte[] Tuple(long[] numbers) => [(byte)'(', .. numbers.SelectMany(Int), (byte)'t'];
}
