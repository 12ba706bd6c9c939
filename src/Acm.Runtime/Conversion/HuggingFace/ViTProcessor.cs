using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>A folder's <c>preprocessor_config.json</c>: how its pictures become pixels.</summary>
internal sealed class ViTProcessor(ConfigNode file)
{
    // What a class takes for the keys that a file leaves out. Both take 0.5 for mean and deviation, and crop to 224.
    private sealed record Defaults(int Size, int Resample, bool Crops);

    private const int UsualCrop = 224;

    // A file that names no class is read by that of its model.
    private readonly string _class = file.TextOrNull("image_processor_type") ?? file.TextOrNull("feature_extractor_type") ?? "ViTImageProcessor";

    /// <summary>Whether pictures lose their proportions.</summary>
    public bool Squeezes => file.NodeOrNull("size") is not JsonObject size || !size.ContainsKey("shortest_edge");

    /// <summary>The same as a package has it; null where a package cannot say it.</summary>
    /// <exception cref="ModelFormatException">Pictures would be of another size than the model takes.</exception>
    public JsonObject? Preprocessing(int imageSize, int channels)
    {
        if (!Does("do_resize") || !Does("do_rescale") || !ScalesToOne())
        {
            return null;
        }
        // PIL's numbers for the filters: 2 bilinear, 3 bicubic.
        string? resample = (Usual("resample")?.Resample ?? file.Int("resample", 0, 5)) switch
        {
            2 => "bilinear",
            3 => "bicubic",
            _ => null,
        };
        int size = Usual("size")?.Size ?? Side("size");
        // A class that is not known crops where its file says so.
        bool crops = file.Flag("do_center_crop", absent: Known is { Crops: true });
        int left = !crops ? size : Usual("crop_size") is null ? Side("crop_size") : UsualCrop;
        if (left != imageSize)
        {
            string key = crops ? "crop_size" : "size";
            throw file.Wrong(key, $"{imageSize}, the image_size in config.json", file.Has(key) ? $"{left}" : $"nothing, for which {_class} takes {left}");
        }
        // Hugging Face pads with zeros what is too small to crop.
        return resample is null || size < left ? null : new JsonObject
        {
            ["resize"] = size,
            ["resample"] = resample,
            ["center_crop"] = left,
            ["mean"] = PerChannel("image_mean", 0, channels),
            ["std"] = PerChannel("image_std", 1, channels),
        };
    }

    private bool Does(string step) => file.Flag(step, absent: true);

    // What a package does to a byte before mean and deviation.
    private bool ScalesToOne() =>
        !file.Has("rescale_factor") || Math.Abs(file.Number("rescale_factor", double.MinValue, double.MaxValue) * 255 - 1) < 1e-6;

    // What is not normalised is from 0 to 1.
    private JsonArray PerChannel(string key, double plain, int channels) => HuggingFaceConverter.Array(
        !Does("do_normalize") ? Enumerable.Repeat(plain, Math.Min(channels, 1024))
        : Usual(key) is null ? file.Numbers(key, 1024)
        : Enumerable.Repeat(0.5, 3));

    private Defaults? Known => _class switch
    {
        "ViTImageProcessor" or "ViTImageProcessorFast" or "ViTImageProcessorPil" or "ViTFeatureExtractor" => new Defaults(224, Resample: 2, Crops: false),
        "DeiTImageProcessor" or "DeiTImageProcessorFast" or "DeiTImageProcessorPil" or "DeiTFeatureExtractor" => new Defaults(256, Resample: 3, Crops: true),
        _ => null,
    };

    // The class's defaults where the file leaves the key out; null where it does not.
    private Defaults? Usual(string key) => file.Has(key)
        ? null
        : Known ?? throw file.Wrong(key, $"a value (what {_class} takes without one is not known here)", "nothing: the key is missing");

    // A number; height and width, which are to be alike; or the shorter side.
    private int Side(string key)
    {
        if (file.NodeOrNull(key) is not JsonObject)
        {
            return file.HoldsNumbers(key, 2) ? Square(file.Ints(key, 1, int.MaxValue, 2)) : file.Int(key, 1, int.MaxValue);
        }
        var sides = file.Object(key);
        return sides.Keys.Order(StringComparer.Ordinal).ToArray() switch
        {
            ["shortest_edge"] => sides.Int("shortest_edge", 1, int.MaxValue),
            ["height", "width"] => Square([sides.Int("height", 1, int.MaxValue), sides.Int("width", 1, int.MaxValue)]),
            var others => throw file.Wrong(key, "a number, height and width, or shortest_edge", others.Length == 0 ? "an empty object" : string.Join(", ", others)),
        };

        int Square(int[] both) => both[0] == both[1] ? both[0] : throw file.Wrong(key, "a square", $"{both[0]} by {both[1]}");
    }
}
