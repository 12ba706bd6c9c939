namespace Acm.Bench;

/// <summary>A ViT's sizes.</summary>
internal sealed record VitShape(string Name, int Image, int Patch, int Layers, int Heads, int Width, int Hidden, int Labels)
{
    public static VitShape Small { get; } = new("ViT-S/16", 224, 16, 12, 6, 384, 1536, 1000);

    public static VitShape Base { get; } = new("ViT-B/16", 224, 16, 12, 12, 768, 3072, 1000);

    /// <summary>The sample model's.</summary>
    public static VitShape Chars { get; } = new("vit-chars", 96, 8, 6, 3, 192, 768, 34);

    /// <summary>Tokens of an image, the class token among them.</summary>
    public int Tokens => 1 + Image / Patch * (Image / Patch);

    /// <summary>Floats of an image.</summary>
    public int Pixels => 3 * Image * Image;
}
