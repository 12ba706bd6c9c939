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
        SKEncodedOrigin origin = codec.EncodedFormat is SKEncodedImageFormat.Png ? PngOrientation.Of(file) : codec.EncodedOrigin;
        Picture upright = new(info.Width, info.Height, origin);
        SKCodecResult read = Decode(codec, info, upright);
        return read is SKCodecResult.Success
            ? new PictureFile(upright.Rgb, upright.Width, upright.Height)
            : throw new BadInputException($"{path}: a damaged {codec.EncodedFormat} ({read}); supported: {Supported}");
    }

    private static unsafe SKCodecResult Decode(SKCodec codec, SKImageInfo info, Picture upright)
    {
        // A photograph is read row by row: all its pixels at once take more memory than what is made of them.
        if (codec.EncodedFormat is SKEncodedImageFormat.Jpeg && codec.StartScanlineDecode(info) is SKCodecResult.Success)
        {
            byte[] row = new byte[info.RowBytes];
            fixed (byte* pixels = row)
                for (int y = 0; y < info.Height; y++)
                {
                    if (codec.GetScanlines((nint)pixels, 1, info.RowBytes) != 1)
                        return SKCodecResult.IncompleteInput;
                    upright.Put(y, row);
                }
            return SKCodecResult.Success;
        }
        using SKBitmap bitmap = new(info);
        SKCodecResult read = codec.GetPixels(info, bitmap.GetPixels());
        for (int y = 0; y < info.Height && read is SKCodecResult.Success; y++)
            upright.Put(y, bitmap.GetPixelSpan().Slice(y * info.RowBytes, info.RowBytes));
        return read;
    }

    /// <summary>A picture that is put together from its stored rows.</summary>
    private sealed class Picture(int width, int height, SKEncodedOrigin origin)
    {
        private readonly bool _swapped = origin >= SKEncodedOrigin.LeftTop;

        public int Width => _swapped ? height : width;

        public int Height => _swapped ? width : height;

        public byte[] Rgb { get; } = new byte[width * height * 3];

        public void Put(int y, ReadOnlySpan<byte> rgba)
        {
            for (int x = 0; x < width; x++)
            {
                (int toX, int toY) = origin switch
                {
                    SKEncodedOrigin.TopRight => (width - 1 - x, y),
                    SKEncodedOrigin.BottomRight => (width - 1 - x, height - 1 - y),
                    SKEncodedOrigin.BottomLeft => (x, height - 1 - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (height - 1 - y, x),
                    SKEncodedOrigin.RightBottom => (height - 1 - y, width - 1 - x),
                    SKEncodedOrigin.LeftBottom => (y, width - 1 - x),
                    _ => (x, y),
                };
                ReadOnlySpan<byte> pixel = rgba.Slice(x * 4, 4);
                Span<byte> to = Rgb.AsSpan((toY * Width + toX) * 3, 3);
                for (int c = 0; c < 3; c++)
                    to[c] = (byte)((pixel[c] * pixel[3] + 255 * (255 - pixel[3]) + 127) / 255);
            }
        }
    }

    private static string Found(byte[] file, SKCodecResult result) => file.Length == 0
        ? "an empty file" : $"no picture (it begins with {Convert.ToHexString(file, 0, Math.Min(file.Length, 4))}, {result})";
}
