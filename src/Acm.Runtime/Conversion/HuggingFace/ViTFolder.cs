using System.Globalization;
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
        var processor = folder.ReadIfThere("preprocessor_config.json") is { } file ? new ViTProcessor(file) : null;
        var preprocessing = processor?.Preprocessing(HuggingFaceConverter.Int(source, "image_size"), channels);
        config["preprocessing"] = preprocessing;
        return new ConvertedPackage(source.File, config, tensors, labels?.Length == classes ? labels : null,
            preprocessing is null ? [TorchvisionConverter.NoPreprocessing]
            : processor!.Squeezes ? ["Hugging Face squeezes pictures into a square; the package crops them instead"]
            : []);
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
}
