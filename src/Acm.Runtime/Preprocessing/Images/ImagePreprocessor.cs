using Acm.Runtime.Configuration;

namespace Acm.Runtime;

/// <summary>From 8-bit RGB pictures to a vision model's pixels, as its package says: scale the shorter side, crop the middle, normalise. Thread-safe.</summary>
public sealed class ImagePreprocessor
{
    private readonly ImagePreprocessing _how;

    /// <summary>The preprocessing of a model.</summary>
    /// <exception cref="ModelFormatException">The model is no vision model of three channels, or its package does not say how pixels are made.</exception>
    public ImagePreprocessor(AcmModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        ModelConfig config = model.Config;
        if (config.Vit is not { Channels: 3 })
            throw new ModelFormatException(config.File, "architecture", "a vision model of 3 channels", config.Vit is null ? config.Architecture.ToString().ToLowerInvariant() : $"{config.Vit.Channels} channels");
        _how = config.Image ?? throw new ModelFormatException(config.File, "preprocessing", "how pixels are made", "nothing");
    }

    /// <summary>Pixels across and down that the model sees.</summary>
    public int Size => _how.CenterCrop;

    /// <summary>Numbers of one image: 3 * <see cref="Size"/> * <see cref="Size"/>.</summary>
    public int Count => 3 * Size * Size;

    /// <summary>Scales and crops.</summary>
    /// <param name="rgb">[height, width, 3].</param>
    /// <param name="width">Pixels across.</param>
    /// <param name="height">Pixels down.</param>
    /// <returns>[<see cref="Size"/>, <see cref="Size"/>, 3].</returns>
    /// <exception cref="ArgumentException">A size is not positive, or <paramref name="rgb"/> does not hold what the sizes say.</exception>
    public byte[] Crop(ReadOnlySpan<byte> rgb, int width, int height)
    {
        if (width < 1 || height < 1)
            throw new ArgumentException($"sizes must be positive: {width} x {height}", nameof(width));
        int shorter = Math.Min(width, height);
        // As Python's //, which the shorter side leaves as it is.
        long toWidth = (long)_how.Resize * width / shorter, toHeight = (long)_how.Resize * height / shorter;
        return ImageResampler.Resize(
            rgb, width, height, 3, toWidth, toHeight, _how.Resample == Resample.Bicubic ? ImageFilter.Bicubic : ImageFilter.Bilinear,
            Margin(toWidth), Margin(toHeight), Size, Size);
    }

    // Math.Round takes halves to even, as Python's round does.
    private long Margin(long scaled) => (long)Math.Round((scaled - Size) / 2.0);

    /// <summary>(p / 255 - mean) / std, channels first.</summary>
    /// <param name="cropped">[<see cref="Size"/>, <see cref="Size"/>, 3].</param>
    /// <param name="pixels">Receives [3, <see cref="Size"/>, <see cref="Size"/>] in its first <see cref="Count"/> places; it may be longer.</param>
    /// <exception cref="ArgumentException"><paramref name="cropped"/> does not hold <see cref="Count"/> bytes, or <paramref name="pixels"/> has no room for as many numbers.</exception>
    public void Normalize(ReadOnlySpan<byte> cropped, Span<float> pixels)
    {
        if (cropped.Length != Count)
            throw new ArgumentException($"{Size} x {Size} x 3 is {Count} bytes, got {cropped.Length}", nameof(cropped));
        if (pixels.Length < Count)
            throw new ArgumentException($"3 x {Size} x {Size} is {Count} numbers, there is room for {pixels.Length}", nameof(pixels));
        int plane = Size * Size;
        for (int i = 0; i < plane; i++)
            for (int c = 0; c < 3; c++)
                pixels[c * plane + i] = (float)((cropped[i * 3 + c] / 255.0 - _how.Mean[c]) / _how.Std[c]);
    }
}
