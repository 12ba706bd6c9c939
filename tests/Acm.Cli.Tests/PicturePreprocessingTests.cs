using Acm.Cli.Images;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>From a picture file to a model's pixels: the bytes that Pillow gives.</summary>
public class PicturePreprocessingTests
{
    private static string Pillow => SharedFolder.Data("pictures", "pillow.safetensors");

    private static IEnumerable<string> Names(string prefix)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Pillow);
        return [.. file.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Scaled => [.. Names("bilinear."), .. Names("bicubic.")];

    private static IEnumerable<string> Decoded => Names("decoded.");

    [TestCaseSource(nameof(Scaled))]
    public void ScalingGivesPillowsBytes(string name)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Pillow);
        TensorView wanted = file.Get(name), source = file.Get("source" + name[name.IndexOf('.')..]);
        byte[] scaled = ImageResampler.Resize(
            source.Bytes, (int)source.Shape[1], (int)source.Shape[0], 3, (int)wanted.Shape[1], (int)wanted.Shape[0],
            name.StartsWith("bicubic", StringComparison.Ordinal) ? ImageFilter.Bicubic : ImageFilter.Bilinear);
        Assert.That(scaled, Is.EqualTo(wanted.Bytes.ToArray()));
    }

    [TestCaseSource(nameof(Decoded))]
    public void FilesAreDecodedUprightOverWhite(string name)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Pillow);
        TensorView wanted = file.Get(name);
        PictureFile picture = PictureFile.Read(SharedFolder.Data("pictures", name["decoded.".Length..]));
        Assert.That((picture.Height, picture.Width), Is.EqualTo(((int)wanted.Shape[0], (int)wanted.Shape[1])));
        // JPEG decoders may round differently; blending over white may, too.
        int tolerance = name.EndsWith(".jpg", StringComparison.Ordinal) ? 2 : name.Contains("alpha", StringComparison.Ordinal) ? 1 : 0;
        Assert.That(picture.Rgb.Select(static value => (int)value), Is.EqualTo(wanted.Bytes.ToArray().Select(static value => (int)value)).Within(tolerance));
    }

    [Test]
    public void TheSampleModelsStoredPixelsAreReproducedExactly()
    {
        using Golden golden = new("golden", "vit-chars", "golden.safetensors");
        using AcmModel model = AcmModel.Load(Tool.Model);
        ImagePreprocessor preprocessor = new(model);
        byte[] stored = golden.Bytes("pixels");
        float[] inputs = golden.Floats("inputs"), pixels = new float[preprocessor.Count];
        Assert.That(Tool.Pictures, Has.Length.EqualTo(golden.Shape("pixels")[0]));
        for (int i = 0; i < Tool.Pictures.Length; i++)
        {
            PictureFile picture = PictureFile.Read(Tool.Pictures[i]);
            byte[] crop = preprocessor.Crop(picture.Rgb, picture.Width, picture.Height);
            Assert.That(crop, Is.EqualTo(stored.AsSpan(i * crop.Length, crop.Length).ToArray()), Tool.Pictures[i]);
            preprocessor.Normalize(crop, pixels);
            Assert.That(pixels, Is.EqualTo(inputs.AsSpan(i * pixels.Length, pixels.Length).ToArray()), Tool.Pictures[i]);
        }
    }

    [Test]
    public void AnOddMarginIsCutHalvesToEven([Values(96, 97, 98, 99, 101, 103)] int width)
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        ImagePreprocessor preprocessor = new(model);
        // Every column has its own grey, so the first one left tells where the cut was.
        byte[] rgb = [.. Enumerable.Range(0, 96 * width).SelectMany(i => Enumerable.Repeat((byte)(i % width), 3))];
        int left = width switch { 96 => 0, 97 => 0, 98 => 1, 99 => 2, 101 => 2, _ => 4 };
        Assert.That(preprocessor.Crop(rgb, width, 96)[0], Is.EqualTo(left));
    }
}
