using System.Text.Json;

namespace Acm.Simulator.Conformance;

/// <summary>A parameter of a launch: a buffer, a scalar, or a pointer that is null.</summary>
internal sealed record CaseParameter(
    string Name, bool IsBuffer, string PtxType, string DType, long Elements, string Role, string? Input, string? Expected, bool Zero, JsonElement Value)
{
    /// <summary>Bytes of an element of a buffer.</summary>
    public int ElementBytes => CaseElements.BytesOf(DType);
}

internal sealed record CaseLaunch(string Ptx, string Entry, Dim3 Grid, Dim3 Block, int DynamicShared, List<CaseParameter> Parameters);

/// <summary>How close an output must be; null bounds mean bit for bit.</summary>
internal sealed record CaseTolerance(double Absolute, double Relative);

/// <summary>A case: one launch (the conformance set) or several that share buffers by name (the peers).</summary>
internal sealed class ConformanceCase
{
    public required string Name { get; init; }

    public required string Folder { get; init; }

    public required string TensorPath { get; init; }

    public required List<CaseLaunch> Launches { get; init; }

    public required Dictionary<string, CaseTolerance?> Tolerances { get; init; }

    public required HashSet<string> ZeroFirst { get; init; }

    /// <summary>Reads <c>NAME.json</c>; null where the file is no case.</summary>
    /// <exception cref="InvalidDataException">A case that lacks something.</exception>
    public static ConformanceCase? Read(string path)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return null;
            bool several = root.TryGetProperty("launches", out JsonElement launches);
            if (!several && !root.TryGetProperty("entry", out _))
                return null;
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, name = Path.GetFileNameWithoutExtension(path);
            string tensors = root.TryGetProperty("tensors", out JsonElement file) ? file.GetString()! : name + ".safetensors";
            Dictionary<string, CaseTolerance?> tolerances = new(StringComparer.Ordinal);
            if (root.TryGetProperty("tolerance", out JsonElement tolerance))
            {
                foreach (JsonProperty one in tolerance.EnumerateObject())
                    tolerances[one.Name] = one.Value.ValueKind == JsonValueKind.Object ? Bounds(one.Value) : null;
            }

            List<CaseLaunch> list = several ? launches.EnumerateArray().Select(l => ReadLaunch(l, null)).ToList() : [ReadLaunch(root, name + ".ptx")];
            if (list.Count == 0)
                throw new InvalidDataException("no launches");
            string tensorPath = Path.Combine(folder, tensors);
            if (File.Exists(tensorPath))
                CheckSizes(list, TensorFile.Read(tensorPath));
            HashSet<string> zero = root.TryGetProperty("zero_first", out JsonElement first) && first.ValueKind == JsonValueKind.Array
                ? first.EnumerateArray().Select(e => e.GetString()!).ToHashSet()
                : [];
            return new ConformanceCase { Name = name, Folder = folder, TensorPath = tensorPath, Launches = list, Tolerances = tolerances, ZeroFirst = zero };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or InvalidDataException)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private static CaseTolerance Bounds(JsonElement value) => new(
        value.TryGetProperty("abs", out JsonElement a) ? a.GetDouble() : 0, value.TryGetProperty("rel", out JsonElement r) ? r.GetDouble() : 0);

    private static CaseLaunch ReadLaunch(JsonElement launch, string? ptx) => new(
        ptx ?? launch.GetProperty("ptx").GetString()!,
        launch.GetProperty("entry").GetString()!,
        Triple(launch, "grid"),
        Triple(launch, "block"),
        launch.GetProperty("shared_dynamic_bytes").GetInt32(),
        launch.GetProperty("params").EnumerateArray().Select(ReadParameter).ToList());

    private static Dim3 Triple(JsonElement launch, string key)
    {
        JsonElement value = launch.GetProperty(key);
        int[] sizes = value.EnumerateArray().Select(e => e.TryGetInt32(out int size) ? size : 0).ToArray();
        if (sizes.Length is < 1 or > 3 || sizes.Min() < 1)
            throw new InvalidDataException($"{key} is {Listed(value)}, expected 1 to 3 sizes of 1 to {int.MaxValue}");
        return new Dim3(sizes[0], sizes.Length > 1 ? sizes[1] : 1, sizes.Length > 2 ? sizes[2] : 1);
    }

    private static string Listed(JsonElement list) => $"[{string.Join(", ", list.EnumerateArray().Select(e => e.GetRawText()))}]";

    // Before memory is taken for them: a shape of a few characters can ask for any amount.
    private static void CheckSizes(List<CaseLaunch> launches, Dictionary<string, CaseTensor> tensors)
    {
        foreach (CaseParameter buffer in launches.SelectMany(l => l.Parameters).Where(p => p.IsBuffer))
        {
            foreach (string? tensor in (string?[])[buffer.Input, buffer.Expected])
            {
                if (tensor is not null && tensors.TryGetValue(tensor, out CaseTensor? t) && t.Bytes.Length != buffer.Elements * buffer.ElementBytes)
                    throw new InvalidDataException($"{buffer.Name} has {buffer.Elements * buffer.ElementBytes} bytes, its tensor '{tensor}' {t.Bytes.Length}");
            }
        }
    }

    private static CaseParameter ReadParameter(JsonElement p)
    {
        string Text(string key) => p.TryGetProperty(key, out JsonElement e) && e.ValueKind == JsonValueKind.String ? e.GetString()! : "";
        string kind = Text("kind");
        bool buffer = kind == "buffer";
        string dtype = buffer ? Text("dtype") : Text("type");
        return new CaseParameter(
            Text("name"), buffer, Text("ptx_type"), dtype, buffer ? ElementsOf(p, CaseElements.BytesOf(dtype)) : 1, Text("role"),
            Text("input") is { Length: > 0 } input ? input : null,
            Text("expected") is { Length: > 0 } expected ? expected : null,
            p.TryGetProperty("zero", out JsonElement zero) && zero.ValueKind == JsonValueKind.True,
            p.TryGetProperty("value", out JsonElement value) ? value.Clone() : default);
    }

    private static long ElementsOf(JsonElement p, int elementBytes)
    {
        long elements = 1;
        if (!p.TryGetProperty("shape", out JsonElement shape))
            return elements;
        foreach (JsonElement size in shape.EnumerateArray())
        {
            // What is compared goes through an array.
            if (!size.TryGetInt32(out int count) || count < 0 || (elements *= count) * elementBytes > Array.MaxLength)
                throw new InvalidDataException($"{p.GetProperty("name")} has the shape {Listed(shape)}, expected sizes of 0 or more, at most {Array.MaxLength} bytes in all");
        }

        return elements;
    }
}
