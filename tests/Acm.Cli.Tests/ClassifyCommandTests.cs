using System.Diagnostics;
using System.Text.Json;
using Acm.Cli.Images;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;
using SkiaSharp;

namespace Acm.Cli.Tests;

/// <summary>acm classify on the shipped model and pictures.</summary>
public class ClassifyCommandTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-classify").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void EveryPictureGetsTheGoldensClassAndProbabilityAtEachLambda()
    {
        using Golden golden = new("golden", "vit-chars", "golden.safetensors");
        float[] lambdas = golden.Floats("lambdas");
        for (int j = 0; j < lambdas.Length; j++)
        {
            JsonElement json = Tool.Json(["classify", Tool.Model, .. Tool.Pictures, "--backend", "cpu", "--lambda", $"{lambdas[j]}"]);
            Assert.That(json.GetProperty("backend").GetProperty("name").GetString(), Is.EqualTo("cpu"));
            float[][] logits = [.. golden.Floats($"lambda{j}.logits").Chunk(golden.Shape($"lambda{j}.logits")[1])];
            JsonElement[] images = [.. json.GetProperty("images").EnumerateArray()];
            Assert.That(images, Has.Length.EqualTo(logits.Length));
            for (int i = 0; i < images.Length; i++)
            {
                double highest = logits[i].Max(), sum = logits[i].Sum(logit => Math.Exp(logit - highest));
                Assert.That(images[i].GetProperty("class").GetInt32(), Is.EqualTo(Array.IndexOf(logits[i], logits[i].Max())), Tool.Pictures[i]);
                Assert.That(images[i].GetProperty("probability").GetDouble(), Is.EqualTo(1 / sum).Within(1e-4), Tool.Pictures[i]);
                Assert.That(images[i].GetProperty("file").GetString(), Is.EqualTo(Tool.Pictures[i]));
            }
        }
    }

    [Test]
    public void ABudgetIsKeptOnTheShippedPicturesInsideTheCalibratedRange([Values(0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)] double budget)
    {
        JsonElement json = Tool.Json(["classify", Tool.Model, .. Tool.Pictures, "--budget", $"{budget}"]);
        double used = json.GetProperty("images").EnumerateArray().Average(image => image.GetProperty("learner_fraction").GetDouble());
        Assert.That(used, Is.EqualTo(budget).Within(0.05));
        Assert.That(json.GetProperty("budget").GetProperty("clamped").GetBoolean(), Is.False);
        Assert.That(json.GetProperty("budget").GetProperty("requested").GetDouble(), Is.EqualTo(budget));
    }

    [TestCase(0.0)]
    [TestCase(0.05)]
    [TestCase(1.0)]
    public void ABudgetOutsideTheCalibratedRangeSaysSo(double budget)
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        double end = budget < 0.5 ? model.Budget!.Fraction.Min() : model.Budget!.Fraction.Max();
        JsonElement applied = Tool.Json("classify", Tool.Model, Tool.Pictures[0], "--budget", $"{budget}").GetProperty("budget");
        Assert.That(applied.GetProperty("clamped").GetBoolean());
        Assert.That(applied.GetProperty("fraction").GetDouble(), Is.EqualTo(end));
        Assert.That(Tool.Succeed("classify", Tool.Model, Tool.Pictures[0], "--budget", $"{budget}"), Does.Contain("outside the calibrated range").And.Contain($"{end:0.###}"));
    }

    [Test]
    public void AFixedWidthRunsThatShareOfTheLearners([Range(1, 4)] int learners)
    {
        JsonElement json = Tool.Json("classify", Tool.Model, Tool.Pictures[0], "--learners", $"{learners}");
        Assert.That(json.GetProperty("images")[0].GetProperty("learner_fraction").GetDouble(), Is.EqualTo(learners / 4.0).Within(1e-12));
    }

    [Test]
    public void What_is_told_of_a_picture_is_what_the_session_computed()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        ImagePreprocessor preprocessor = new(model);
        PictureFile picture = PictureFile.Read(Tool.Pictures[1]);
        byte[] crop = preprocessor.Crop(picture.Rgb, picture.Width, picture.Height);
        float[] pixels = new float[preprocessor.Count];
        preprocessor.Normalize(crop, pixels);
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Pixels(pixels), result, new RunOptions { Budget = 0.4 });
        string map = Path.Combine(_folder, "map.png");
        JsonElement json = Tool.Json("classify", Tool.Model, Tool.Pictures[1], "--budget", "0.4", "--backend", "cpu", "--map", map), image = json.GetProperty("images")[0];
        Assert.That(json.GetProperty("map").GetString(), Is.EqualTo(map));
        Assert.That((image.GetProperty("macs").GetInt64(), image.GetProperty("dense_macs").GetInt64()), Is.EqualTo((result.Macs, result.DenseMacs)));
        int[] order = [.. result.Output.ToArray().Index().OrderByDescending(static logit => logit.Item).Select(static logit => logit.Index)];
        Assert.That((image.GetProperty("class").GetInt32(), image.GetProperty("label").GetString()), Is.EqualTo((order[0], model.Labels![order[0]])));
        Assert.That(image.GetProperty("top").EnumerateArray().Select(static one => one.GetProperty("label").GetString()), Is.EqualTo(order.Take(5).Select(i => model.Labels[i])));
        Assert.That(image.GetProperty("top")[0].GetProperty("probability").GetDouble(), Is.EqualTo(image.GetProperty("probability").GetDouble()));
        // Weighted by cost, the tokens' shares are the picture's.
        Assert.That(Classification.Of(model, result, "", crop).TokenShare.Average(), Is.EqualTo(result.LearnerFraction).Within(1e-7));
    }

    [Test]
    public void TheTextNamesBackendClassAndBudget()
    {
        var (code, output, error) = Tool.Run("classify", Tool.Model, Tool.Pictures[0], "--budget", "0.3");
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.StartWith("cpu (").Or.StartWith("cuda ("));
        Assert.That(output, Does.StartWith("image ").And.Match(@"\n00_G\.png +\S+ +[\d.]+ % +\d\d\.\d % +\d+ M +\d\d\.\d %\r?\n").And.Contain("budget 0.3"));
    }

    [Test]
    public void AMapIsBrightWhereLearnersRanAndDarkElsewhere()
    {
        string map = Path.Combine(_folder, "new", "map.png"), full = Path.Combine(_folder, "full.png");
        Tool.Succeed("classify", Tool.Model, Tool.Pictures[0], "--budget", "0.25", "--map", map);
        Tool.Succeed("classify", Tool.Model, Tool.Pictures[0], "--learners", "4", "--map", full);
        using SKBitmap spent = SKBitmap.Decode(map), all = SKBitmap.Decode(full);
        Assert.That((spent.Width, spent.Height), Is.EqualTo((all.Width, all.Height)));
        // The map differs from the full width's in its own square, and the picture beside it does not.
        Assert.That(Differing(spent, all, 28, 96), Is.Zero);
        Assert.That(Differing(spent, all, 28 + 252, 96), Is.GreaterThan(240 * 240 / 2));
    }

    [Test]
    public void SeveralPicturesMakeASheet()
    {
        string one = Path.Combine(_folder, "one.png"), twelve = Path.Combine(_folder, "twelve.png");
        Tool.Succeed("classify", Tool.Model, Tool.Pictures[0], "--map", one);
        Tool.Succeed(["classify", Tool.Model, .. Tool.Pictures, "--map", twelve]);
        using SKBitmap small = SKBitmap.Decode(one), large = SKBitmap.Decode(twelve);
        Assert.That(large.Width, Is.GreaterThan(2 * small.Width));
        Assert.That(large.Height, Is.GreaterThan(2 * small.Height));
    }

    [Test, Platform(Exclude = "Win")]
    public void A_pipe_is_read_but_once()
    {
        string pipe = Path.Combine(_folder, "pipe"), text = Path.Combine(_folder, "text");
        File.WriteAllText(text, "hello");
        Feed(Tool.Pictures[0], pipe);
        Assert.That(Labels(pipe), Is.EqualTo(Labels(Tool.Pictures[0])));
        Feed(text, pipe);
        Assert.That(Tool.Refuse(2, "classify", Tool.Model, pipe), Does.Contain(pipe).And.Contain("68656C6C"));

        static void Feed(string file, string pipe)
        {
            using Process shell = Process.Start("sh", ["-c", "rm -f \"$1\"; mkfifo \"$1\"; cat \"$0\" > \"$1\" &", file, pipe]);
            shell.WaitForExit();
        }

        static IEnumerable<string?> Labels(string path) =>
            Tool.Json("classify", Tool.Model, path).GetProperty("images").EnumerateArray().Select(static image => image.GetProperty("label").GetString());
    }

    [TestCase(200_000, 1)]
    [TestCase(1, 20_000)]
    public void A_picture_of_extreme_shape_is_classified(int width, int height)
    {
        string path = Path.Combine(_folder, "extreme.png");
        using (SKBitmap bitmap = new(width, height))
        using (FileStream file = File.Create(path))
        {
            bitmap.Erase(SKColors.Gray);
            bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        Tool.Succeed("classify", Tool.Model, path);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(100 << 20));
    }

    private static int Differing(SKBitmap a, SKBitmap b, int left, int top) =>
        Enumerable.Range(0, 240 * 240).Count(i => a.GetPixel(left + i % 240, top + i / 240) != b.GetPixel(left + i % 240, top + i / 240));
}
