using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class ImageResamplerTests
{
    [Test]
    public void A_window_is_what_cutting_it_from_the_whole_gives([Values] ImageFilter filter, [Values(1, 3)] int channels, [Range(1, 60)] int seed)
    {
        Random random = new(seed);
        int width = random.Next(1, 40), height = random.Next(1, 40);
        // Up, down, or not at all, each axis by itself.
        int toWidth = random.Next(3) == 0 ? width : random.Next(1, 90), toHeight = random.Next(3) == 0 ? height : random.Next(1, 90);
        byte[] source = Noise(random, width * height * channels);
        int left = random.Next(toWidth), top = random.Next(toHeight), wide = random.Next(1, toWidth - left + 1), tall = random.Next(1, toHeight - top + 1);
        byte[] whole = ImageResampler.Resize(source, width, height, channels, toWidth, toHeight, filter);
        byte[] window = ImageResampler.Resize(source, width, height, channels, toWidth, toHeight, filter, left, top, wide, tall);
        Assert.That(window, Is.EqualTo(Cut(whole, toWidth, channels, left, top, wide, tall)), $"{width} x {height} to {toWidth} x {toHeight}, {wide} x {tall} at {left}, {top}");
    }

    [TestCase(2, 1, 3, 2000000000, 1)]
    [TestCase(200000, 1, 3, 51200000, 256)]
    [TestCase(1, 100000, 1, 30000, 1)]
    public void What_no_array_holds_is_refused_with_its_sizes(int width, int height, int channels, int toWidth, int toHeight) =>
        Assert.That(
            () => ImageResampler.Resize(new byte[width * height * channels], width, height, channels, toWidth, toHeight, ImageFilter.Bilinear),
            Throws.ArgumentException.With.Message.Contains($"{width} x {height} x {channels} to {toWidth} x {toHeight}"));

    [Test]
    public void A_crop_is_the_middle_of_the_whole_scaled_picture([Range(1, 40)] int seed)
    {
        using TemporaryFolder folder = new();
        ImagePreprocessor preprocessor = Preprocessor(folder, resize: 4 + seed % 4);
        Random random = new(seed);
        int width = random.Next(1, 50), height = random.Next(1, 50), shorter = Math.Min(width, height), resize = 4 + seed % 4;
        byte[] rgb = Noise(random, width * height * 3);
        int toWidth = resize * width / shorter, toHeight = resize * height / shorter;
        byte[] whole = ImageResampler.Resize(rgb, width, height, 3, toWidth, toHeight, ImageFilter.Bilinear);
        int left = (int)Math.Round((toWidth - 4) / 2.0), top = (int)Math.Round((toHeight - 4) / 2.0);
        Assert.That(preprocessor.Crop(rgb, width, height), Is.EqualTo(Cut(whole, toWidth, 3, left, top, 4, 4)), $"{width} x {height}");
    }

    [TestCase(200_000, 1)]
    [TestCase(1, 20_000)]
    [TestCase(1, 30_000_000)]
    [TestCase(4, 100_000)]
    [TestCase(3000, 3001)]
    public void Only_what_a_crop_keeps_is_computed(int width, int height)
    {
        using TemporaryFolder folder = new();
        ImagePreprocessor preprocessor = Preprocessor(folder, resize: 4);
        byte[] rgb = new byte[3 * width * height];
        Array.Fill(rgb, (byte)77);
        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] crop = preprocessor.Crop(rgb, width, height);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
        Assert.That(crop, Is.All.EqualTo(77));
    }

    [TestCase(4, 4, 47)]
    [TestCase(4, 4, 49)]
    [TestCase(5, 4, 59)]
    [TestCase(8, 8, 191)]
    [TestCase(0, 4, 0)]
    [TestCase(4, -1, 0)]
    [TestCase(65536, 65536, 0)]
    public void Bytes_that_the_sizes_do_not_say_are_refused(int width, int height, int bytes)
    {
        using TemporaryFolder folder = new();
        ImagePreprocessor preprocessor = Preprocessor(folder, resize: 4);
        Assert.That(() => preprocessor.Crop(new byte[bytes], width, height), Throws.ArgumentException.With.Message.Contains($"{width} x {height}"));
    }

    [TestCase(47, 48)]
    [TestCase(49, 48)]
    [TestCase(48, 47)]
    public void Spans_of_the_wrong_size_are_not_normalised(int bytes, int numbers)
    {
        using TemporaryFolder folder = new();
        ImagePreprocessor preprocessor = Preprocessor(folder, resize: 4);
        Assert.That(() => preprocessor.Normalize(new byte[bytes], new float[numbers]), Throws.ArgumentException.With.Message.Contains("48").And.Message.Contains($"{(bytes == 48 ? numbers : bytes)}"));
        Assert.That(() => preprocessor.Normalize(new byte[48], new float[50]), Throws.Nothing);
    }

    private static ImagePreprocessor Preprocessor(TemporaryFolder folder, int resize)
    {
        SmallPackage.Write(folder.Path);
        File.WriteAllText(folder["config.json"], SmallPackage.Config.Replace("\"resize\": 4", $"\"resize\": {resize}", StringComparison.Ordinal));
        using AcmModel model = AcmModel.Load(folder.Path);
        return new ImagePreprocessor(model);
    }

    private static byte[] Noise(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Cut(byte[] whole, int pitch, int channels, int left, int top, int width, int height) =>
        [.. Enumerable.Range(top, height).SelectMany(y => whole.Skip((y * pitch + left) * channels).Take(width * channels))];
}
