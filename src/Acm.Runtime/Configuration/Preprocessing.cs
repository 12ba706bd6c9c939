namespace Acm.Runtime.Configuration;

/// <summary>How a picture is scaled.</summary>
internal enum Resample { Bilinear, Bicubic }

/// <summary>From a picture to a vision model's pixels: shorter side to <paramref name="Resize"/>, crop, (x - mean) / std.</summary>
internal sealed record ImagePreprocessing(int Resize, Resample Resample, int CenterCrop, double[] Mean, double[] Std)
{
    public static ImagePreprocessing? Read(ConfigNode? node, VitConfig vit)
    {
        if (node is null)
        {
            return null;
        }
        int crop = node.Int("center_crop", vit.ImageSize, vit.ImageSize);
        return new ImagePreprocessing(
            node.Int("resize", crop, Limits.Length),
            node.Choice("resample", ("bilinear", Resample.Bilinear), ("bicubic", Resample.Bicubic)),
            crop,
            PerChannel(node, "mean", vit.Channels, double.MinValue),
            PerChannel(node, "std", vit.Channels, 1e-12));
    }

    private static double[] PerChannel(ConfigNode node, string key, int channels, double least)
    {
        double[] values = node.Numbers(key, longest: 1024, least);
        return values.Length == channels ? values : throw node.Wrong(key, $"{channels} numbers, one per channel", $"{values.Length}");
    }
}

/// <summary>From text to word pieces.</summary>
internal sealed record TextPreprocessing(bool LowerCase, bool StripAccents, bool SplitChinese, int MaxLength)
{
    public static TextPreprocessing Read(ConfigNode? node, BertConfig bert)
    {
        bool lower = node?.Flag("do_lower_case", absent: true) ?? true;
        return new TextPreprocessing(
            lower,
            // As in the field's tokenisers: accents go where case goes, unless said otherwise.
            node?.Flag("strip_accents", lower) ?? lower,
            node?.Flag("tokenize_chinese_chars", absent: true) ?? true,
            node?.Int("max_length", 2, bert.MaxPositions, bert.MaxPositions) ?? bert.MaxPositions);
    }
}

/// <summary>From samples to what a speech model sees: with <paramref name="Normalize"/>, (x - mean) / sqrt(variance + 1e-7) of the recording.</summary>
internal sealed record AudioPreprocessing(bool Normalize)
{
    public static AudioPreprocessing Read(ConfigNode? node) => new(node?.Flag("do_normalize", absent: false) ?? false);
}
