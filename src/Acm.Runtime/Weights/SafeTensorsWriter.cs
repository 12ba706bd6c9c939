using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Acm.Runtime;

/// <summary>Collects tensors and writes them as one safetensors file, whole or not at all.</summary>
/// <remarks>
/// Memory and views given to <c>Add</c> are read by <see cref="Save"/>, not before: leave them as they are until then.
/// Tensors lie in the file by falling element size, then by name, so every one is aligned.
/// </remarks>
public sealed class SafeTensorsWriter
{
    private readonly SortedDictionary<string, Item> _items = new(StringComparer.Ordinal);

    /// <summary>Strings to store under <c>__metadata__</c>.</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Adds a tensor given as its bytes.</summary>
    /// <param name="name">A name not added before.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="shape">The sizes, outermost first.</param>
    /// <param name="bytes">Little-endian values in row-major order.</param>
    /// <exception cref="ArgumentException">The name is null or taken, or the shape does not take that many bytes.</exception>
    public void Add(string name, TensorDType dtype, ReadOnlySpan<long> shape, ReadOnlyMemory<byte> bytes) =>
        Add(name, dtype, shape, bytes.Length, stream => stream.Write(bytes.Span));

    /// <summary>Adds an F32 tensor.</summary>
    /// <exception cref="ArgumentException">The name is null or taken, or the shape does not take that many values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<float> values) =>
        Add(name, TensorDType.F32, shape, (long)values.Length * sizeof(float), stream => WriteValues(stream, values.Span));

    /// <summary>Adds an F64 tensor.</summary>
    /// <exception cref="ArgumentException">The name is null or taken, or the shape does not take that many values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<double> values) =>
        Add(name, TensorDType.F64, shape, (long)values.Length * sizeof(double), stream => WriteValues(stream, values.Span));

    /// <summary>Adds an I32 tensor.</summary>
    /// <exception cref="ArgumentException">The name is null or taken, or the shape does not take that many values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<int> values) =>
        Add(name, TensorDType.I32, shape, (long)values.Length * sizeof(int), stream => WriteValues(stream, values.Span));

    /// <summary>Adds a tensor of an open file, under its own name or another.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(TensorView view, string? name = null) =>
        Add(name ?? view.Name, view.DType, view.Shape, view.ByteLength, stream => WriteView(stream, view));

    /// <summary>Adds a tensor whose bytes are made when the file is written.</summary>
    internal void Add(string name, TensorDType dtype, ReadOnlySpan<long> shape, long byteLength, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!TensorShape.TryCount(shape, out long count) || count > long.MaxValue / dtype.Size() || count * dtype.Size() != byteLength)
        {
            throw new ArgumentException($"'{name}': {dtype.FormatName()} {TensorShape.Text(shape)} does not take {byteLength} bytes.", nameof(shape));
        }
        if (name == "__metadata__" || !_items.TryAdd(name, new Item(dtype, shape.ToArray(), byteLength, write)))
        {
            throw new ArgumentException($"The name '{name}' is taken.", nameof(name));
        }
    }

    /// <summary>Writes the file beside its place under a temporary name and renames it, so that no reader ever sees half of it.</summary>
    /// <param name="path">Replaced if it exists.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var order = _items.OrderByDescending(item => item.Value.DType.Size()).ToList();
        AtomicFile.Write(path, stream =>
        {
            stream.Write(Header(order));
            foreach (var (_, item) in order)
            {
                item.Write(stream);
            }
        });
    }

    private byte[] Header(List<KeyValuePair<string, Item>> order)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in Metadata)
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, item) in order)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", item.DType.FormatName());
                WriteArray(json, "shape", item.Shape);
                WriteArray(json, "data_offsets", [offset, offset + item.ByteLength]);
                json.WriteEndObject();
                offset += item.ByteLength;
            }
            json.WriteEndObject();
        }
        int length = (buffer.WrittenCount + 7) / 8 * 8;
        byte[] header = new byte[8 + length];
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        header.AsSpan(8).Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header.AsSpan(8));
        return header;
    }

    private static void WriteArray(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
    }

    // Pieces, because a span of bytes cannot be as long as a span of values.
    private static void WriteValues<T>(Stream stream, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        const int piece = 1 << 20;
        for (; !values.IsEmpty; values = values[Math.Min(piece, values.Length)..])
        {
            stream.Write(MemoryMarshal.AsBytes(values[..Math.Min(piece, values.Length)]));
        }
    }

    private static void WriteView(Stream stream, TensorView view)
    {
        const int piece = 1 << 20;
        for (long start = 0; start < view.ByteLength; start += piece)
        {
            stream.Write(view.GetBytes(start, (int)Math.Min(piece, view.ByteLength - start)));
        }
    }

    private sealed record Item(TensorDType DType, long[] Shape, long ByteLength, Action<Stream> Write);
}
