using SkiaSharp;

namespace Acm.Cli.Images;

/// <summary>A picture as 8-bit RGB: transparency over white, turned upright as its EXIF orientation says.</summary>
internal sealed record PictureFile(byte[] Rgb, int Width, int Height)
{
    public const string Supported = "PNG, JPEG, WebP, GIF, BMP, ICO";

    /// <exception cref="BadInputException">The file is missing or no picture.</exception>
    public static PictureFile Read(string path)
    {
        // Once and whole: a pipe gives its bytes but once.
        byte[] file = File.ReadAllBytes(InputFile.Need(path));
        using SKCodec? codec = SKCodec.Create(new SKMemoryStream(file), out SKCodecResult result);
        if (codec is null)
            throw new BadInputException($"{path}: {Found(file, result)}; supported: {Supported}");
        SKImageInfo info = new(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        if ((long)info.Width * info.Height > 1 << 28)
            throw new BadInputException($"{path}: {info.Width} x {info.Height} pixels, {info.Width * (double)info.Height / 1e6:0} million; supported: up to 268 million");
        using SKBitmap bitmap = new(info);
        SKCodecResult read = codec.GetPixels(info, bitmap.GetPixels());
        if (read is not SKCodecResult.Success)
            throw new BadInputException($"{path}: a damaged {codec.EncodedFormat} ({read}); supported: {Supported}");
        SKEncodedOrigin origin = codec.EncodedFormat is SKEncodedImageFormat.Png ? PngOrientation.Of(file) : codec.EncodedOrigin;
        return Upright(bitmap.GetPixelSpan(), info.Width, info.Height, origin);
    }

    private static PictureFile Upright(ReadOnlySpan<byte> rgba, int width, int height, SKEncodedOrigin origin)
    {
        bool swapped = origin >= SKEncodedOrigin.LeftTop;
        (int toWidth, int toHeight) = swapped ? (height, width) : (width, height);
        byte[] rgb = new byte[toWidth * toHeight * 3];
        for (int y = 0; y < toHeight; y++)
            for (int x = 0; x < toWidth; x++)
            {
                (int fromX, int fromY) = origin switch
                {
                    SKEncodedOrigin.TopRight => (width - 1 - x, y),
                    SKEncodedOrigin.BottomRight => (width - 1 - x, height - 1 - y),
                    SKEncodedOrigin.BottomLeft => (x, height - 1 - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (y, height - 1 - x),
                    SKEncodedOrigin.RightBottom => (width - 1 - y, height - 1 - x),
                    SKEncodedOrigin.LeftBottom => (width - 1 - y, x),
                    _ => (x, y),
                };
                ReadOnlySpan<byte> pixel = rgba.Slice((fromY * width + fromX) * 4, 4);
                for (int c = 0; c < 3; c++)
                    rgb[(y * toWidth + x) * 3 + c] = (byte)((pixel[c] * pixel[3] + 255 * (255 - pixel[3]) + 127) / 255);
            }
        return new PictureFile(rgb, toWidth, toHeight);
    }

    private static string Found(byte[] file, SKCodecResult result) => file.Length == 0
        ? "an empty file" : $"no picture (it begins with {Convert.ToHexString(file, 0, Math.Min(file.Length, 4))}, {result})";
}
