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

    private static void Entry(ZipArchive zip, string name, byte[] bytes)
    {
        using var entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
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

    private static byte[] Text(string text)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, Encoding.UTF8.GetByteCount(text));
        return [(byte)'X', .. length, .. Encoding.UTF8.GetBytes(text)];
    }

    private static byte[] Int(long number) => [(byte)'J', .. BitConverter.GetBytes(checked((int)number))];

    private static byte[] Tuple(long[] numbers) => [(byte)'(', .. numbers.SelectMany(Int), (byte)'t'];
}
