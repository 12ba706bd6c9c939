using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>Makes a package of a Hugging Face folder; one class per architecture says how.</summary>
internal static class HuggingFaceConverter
{
    /// <summary>Converts an open folder.</summary>
    public static ConvertedPackage Convert(HuggingFaceFolder folder, ConversionOptions options) =>
        folder.Config.Choice<Func<ConvertedPackage>>(
            "model_type",
            ("vit", () => ViTFolder.Convert(folder)),
            ("bert", () => BertFolder.Convert(folder, options)),
            ("wav2vec2", () => Wav2Vec2Folder.Convert(folder)))();

    /// <summary>The keys that all three share.</summary>
    public static JsonObject CommonConfig(HuggingFaceFolder folder, string architecture, double usualEpsilon)
    {
        var config = folder.Config;
        var common = new JsonObject
        {
            ["format_version"] = ModelConfig.FormatVersion,
            ["architecture"] = architecture,
            ["hidden_size"] = Int(config, "hidden_size"),
            ["num_hidden_layers"] = Int(config, "num_hidden_layers"),
            ["num_attention_heads"] = Int(config, "num_attention_heads"),
            ["intermediate_size"] = Int(config, "intermediate_size"),
            ["layer_norm_eps"] = config.Has("layer_norm_eps") ? config.Number("layer_norm_eps", 0, 1) : usualEpsilon,
            ["hidden_act"] = Activation(config, "hidden_act"),
            ["provenance"] = $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder.Path)))}, a Hugging Face folder",
        };
        if (folder.Acm is not null)
        {
            common["acm"] = folder.Acm;
            common["acm_semantics"] = config.Has("acm_semantics") ? config.Text("acm_semantics") : "paper";
        }
        return common;
    }

    /// <summary>A size; whether it is a sensible one is decided when the package's configuration is read.</summary>
    public static int Int(ConfigNode config, string key) => config.Int(key, 0, int.MaxValue);

    /// <summary>Hugging Face's name of an activation as a package's.</summary>
    public static string Activation(ConfigNode config, string key) => !config.Has(key) ? "gelu" : config.Choice(
        key, ("gelu", "gelu"), ("gelu_new", "gelu_tanh"), ("gelu_pytorch_tanh", "gelu_tanh"), ("gelu_fast", "gelu_tanh"), ("relu", "relu"));

    /// <summary>Refuses a switch that would make another model of the tensors.</summary>
    public static void RequireOff(ConfigNode config, string key)
    {
        if (config.Flag(key, absent: false))
        {
            throw config.Wrong(key, "false", "true: a variant that packages do not have");
        }
    }

    /// <summary>Numbers as JSON.</summary>
    public static JsonArray Array(IEnumerable<int> numbers) => new([.. numbers.Select(JsonNode (number) => JsonValue.Create(number))]);

    /// <summary>Numbers as JSON.</summary>
    public static JsonArray Array(IEnumerable<double> numbers) => new([.. numbers.Select(JsonNode (number) => JsonValue.Create(number))]);
}
