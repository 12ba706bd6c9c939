using System.Globalization;
using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion.Torchvision;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>Converts a folder of <c>ViTForImageClassification</c>.</summary>
internal static class ViTFolder
{
    public static ConvertedPackage Convert(HuggingFaceFolder folder)
    {
        var source = folder.Config;
        var tensors = ViTNames.Table.Apply(folder.State);
        var config = HuggingFaceConverter.CommonConfig(folder, "vit", usualEpsilon: 1e-12);
        config["image_size"] = HuggingFaceConverter.Int(source, "image_size");
        config["patch_size"] = HuggingFaceConverter.Int(source, "patch_size");
        int channels = source.Int("num_channels", 1, int.MaxValue, absent: 3);
        config["num_channels"] = channels;
        string[]? labels = Labels(source.ObjectOrNull("id2label"));
        // Only tensors and the names of the classes say how many there are.
        long? classes = tensors.GetValueOrDefault("heads.head.weight") is { Shape: [var rows, _] } ? rows : null;
        config["num_labels"] = (int)Math.Min(classes ?? labels?.Length ?? 0, int.MaxValue);
        var preprocessing = Preprocessing(folder.ReadIfThere("preprocessor_config.json"), HuggingFaceConverter.Int(source, "image_size"), channels);
        config["preprocessing"] = preprocessing;
        return new ConvertedPackage(source.File, config, tensors, labels?.Length == classes ? labels : null,
            [preprocessing is null ? TorchvisionConverter.NoPreprocessing : "Hugging Face squeezes pictures into a square; the package crops them instead"]);
    }

    private static string[]? Labels(ConfigNode? names)
    {
        if (names is null)
        {
            return null;
        }
        string[] keys = [.. names.Keys];
        return keys.All(key => int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < keys.Length)
            ? [.. keys.OrderBy(key => int.Parse(key, CultureInfo.InvariantCulture)).Select(names.Text)]
            : null;
    }

    private static JsonObject? Preprocessing(ConfigNode? processor, int size, int channels)
    {
        if (processor is null || !Does(processor, "do_resize") || !Does(processor, "do_rescale") || !ScalesToOne(processor)
            || processor.Flag("do_center_crop", absent: false))
        {
            return null;
        }
        // PIL's numbers for the filters: 2 bilinear, 3 bicubic.
        string? resample = processor.Int("resample", 0, 5, absent: 2) switch
        {
            2 => "bilinear",
            3 => "bicubic",
            _ => null,
        };
        return resample is null ? null : new JsonObject
        {
            ["resize"] = size,
            ["resample"] = resample,
            ["center_crop"] = size,
            ["mean"] = PerChannel("image_mean", 0),
            ["std"] = PerChannel("image_std", 1),
        };

        // What is not normalised is from 0 to 1.
        JsonArray PerChannel(string key, double plain) =>
            HuggingFaceConverter.Array(Does(processor, "do_normalize") ? processor.Numbers(key, 1024) : Enumerable.Repeat(plain, Math.Min(channels, 1024)));
    }

    private static bool Does(ConfigNode processor, string step) => processor.Flag(step, absent: true);

    // What a package does to a byte before mean and deviation.
    private static bool ScalesToOne(ConfigNode processor) =>
        !processor.Has("rescale_factor") || Math.Abs(processor.Number("rescale_factor", double.MinValue, double.MaxValue) * 255 - 1) < 1e-6;
}
