using Acm.Cli.Output;
using Acm.Runtime;
using SkiaSharp;

namespace Acm.Cli.Images;

/// <summary>
/// A sheet of pictures as the model saw them, each beside its compute map: every patch tinted by the share of its learners
/// that ran, over all layers.
/// </summary>
internal static class ComputeMap
{
    private const int Picture = 240, Gap = 12, Margin = 28, Caption = 58, Header = 96, Footer = 84;

    /// <summary>Draws and writes a PNG.</summary>
    public static void Draw(IReadOnlyList<Classification> found, AcmModel model, InferenceSession session, string path)
    {
        int columns = Math.Min(found.Count, 4), rows = (found.Count + columns - 1) / columns;
        int cell = 2 * Picture + Gap;
        int width = Math.Max(2 * Margin + columns * cell + (columns - 1) * 2 * Gap, 900), height = Header + rows * (Picture + Caption) + Footer;
        using SKBitmap sheet = new(width, height);
        using SKCanvas canvas = new(sheet);
        canvas.Clear(SKColors.White);
        double share = found.Average(one => one.LearnerFraction), macs = found.Average(one => (double)one.Macs / one.DenseMacs);
        Text(canvas, "Where the compute went", Margin, 44, 26, bold: true);
        Text(canvas, $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(model.Folder))}: {share:P0} of the learners, {macs:P0} of the dense model's multiply-adds on average; {Report.Budget(found[0].Budget)}", Margin, 74, 15);
        float highest = Math.Max(found.Max(one => one.TokenShare.Skip(1).Max()), 0.01f);
        for (int i = 0; i < found.Count; i++)
            Cell(canvas, found[i], Margin + i % columns * (cell + 2 * Gap), Header + i / columns * (Picture + Caption), highest);
        Legend(canvas, Margin, height - Footer + 20, highest, "share of a patch's learners that ran, over all layers");
        Text(canvas, $"Drawn by acm classify --map; computed by {session.BackendName} ({session.BackendDescription}).", width - Margin, height - 22, 12, right: true, gray: true);
        PngFile.Write(path, sheet);
    }

    private static void Cell(SKCanvas canvas, Classification one, float x, float y, float highest)
    {
        int size = (int)Math.Sqrt(one.Crop.Length / 3), side = (int)Math.Sqrt(one.TokenShare.Length - 1);
        using SKImage picture = Image(one.Crop, size, gray: false), pale = Image(one.Crop, size, gray: true);
        SKSamplingOptions smooth = new(SKCubicResampler.Mitchell);
        canvas.DrawImage(picture, SKRect.Create(x, y, Picture, Picture), smooth);
        float map = x + Picture + Gap, patch = (float)Picture / side;
        canvas.DrawImage(pale, SKRect.Create(map, y, Picture, Picture), smooth);
        using SKPaint paint = new();
        for (int p = 0; p < side * side; p++)
        {
            paint.Color = Color(one.TokenShare[1 + p] / highest).WithAlpha(150);
            canvas.DrawRect(map + p % side * patch, y + p / side * patch, patch, patch, paint);
        }
        Text(canvas, one.Label, x, y + Picture + 22, 18, bold: true);
        float after = Measure(one.Label, 18, bold: true);
        Text(canvas, $"{one.Probability:P1}", x + after + 10, y + Picture + 22, 15);
        Text(canvas, Path.GetFileName(one.Path), x, y + Picture + 40, 12, gray: true);
        Text(canvas, $"{one.LearnerFraction:P0} of the learners", map, y + Picture + 22, 15);
        Text(canvas, $"{Report.Macs(one.Macs)} of {Report.Macs(one.DenseMacs)} MACs", map, y + Picture + 40, 12, gray: true);
    }

    internal static void Legend(SKCanvas canvas, float x, float y, float highest, string of)
    {
        using SKPaint paint = new();
        const int Width = 320, Height = 14;
        for (int i = 0; i < Width; i++)
        {
            paint.Color = Color((float)i / Width);
            canvas.DrawRect(x + i, y, 1, Height, paint);
        }
        for (int tick = 0; tick <= 4; tick++)
            Text(canvas, $"{highest * tick / 4:P0}", x + Width * tick / 4f, y + Height + 16, 12, center: tick > 0);
        Text(canvas, of, x + Width + 24, y + 12, 13);
    }

    // Dark blue, teal, yellow: monotone in lightness, so that it also reads in grey.
    internal static SKColor Color(float value)
    {
        (float At, byte R, byte G, byte B)[] stops = [(0, 68, 1, 84), (0.25f, 59, 82, 139), (0.5f, 33, 145, 140), (0.75f, 94, 201, 98), (1, 253, 231, 37)];
        value = float.IsNaN(value) ? 0 : Math.Clamp(value, 0, 1);
        int i = Math.Min((int)(value * 4), 3);
        float t = value * 4 - i;
        byte Mix(byte a, byte b) => (byte)(a + (b - a) * t);
        return new SKColor(Mix(stops[i].R, stops[i + 1].R), Mix(stops[i].G, stops[i + 1].G), Mix(stops[i].B, stops[i + 1].B));
    }

    private static SKImage Image(byte[] rgb, int size, bool gray)
    {
        using SKBitmap bitmap = new(size, size);
        for (int i = 0; i < size * size; i++)
        {
            (byte r, byte g, byte b) = (rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
            byte luma = (byte)(0.299 * r + 0.587 * g + 0.114 * b);
            bitmap.SetPixel(i % size, i / size, gray ? new SKColor(luma, luma, luma) : new SKColor(r, g, b));
        }
        return SKImage.FromBitmap(bitmap);
    }

    private static float Measure(string text, float size, bool bold)
    {
        using SKFont font = new(bold ? DrawingFonts.Bold : DrawingFonts.Regular, size);
        return font.MeasureText(text);
    }

    internal static void Text(
        SKCanvas canvas, string text, float x, float y, float size, bool bold = false, bool gray = false, bool right = false, bool center = false)
    {
        using SKFont font = new(bold ? DrawingFonts.Bold : DrawingFonts.Regular, size) { Subpixel = true };
        using SKPaint paint = new() { Color = gray ? new SKColor(110, 110, 110) : new SKColor(25, 25, 25), IsAntialias = true };
        canvas.DrawText(text, x, y, right ? SKTextAlign.Right : center ? SKTextAlign.Center : SKTextAlign.Left, font, paint);
    }
}
