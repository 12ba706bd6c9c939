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

    // [[1, 2], [3, 4], [5, 6]] is stored; what is expected follows from the EXIF specification's words for each number.
    [TestCase(1, false, 2, new[] { 1, 2, 3, 4, 5, 6 })]
    [TestCase(2, true, 2, new[] { 2, 1, 4, 3, 6, 5 })]
    [TestCase(3, false, 2, new[] { 6, 5, 4, 3, 2, 1 })]
    [TestCase(4, true, 2, new[] { 5, 6, 3, 4, 1, 2 })]
    [TestCase(5, false, 3, new[] { 1, 3, 5, 2, 4, 6 })]
    [TestCase(6, true, 3, new[] { 5, 3, 1, 6, 4, 2 })]
    [TestCase(7, false, 3, new[] { 6, 4, 2, 5, 3, 1 })]
    [TestCase(8, true, 3, new[] { 2, 4, 6, 1, 3, 5 })]
    [TestCase(9, true, 2, new[] { 1, 2, 3, 4, 5, 6 })]
    public void APngIsTurnedUprightToo(int orientation, bool little, int width, int[] pixels)
    {
        using var folder = new TemporaryFolder();
        byte[] stored = Png([1, 2, 3, 4, 5, 6]), exif = Exif(orientation, little);
        // Behind the signature and IHDR, or before IEND.
        int at = little ? stored.Length - 12 : 33;
        File.WriteAllBytes(folder["turned.png"], [.. stored[..at], .. Chunk("eXIf"u8, exif), .. stored[at..]]);
        PictureFile picture = PictureFile.Read(folder["turned.png"]);
        Assert.That((picture.Width, picture.Height), Is.EqualTo((width, 6 / width)));
        Assert.That(picture.Rgb.Where((_, i) => i % 3 == 0).Select(static value => (int)value), Is.EqualTo(pixels));
        for (int length = 0; length < exif.Length; length++)
        {
            File.WriteAllBytes(folder["cut.png"], [.. stored[..at], .. Chunk("eXIf"u8, exif[..length]), .. stored[at..]]);
            Assert.That(() => PictureFile.Read(folder["cut.png"]), Throws.Nothing);
        }
    }

    /// <summary>The other is decoded whole, from what Skia itself makes of the photograph.</summary>
    [Test]
    public void APhotographReadRowByRowIsItsOwnPng([Range(1, 8)] int orientation, [Values(3, 17, 40)] int width)
    {
        using var folder = new TemporaryFolder();
        byte[] stored = Jpeg(width, 29);
        using SkiaSharp.SKBitmap whole = SkiaSharp.SKBitmap.Decode(stored);
        using SkiaSharp.SKData png = whole.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        byte[] copy = png.ToArray(), exif = Exif(orientation, little: true), application = [.. "Exif\0\0"u8, .. exif];
        File.WriteAllBytes(folder["turned.jpg"], [.. stored[..2], 0xff, 0xe1, 0, (byte)(application.Length + 2), .. application, .. stored[2..]]);
        File.WriteAllBytes(folder["turned.png"], [.. copy[..33], .. Chunk("eXIf"u8, exif), .. copy[33..]]);
        PictureFile photograph = PictureFile.Read(folder["turned.jpg"]), same = PictureFile.Read(folder["turned.png"]);
        Assert.That((photograph.Width, photograph.Height), Is.EqualTo(orientation > 4 ? (29, width) : (width, 29)));
        Assert.That((photograph.Width, photograph.Height), Is.EqualTo((same.Width, same.Height)));
        Assert.That(photograph.Rgb, Is.EqualTo(same.Rgb));
    }

    [Test]
    public void APhotographThatIsCutIsRefused()
    {
        using var folder = new TemporaryFolder();
        byte[] stored = Jpeg(200, 200);
        File.WriteAllBytes(folder["cut.jpg"], stored[..(stored.Length / 2)]);
        Assert.That(() => PictureFile.Read(folder["cut.jpg"]), Throws.TypeOf<BadInputException>().With.Message.Contains("cut.jpg: a damaged Jpeg"));
    }

    private static byte[] Jpeg(int width, int height)
    {
        Random random = new(width);
        using SkiaSharp.SKBitmap bitmap = new(width, height, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Opaque);
        for (int i = 0; i < width * height; i++)
            bitmap.SetPixel(i % width, i / width, new SkiaSharp.SKColor((byte)random.Next(256), (byte)(i % width * 6), (byte)(i / width * 8)));
        using SkiaSharp.SKData data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Jpeg, 90);
        return data.ToArray();
    }

    [Test]
    public void A_picture_of_too_many_pixels_is_refused_by_its_header()
    {
        using var folder = new TemporaryFolder();
        byte[] png = Png([1, 2, 3, 4, 5, 6]), header = [0, 0, 0x40, 0, 0, 0, 0x40, 1, .. png[24..29]];
        File.WriteAllBytes(folder["large.png"], [.. png[..8], .. Chunk("IHDR"u8, header), .. png[33..]]);
        Assert.That(() => PictureFile.Read(folder["large.png"]), Throws.TypeOf<BadInputException>().With.Message.Contains("16384 x 16385 pixels, 268 million; supported: up to 268 million"));
    }

    private static byte[] Png(byte[] gray)
    {
        using SkiaSharp.SKBitmap bitmap = new(2, 3, SkiaSharp.SKColorType.Gray8, SkiaSharp.SKAlphaType.Opaque);
        for (int i = 0; i < gray.Length; i++)
            bitmap.SetPixel(i % 2, i / 2, new SkiaSharp.SKColor(gray[i], gray[i], gray[i]));
        using SkiaSharp.SKData data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    // One directory of one entry: tag, type, count, value.
    private static byte[] Exif(int orientation, bool little) => little
        ? [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0]
        : [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0];

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] length = new byte[4], crc = new byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(crc, System.IO.Hashing.Crc32.HashToUInt32([.. type, .. data]));
        return [.. length, .. type, .. data, .. crc];
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
