using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public sealed class ImagePreprocessorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ImagePreprocessor Preprocessor(string resample = "bilinear")
    {
        string folder = _folder[$"{Guid.NewGuid():N}"];
        SmallPackage.Write(folder);
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("bilinear", resample)
            .Replace("\"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5]", "\"mean\": [0.1, 0.2, 0.3], \"std\": [0.5, 0.25, 2]"));
        using AcmModel model = AcmModel.Load(folder);
        return new ImagePreprocessor(model);
    }

    [Test]
    public void Every_channel_has_its_plane_mean_and_deviation()
    {
        ImagePreprocessor preprocessor = Preprocessor();
        byte[] crop = new byte[preprocessor.Count];
        new Random(1).NextBytes(crop);
        float[] pixels = new float[preprocessor.Count + 1];
        preprocessor.Normalize(crop, pixels);
        double[] mean = [0.1, 0.2, 0.3], deviation = [0.5, 0.25, 2];
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < 16; i++)
                Assert.That(pixels[c * 16 + i], Is.EqualTo((crop[3 * i + c] / 255.0 - mean[c]) / deviation[c]).Within(1e-6), $"channel {c}, pixel {i}");
        Assert.That(pixels[^1], Is.Zero);
    }

    [TestCase("bilinear", ImageFilter.Bilinear)]
    [TestCase("bicubic", ImageFilter.Bicubic)]
    public void A_picture_is_scaled_as_the_package_says(string name, ImageFilter filter)
    {
        byte[] rgb = new byte[3 * 9 * 9];
        new Random(2).NextBytes(rgb);
        Assert.That(Preprocessor(name).Crop(rgb, 9, 9), Is.EqualTo(ImageResampler.Resize(rgb, 9, 9, 3, 4, 4, filter)));
    }

    [Test]
    public void Sizes_that_do_not_agree_are_refused_with_both_numbers()
    {
        ImagePreprocessor preprocessor = Preprocessor();
        Assert.That(() => preprocessor.Normalize(new byte[47], new float[48]), Throws.ArgumentException.With.Message.Match("48.*47"));
        Assert.That(() => preprocessor.Normalize(new byte[49], new float[48]), Throws.ArgumentException.With.Message.Match("48.*49"));
        Assert.That(() => preprocessor.Normalize(new byte[48], new float[47]), Throws.ArgumentException.With.Message.Match("48.*47"));
        Assert.That(() => preprocessor.Crop(new byte[11], 2, 2), Throws.ArgumentException.With.Message.Match("12.*11"));
        Assert.That(() => preprocessor.Crop(new byte[13], 2, 2), Throws.ArgumentException.With.Message.Match("12.*13"));
        foreach (var (width, height) in ((int, int)[])[(0, 2), (2, 0), (-1, 2)])
            Assert.That(() => preprocessor.Crop([], width, height), Throws.ArgumentException.With.Message.Contains($"{width} x {height}"));
    }

    [TestCase(0, 1, 1, 1, 1)]
    [TestCase(1, 0, 1, 1, 1)]
    [TestCase(1, 1, 0, 1, 1)]
    [TestCase(1, 1, 1, 0, 1)]
    [TestCase(1, 1, 1, 1, 0)]
    [TestCase(1, 1, 1, -1, 1)]
    public void Sizes_must_be_positive(int width, int height, int channels, int toWidth, int toHeight) =>
        Assert.That(() => ImageResampler.Resize(new byte[width * height * channels], width, height, channels, toWidth, toHeight, ImageFilter.Bilinear),
            Throws.ArgumentException.With.Message.Contains($"{width} x {height} x {channels} to {toWidth} x {toHeight}"));

    [Test]
    public void A_model_that_takes_no_pictures_in_colour_is_refused()
    {
        using AcmModel text = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        Assert.That(() => new ImagePreprocessor(text), Throws.TypeOf<ModelFormatException>().With.Message.Match("architecture.*found bert"));
        for (int seed = 1, refused = 0; refused == 0; seed++)
        {
            RandomPackage.Write(_folder[$"{seed}"], seed, Architecture.Vit);
            using AcmModel model = AcmModel.Load(_folder[$"{seed}"]);
            if (model.Config.Vit!.Channels == 3)
                continue;
            Assert.That(() => new ImagePreprocessor(model), Throws.TypeOf<ModelFormatException>().With.Message.Match($"architecture.*found {model.Config.Vit.Channels} channels"));
            refused++;
        }
    }
}
