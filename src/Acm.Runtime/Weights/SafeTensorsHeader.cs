using System.Text.Json;
using System.Text.Unicode;

namespace Acm.Runtime;

/// <summary>Reads the JSON header of a safetensors file and proves that its tensors tile the data exactly.</summary>
/// <remarks>
/// Reads in one pass over the mapped bytes: what is allocated is bounded by the header's own length, never by a number in it.
/// </remarks>
internal sealed class SafeTensorsHeader
{
    private const string MetadataKey = "__metadata__";
    private const int DeepestNesting = 16;

    private readonly string _file;
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);

    private SafeTensorsHeader(string file) => _file = file;

    /// <summary>The format's limit on the header's length, in bytes.</summary>
    public const long LongestHeader = 100_000_000;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Parses the header.</summary>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">How many bytes follow the header.</param>
    public static SafeTensorsHeader Parse(string file, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafeTensorsHeader(file);
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw header.Wrong(null, "a header that begins with '{'", json.IsEmpty ? "an empty header" : $"byte 0x{json[0]:X2}");
        }
        if (!Utf8.IsValid(json))
        {
            throw header.Wrong(null, "a header in UTF-8", "invalid UTF-8");
        }
        try
        {
            header.ReadObject(json);
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(file, null, "a JSON header", $"a syntax error at byte {e.BytePositionInLine} of the header", e);
        }
        header.RequireTiling(dataLength);
        return header;
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = DeepestNesting });
        reader.Read();
        bool metadataSeen = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = Text(ref reader, null);
            reader.Read();
            if (name == MetadataKey)
            {
                if (metadataSeen)
                {
                    throw Wrong(MetadataKey, "one entry of this name", "two");
                }
                metadataSeen = true;
                ReadMetadata(ref reader);
            }
            else if (!_tensors.TryAdd(name, ReadTensor(ref reader, name)))
            {
                throw Wrong(name, "one tensor of this name", "two");
            }
        }
        // Past the closing brace only white space may follow: the reader itself refuses anything else.
        while (reader.Read())
        {
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Require(ref reader, JsonTokenType.StartObject, MetadataKey, "an object of strings");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = Text(ref reader, MetadataKey);
            reader.Read();
            Require(ref reader, JsonTokenType.String, MetadataKey, "an object of strings");
            if (!_metadata.TryAdd(key, Text(ref reader, MetadataKey)))
            {
                throw Wrong(MetadataKey, $"one value for '{key}'", "two");
            }
        }
    }

    private TensorEntry ReadTensor(ref Utf8JsonReader reader, string name)
    {
        Require(ref reader, JsonTokenType.StartObject, name, "an object with dtype, shape and data_offsets");
        TensorDType? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = Text(ref reader, name);
            reader.Read();
            bool repeated = false;
            switch (field)
            {
                case "dtype":
                    repeated = type is not null;
                    type = ReadType(ref reader, name);
                    break;
                case "shape":
                    repeated = shape is not null;
                    shape = ReadNumbers(ref reader, name, field);
                    break;
                case "data_offsets":
                    repeated = offsets is not null;
                    offsets = ReadNumbers(ref reader, name, field);
                    break;
                default:
                    // The format does not forbid more fields.
                    reader.Skip();
                    break;
            }
            if (repeated)
            {
                throw Wrong(name, $"one {field}", "two");
            }
        }
        return Entry(
            name,
            type ?? throw Wrong(name, "a dtype", "none"),
            shape ?? throw Wrong(name, "a shape", "none"),
            offsets ?? throw Wrong(name, "data_offsets", "none"));
    }

    private TensorEntry Entry(string name, TensorDType type, List<long> shape, List<long> offsets)
    {
        if (offsets.Count != 2)
        {
            throw Wrong(name, "two data_offsets", $"{offsets.Count}");
        }
        (long begin, long end) = (offsets[0], offsets[1]);
        if (begin > end)
        {
            throw Wrong(name, "data_offsets in ascending order", $"[{begin}, {end}]");
        }
        long[] sizes = [.. shape];
        if (!TensorShape.TryCount(sizes, out long count) || count > long.MaxValue / type.Size())
        {
            throw Wrong(name, "a shape whose size in bytes is a 63-bit number", TensorShape.Text(sizes));
        }
        long bytes = count * type.Size();
        if (bytes != end - begin)
        {
            throw Wrong(name, $"{bytes} bytes for {type.FormatName()} {TensorShape.Text(sizes)}", $"data_offsets [{begin}, {end}], which are {end - begin}");
        }
        return new TensorEntry(name, type, sizes, count, begin, bytes);
    }

    private TensorDType ReadType(ref Utf8JsonReader reader, string name)
    {
        const string expected = "a dtype of the format (F32, F16, BF16, ...)";
        Require(ref reader, JsonTokenType.String, name, expected);
        string text = Text(ref reader, name);
        return TensorDTypes.TryParse(text, out var type) ? type : throw Wrong(name, expected, $"'{text}'");
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        string expected = $"{field} as an array of whole numbers from 0 to 2^63 - 1";
        Require(ref reader, JsonTokenType.StartArray, name, expected);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Require(ref reader, JsonTokenType.Number, name, expected);
            if (!reader.TryGetUInt64(out ulong number) || number > long.MaxValue)
            {
                throw Wrong(name, expected, System.Text.Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(reader.ValueSpan.Length, 40)]));
            }
            numbers.Add((long)number);
        }
        return numbers;
    }

    /// <summary>Every byte of the data must belong to exactly one tensor.</summary>
    private void RequireTiling(long dataLength)
    {
        long next = 0;
        foreach (var tensor in _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteLength))
        {
            if (tensor.Offset != next)
            {
                throw Wrong(tensor.Name, $"data that begins at byte {next}, where the tensor before it ends", $"byte {tensor.Offset}");
            }
            next += tensor.ByteLength;
            if (next > dataLength)
            {
                throw Wrong(tensor.Name, $"data that ends by byte {dataLength}, where the file ends", $"byte {next}");
            }
        }
        if (next != dataLength)
        {
            throw Wrong(null, $"{next} bytes of data, as the tensors add up to", $"{dataLength}");
        }
    }

    private string Text(ref Utf8JsonReader reader, string? tensor)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(_file, tensor, "text in the header that is valid Unicode", "half of a surrogate pair", e);
        }
    }

    private void Require(ref Utf8JsonReader reader, JsonTokenType type, string? tensor, string expected)
    {
        if (reader.TokenType != type)
        {
            throw Wrong(tensor, expected, $"JSON {reader.TokenType}");
        }
    }

    private ModelFormatException Wrong(string? tensor, string expected, string found) => new(_file, tensor, expected, found);
}
