using SkiaSharp;

namespace Acm.Cli.Images;

/// <summary>The tool's own typefaces: machines without any font draw the same pictures.</summary>
internal static class DrawingFonts
{
    public const string Family = "DejaVu Sans";

    public static SKTypeface Regular { get; } = Load("DejaVuSans.ttf");

    public static SKTypeface Bold { get; } = Load("DejaVuSans-Bold.ttf");

    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Fonts", file);

    private static SKTypeface Load(string file) => SKTypeface.FromFile(PathOf(file))
        ?? throw new FileNotFoundException($"the tool's font {file} is missing beside it", PathOf(file));
}
