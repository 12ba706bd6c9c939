using Acm.Runtime;
using SkiaSharp;

namespace Acm.Cli.Images;

/// <summary>A drawing as a PNG.</summary>
internal static class PngFile
{
    /// <summary>Encodes it in memory first: what a stream throws while the encoder writes into it, no handler sees, and the process ends.</summary>
    public static void Write(string path, SKBitmap drawing)
    {
        using SKData png = drawing.Encode(SKEncodedImageFormat.Png, 100);
        AtomicFile.Write(path, png.SaveTo);
    }
}
