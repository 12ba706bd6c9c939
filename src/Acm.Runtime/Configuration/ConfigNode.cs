using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Acm.Runtime.Configuration;

/// <summary>One object of a JSON configuration, read key by key; whatever is not as asked is a <see cref="ModelFormatException"/> that names the key.</summary>
internal sealed class ConfigNode
{
    private const int LargestFile = 64 << 20;

    private readonly string _file;
    private readonly string _path;
    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);

    private ConfigNode(string file, string path, JsonElement element)
    {
        _file = file;
        _path = path;
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new ModelFormatException(file, path.Length == 0 ? null : path, "a JSON object", Describe(element));
        }
        foreach (var property in element.EnumerateObject())
        {
            _values.Add(property.Name, property.Value);
        }
    }

    /// <summary>Reads a whole file whose root is an object.</summary>
    public static ConfigNode Read(string file) => Parse(file, PackageFile.Read(file, LargestFile));

    /// <summary>Reads JSON whose root is an object.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="bytes">UTF-8, with or without a byte order mark.</param>
    public static ConfigNode Parse(string file, byte[] bytes)
    {
        ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
        if (!Utf8.IsValid(json.Span))
        {
            throw new ModelFormatException(file, null, "text in UTF-8", "invalid UTF-8");
        }
        try
        {
            RequireWholeCharacters(json.Span);
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new ConfigNode(file, "", document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(file, null, "valid JSON", $"an error{(e.LineNumber is { } line ? $" in line {line + 1}" : "")}: {FirstSentence(e.Message)}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(file, null, "valid Unicode in JSON", "half of a surrogate pair", e);
        }
    }

    // An escape may be half of a surrogate pair, which whoever reads the string later would stumble over.
    private static void RequireWholeCharacters(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                _ = reader.GetString();
            }
        }
    }

    /// <summary>The file, for messages about something between keys.</summary>
    public string File => _file;

    /// <summary>The keys, in the file's order.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>A whole number in a range.</summary>
    public int Int(string key, int least, int most) => AsInt(Need(key, WholeNumber(least, most)), Key(key), least, most);

    /// <summary>A whole number in a range, or a default where the key is absent.</summary>
    public int Int(string key, int least, int most, int absent) => Has(key) ? Int(key, least, most) : absent;

    /// <summary>A finite number in a range.</summary>
    public double Number(string key, double least, double most) => AsNumber(Need(key, RealNumber(least, most)), Key(key), least, most);

    /// <summary>true or false.</summary>
    public bool Flag(string key)
    {
        var element = Need(key, "true or false");
        return element.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong(key, "true or false", Describe(element)),
        };
    }

    /// <summary>true or false, or a default where the key is absent.</summary>
    public bool Flag(string key, bool absent) => Has(key) ? Flag(key) : absent;

    /// <summary>A string.</summary>
    public string Text(string key)
    {
        var element = Need(key, "a string");
        return AsText(element) ?? throw Wrong(key, "a string", Describe(element));
    }

    /// <summary>The string under the key, or null where it is absent or something else.</summary>
    public string? TextOrNull(string key) => Find(key) is { } element ? AsText(element) : null;

    /// <summary>One of a few words.</summary>
    public T Choice<T>(string key, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        var words = new List<string>();
        foreach (var choice in choices)
        {
            words.Add(choice.Word);
        }
        string expected = string.Join(", ", words);
        var element = Need(key, expected);
        string? text = AsText(element);
        foreach (var (word, value) in choices)
        {
            if (word == text)
            {
                return value;
            }
        }
        throw Wrong(key, expected, Describe(element));
    }

    /// <summary>The object under the key.</summary>
    public ConfigNode Object(string key) => new(_file, Key(key), Need(key, "an object"));

    /// <summary>The object under the key, or null where it is absent.</summary>
    public ConfigNode? ObjectOrNull(string key) => Has(key) ? Object(key) : null;

    /// <summary>A copy of whatever stands under the key, or null where it is absent.</summary>
    public JsonNode? NodeOrNull(string key) => Find(key) is { } element ? JsonNode.Parse(element.GetRawText()) : null;

    /// <summary>An array of whole numbers, each in a range.</summary>
    public int[] Ints(string key, int least, int most, int longest) =>
        Array(key, longest, $"an array of at most {longest} whole numbers from {least} to {most}", (element, path) => AsInt(element, path, least, most));

    /// <summary>An array of finite numbers.</summary>
    public double[] Numbers(string key, int longest, double least = double.MinValue, double most = double.MaxValue) =>
        Array(key, longest, $"an array of at most {longest} numbers", (element, path) => AsNumber(element, path, least, most));

    /// <summary>Whether the key holds an array of that many numbers and nothing else.</summary>
    public bool HoldsNumbers(string key, int count) =>
        Find(key) is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() == count
        && array.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number);

    /// <summary>A complaint about one of this object's keys.</summary>
    public ModelFormatException Wrong(string key, string expected, string found) => new(_file, Key(key), expected, found);

    private T[] Array<T>(string key, int longest, string expected, Func<JsonElement, string, T> read)
    {
        var array = Need(key, expected);
        if (array.ValueKind != JsonValueKind.Array || array.GetArrayLength() > longest)
        {
            throw Wrong(key, expected, Describe(array));
        }
        return [.. array.EnumerateArray().Select((item, i) => read(item, $"{Key(key)}[{i}]"))];
    }

    private JsonElement Need(string key, string expected) => Find(key) ?? throw Wrong(key, expected, "nothing: the key is missing");

    private JsonElement? Find(string key) =>
        _values.TryGetValue(key, out var element) && element.ValueKind != JsonValueKind.Null ? element : null;

    private string Key(string key) => _path.Length == 0 ? key : $"{_path}.{key}";

    private int AsInt(JsonElement element, string path, int least, int most) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) && value >= least && value <= most
            ? value
            : throw new ModelFormatException(_file, path, WholeNumber(least, most), Describe(element));

    private double AsNumber(JsonElement element, string path, double least, double most) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value) && value >= least && value <= most
            ? value
            : throw new ModelFormatException(_file, path, RealNumber(least, most), Describe(element));

    private static string? AsText(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString() : null;

    private static string WholeNumber(int least, int most) => least == most ? $"{least}" : $"a whole number from {least} to {most}";

    private static string RealNumber(double least, double most) => (least, most) switch
    {
        (double.MinValue, double.MaxValue) => "a finite number",
        (_, double.MaxValue) => string.Create(CultureInfo.InvariantCulture, $"a finite number of at least {least:R}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"a number from {least:R} to {most:R}"),
    };

    private static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => $"an array of {element.GetArrayLength()}",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => $"'{element.GetString()}'",
        _ => element.GetRawText(),
    };

    private static string FirstSentence(string message) => message.Split(". ", 2)[0];
}
