using System.Buffers.Binary;
using System.Text.Json;

namespace Acm.Simulator.Conformance;

/// <summary>One tensor of a safetensors file.</summary>
internal sealed record CaseTensor(string DType, long[] Shape, byte[] Bytes);

/// <summary>Reads a safetensors file whole: cases are small. (The product's reader is in Acm.Runtime, which this room does not see.)</summary>
internal static class TensorFile
{
    /// <exception cref="InvalidDataException">Not a safetensors file.</exception>
    public static Dictionary<string, CaseTensor> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (file.Length < 8)
            throw new InvalidDataException($"{path}: too short");
        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(file);
        if (header > (ulong)file.Length - 8)
            throw new InvalidDataException($"{path}: its header says {header} bytes, the file has {file.Length}");
        Dictionary<string, CaseTensor> tensors = new(StringComparer.Ordinal);
        try
        {
            using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, (int)header));
            int data = 8 + (int)header;
            foreach (JsonProperty entry in json.RootElement.EnumerateObject())
            {
                if (entry.Name == "__metadata__")
                    continue;
                int from = entry.Value.GetProperty("data_offsets")[0].GetInt32(), to = entry.Value.GetProperty("data_offsets")[1].GetInt32();
                long[] shape = entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64()).ToArray();
                tensors.Add(entry.Name, new CaseTensor(entry.Value.GetProperty("dtype").GetString()!, shape, file[(data + from)..(data + to)]));
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or ArgumentException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }

        return tensors;
    }
}
