using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Acm.Testing;

/// <summary>A safetensors file of test data, read whole. Trusts its file: the library's own reader is the strict one.</summary>
internal sealed class SafeTensors
{
    private readonly byte[] _file;
    private readonly int _data;
    private readonly Dictionary<string, Entry> _entries = [];

    private SafeTensors(byte[] file)
    {
        _file = file;
        int header = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        _data = 8 + header;
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, header));
        foreach (JsonProperty tensor in json.RootElement.EnumerateObject())
        {
            if (tensor.Name == "__metadata__")
                continue;
            JsonElement offsets = tensor.Value.GetProperty("data_offsets");
            _entries.Add(tensor.Name, new Entry(
                tensor.Value.GetProperty("dtype").GetString()!,
                [.. tensor.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt32())],
                offsets[0].GetInt32(), offsets[1].GetInt32()));
        }
    }

    /// <summary>Names of all tensors.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Reads a file.</summary>
    public static SafeTensors Read(string path) => new(File.ReadAllBytes(path));

    /// <summary>Whether there is such a tensor.</summary>
    public bool Has(string name) => _entries.ContainsKey(name);

    /// <summary>The tensor's type as the file names it (F32, I16, ...).</summary>
    public string Type(string name) => _entries[name].Type;

    /// <summary>The tensor's shape.</summary>
    public int[] Shape(string name) => _entries[name].Shape;

    /// <summary>The tensor's bytes seen as elements of <typeparamref name="T"/>.</summary>
    public ReadOnlySpan<T> Get<T>(string name) where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(_file.AsSpan()[(_data + _entries[name].Begin)..(_data + _entries[name].End)]);

    private sealed record Entry(string Type, int[] Shape, int Begin, int End);
}
