using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>A folder as <c>save_pretrained</c> writes it, open: its configuration and its tensors.</summary>
internal sealed class HuggingFaceFolder : IDisposable
{
    private readonly WeightFiles _weights;

    private HuggingFaceFolder(string path, ConfigNode config, JsonNode? acm, WeightFiles weights)
    {
        Path = path;
        Config = config;
        Acm = acm;
        _weights = weights;
    }

    public string Path { get; }

    public ConfigNode Config { get; }

    /// <summary>The configuration's <c>acm</c>, in a package's form, where the folder is ACMized.</summary>
    public JsonNode? Acm { get; }

    public StateDict State => _weights.State;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="ModelFormatException">A file is missing or wrong.</exception>
    public static HuggingFaceFolder Open(string path)
    {
        string configFile = System.IO.Path.Combine(path, "config.json");
        var config = ConfigNode.Read(configFile);
        if (config.Has("format_version"))
        {
            throw new ModelFormatException(configFile, "format_version", "a Hugging Face configuration", "a package's: there is nothing to convert");
        }
        // The node is only copied, never trusted: what comes of it is read again as a package's configuration.
        return new HuggingFaceFolder(path, config, config.NodeOrNull("acm"), WeightFiles.Open(path));
    }

    /// <summary>Another JSON file of the folder, or null where it is not there.</summary>
    public ConfigNode? ReadIfThere(params string[] parts)
    {
        string file = System.IO.Path.Combine([Path, .. parts]);
        return File.Exists(file) ? ConfigNode.Read(file) : null;
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _weights.Dispose();
}
