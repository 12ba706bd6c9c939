using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion.HuggingFace;
using Acm.Runtime.Conversion.Published;
using Acm.Runtime.Conversion.Torch;
using Acm.Runtime.Conversion.Torchvision;

namespace Acm.Runtime.Conversion;

/// <summary>What a source may leave open.</summary>
public sealed record ConversionOptions
{
    /// <summary>Attention heads of a vision model whose file does not tell; null to take what the source says.</summary>
    public int? Heads { get; init; }

    /// <summary>How a text encoder makes a sentence's vector, <c>mean</c> or <c>cls</c>; null to take what the source says.</summary>
    public string? Pooling { get; init; }

    /// <summary>Whether a sentence's vector gets unit length; null to take what the source says.</summary>
    public bool? Normalize { get; init; }

    /// <summary>Whether weights may be NaN or infinite; refused otherwise.</summary>
    public bool AllowNonFinite { get; init; }
}

/// <summary>What a conversion made.</summary>
/// <param name="Output">The package's folder.</param>
/// <param name="Source">What the source was taken for.</param>
/// <param name="Tensors">How many tensors the package holds.</param>
/// <param name="Bytes">Size of <c>model.safetensors</c>.</param>
/// <param name="Notes">What the user should know, a sentence each.</param>
public sealed record ConversionReport(string Output, string Source, int Tensors, long Bytes, IReadOnlyList<string> Notes);

/// <summary>Makes packages of the files people have: the published code's checkpoints, torchvision's, Hugging Face's folders.</summary>
public static class ModelConverter
{
    /// <summary>Converts a model and writes its package, whole or not at all. Nothing in a source is ever executed.</summary>
    /// <param name="sources">
    /// A Hugging Face folder; or a file, .pth or .safetensors; or for a chain of the published code all its files, their folder, or the
    /// last one alone where the others lie beside it or in the code's own folders. Of several runs the one furthest along is
    /// converted, a file before one in a folder, the first given before a later one.
    /// </param>
    /// <param name="output">The package's folder; must not exist, or be empty.</param>
    /// <param name="options">What the sources leave open.</param>
    /// <exception cref="ModelFormatException">A source is broken, hostile, of another kind, or contradicts itself.</exception>
    /// <exception cref="ArgumentException">No source, an output folder that is in use, or heads that the source contradicts.</exception>
    public static ConversionReport Convert(IReadOnlyList<string> sources, string output, ConversionOptions options)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(output);
        if (sources.Count == 0)
        {
            throw new ArgumentException("Nothing to convert: no source given.", nameof(sources));
        }
        if (sources.FirstOrDefault(static source => !Path.Exists(source)) is { } absent)
        {
            throw new ModelFormatException(absent, null, "a folder, or a file .pth or .safetensors", "nothing of that name");
        }
        if (options.Heads is < 1)
        {
            throw new ArgumentException($"{options.Heads} attention heads were asked for; a model has at least 1.", nameof(options));
        }
        if (File.Exists(output) || (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()))
        {
            throw new ArgumentException($"'{output}' is there already; a package is written into a new or empty folder.", nameof(output));
        }
        if (sources is [var only] && IsHuggingFace(only))
        {
            using var folder = HuggingFaceFolder.Open(only);
            return Save("a Hugging Face folder", HuggingFaceConverter.Convert(folder, options), output, options);
        }
        if (sources is [var file] && file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            using var weights = SafeTensorsFile.Open(file);
            return Save("a torchvision state dict", TorchvisionConverter.Convert(StateDict.Of(weights), options.Heads), output, options);
        }
        return ConvertCheckpoints(sources, output, options);
    }

    private static ConversionReport ConvertCheckpoints(IReadOnlyList<string> sources, string output, ConversionOptions options)
    {
        var opened = new List<Checkpoint>();
        try
        {
            var folders = sources.ToLookup(Directory.Exists);
            opened.AddRange(folders[false].Select(Checkpoint.Open));
            int files = opened.Count;
            opened.AddRange(folders[true].SelectMany(FilesOf).Select(Checkpoint.Open));
            if (opened is [{ Args: null } bare])
            {
                return Save("a torchvision state dict", TorchvisionConverter.Convert(bare.State, options.Heads), output, options);
            }
            var last = FurthestAlong(files > 0 ? opened[..files] : opened);
            return Save($"a chain of the published code that ends with '{last.Path}'", PublishedConverter.Convert(last, opened, options.Heads), output, options);
        }
        finally
        {
            opened.ForEach(checkpoint => checkpoint.Dispose());
        }
    }

    // A trainer leaves rng_state.pth beside a model; a chain may have a package's configuration beside it.
    private static bool IsHuggingFace(string folder)
    {
        string config = Path.Combine(folder, "config.json");
        return File.Exists(config) && (Checkpoints(folder).Length == 0 || ConfigNode.Read(config).Has("model_type"));
    }

    private static string[] Checkpoints(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.pth").Order(StringComparer.Ordinal)] : [];

    private static string[] FilesOf(string folder) => Checkpoints(folder) is { Length: > 0 } files
        ? files
        : throw new ModelFormatException(folder, null, "config.json, or files *.pth", "neither");

    private static Checkpoint FurthestAlong(List<Checkpoint> runs) => runs.FirstOrDefault(run => run.Args is null) is { } bare
        ? throw new ModelFormatException(bare.Path, "args", "checkpoints of the published code, where several files are given", "a bare state dict")
        : runs.MaxBy(run => Phases.Of(run.Args!))!;

    private static ConversionReport Save(string source, ConvertedPackage package, string output, ConversionOptions options)
    {
        // What the source itself says is not overruled.
        if (options.Heads is { } heads && package.Config["num_attention_heads"] is { } stored && stored.ToJsonString() != $"{heads}")
        {
            throw new ArgumentException($"{heads} attention heads were asked for; '{package.Source}' says {stored.ToJsonString()}.", nameof(options));
        }
        package.Save(output, options.AllowNonFinite);
        long bytes = new FileInfo(Path.Combine(output, "model.safetensors")).Length;
        bool useless = (options.Pooling ?? (object?)options.Normalize) is not null && package.Config["pooling"] is null;
        return new ConversionReport(
            output, source, package.Tensors.Count, bytes, [.. package.Notes, .. useless ? ["pooling and unit length are a text encoder's: not used"] : (string[])[]]);
    }
}
