using System.Text.Json;
using Acm.Cli.Commands;
using Acm.Native;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;
using SkiaSharp;

namespace Acm.Cli.Tests;

/// <summary>acm info, verify, bench and doctor.</summary>
public class InspectionCommandTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-inspect").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void InfoTellsSitesCostsAndTheCurve()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        JsonElement json = Tool.Json("info", Tool.Model, "--budget", "0.01");
        JsonElement[] sites = [.. json.GetProperty("sites").EnumerateArray()];
        Assert.That(sites.Select(static site => site.GetProperty("path").GetString()), Is.EqualTo(model.Sites.Select(static site => site.Path)));
        JsonElement mlp = sites.First(static site => site.GetProperty("kind").GetString() == "mlp");
        // One learner is two matrices of width x size.
        Assert.That(mlp.GetProperty("macs_by_k").EnumerateArray().Select(static macs => macs.GetInt64()), Is.EqualTo(Enumerable.Range(0, 5).Select(static k => k * 2L * 192 * 192)));
        Assert.That(json.GetProperty("budget").GetProperty("fraction").EnumerateArray().Select(static f => f.GetDouble()), Is.EqualTo(model.Budget!.Fraction));
        Assert.That(json.GetProperty("budget").GetProperty("lambda").EnumerateArray().Select(static l => l.GetDouble()), Is.EqualTo(model.Budget.Lambda));
        Assert.That(sites.Select(static site => site.GetProperty("min_k").GetInt32()), Is.EqualTo(model.Sites.Select(static site => site.MinK)));
        Assert.That(json.GetProperty("applied").GetProperty("clamped").GetBoolean());
        Assert.That(Tool.Succeed("info", Tool.Model, "--budget", "0.01"), Does.Contain("outside the calibrated range"));
    }

    [Test]
    public void Info_in_words_has_each_k_s_cost_and_the_whole_curve()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        string text = Tool.Succeed("info", Tool.Model);
        Assert.That(text, Does.Contain("k=0: 0, k=1: 73728, k=2: 147456, k=3: 221184, k=4: 294912"));
        for (int i = 0; i < model.Budget!.Lambda.Count; i++)
            Assert.That(text, Does.Match($@"(?m)^ +{model.Budget.Lambda[i]:0.##} -> +{model.Budget.Fraction[i]:0.000} "));
    }

    [Test]
    public void Info_tells_whose_semantics([Values("paper", "published_code")] string semantics)
    {
        RandomPackage.Write(_folder, 5, semantics: semantics);
        Assert.That(Tool.Json("info", _folder).GetProperty("semantics").GetString(), Is.EqualTo(semantics));
    }

    [Test]
    public void InfoDrawsTheCurve()
    {
        string plot = Path.Combine(_folder, "deeper", "plot.png");
        Assert.That(Tool.Json("info", Tool.Model, "--plot", plot).GetProperty("plot").GetString(), Is.EqualTo(plot));
        using SKBitmap drawn = SKBitmap.Decode(plot);
        Assert.That(drawn.Pixels.Distinct().Count(), Is.GreaterThan(100));
        Assert.That(Tool.Refuse(2, "info", SharedFolder.Data("vit-tiny"), "--plot", plot), Does.Contain("budget"));
    }

    [TestCase("vit-chars")]
    [TestCase("vit-tiny")]
    [TestCase("bert-tiny")]
    public void VerifyComparesTheCpuWithReference(string name)
    {
        string model = name == "vit-chars" ? Tool.Model : SharedFolder.Data(name);
        JsonElement json = Tool.Json("verify", model, "--backend", "cpu");
        JsonElement cpu = json.GetProperty("backends").EnumerateArray().Single(static row => row.GetProperty("backend").GetString() == "cpu");
        Assert.That(json.GetProperty("passed").GetBoolean());
        Assert.That(cpu.GetProperty("available").GetBoolean());
        Assert.That(cpu.GetProperty("forced_error").GetDouble(), Is.GreaterThan(0).And.LessThan(1e-5));
        Assert.That(Tool.Succeed("verify", model, "--backend", "cpu"), Does.Contain("passed"));
    }

    [Test]
    public void AComparisonThatIsOffFails()
    {
        Verification row = new("cpu", "fp32", Error: 2e-4, Tolerance: 1e-4, Flips: 0, Choices: 1000, Problem: null);
        Assert.That(row.Passed, Is.False);
        Assert.That((row with { Error = 1e-5 }).Passed);
        Assert.That((row with { Error = double.PositiveInfinity }).Passed, Is.False);
        Assert.That((row with { Error = double.NaN }).Passed, Is.False);
        Assert.That((row with { Error = 1e-5, Flips = 2 }).Passed, Is.False);
    }

    [Test]
    public void BenchMeasuresEachBudgetAndBatch()
    {
        JsonElement json = Tool.Json("bench", Tool.Model, "--seconds", "0.05", "--backend", "cpu", "--batch", "1", "--batch", "5");
        JsonElement[] rows = [.. json.GetProperty("rows").EnumerateArray()];
        Assert.That(rows.Select(static row => row.GetProperty("batch").GetInt32()).Distinct(), Is.EqualTo(new[] { 1, 5 }));
        foreach (var batch in rows.GroupBy(static row => row.GetProperty("batch").GetInt32()))
        {
            Assert.That(batch.Count(), Is.GreaterThan(2));
            Assert.That(batch.Select(static row => row.GetProperty("learner_fraction").GetDouble()), Is.Ordered.Descending);
        }
        Assert.That(json.GetProperty("output_only").GetBoolean());
        using AcmModel model = AcmModel.Load(Tool.Model);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        InferenceResult output = session.CreateResult(routing: false);
        session.Run(SampleInput.For(model).OfBatch(5).Input, output, new RunOptions { Budget = 0.5 });
        JsonElement half = rows.Single(static row => row.GetProperty("batch").GetInt32() == 5 && row.GetProperty("budget").GetString() == "0.5");
        Assert.That(half.GetProperty("macs_of_dense").GetDouble(), Is.EqualTo((double)output.Macs / output.DenseMacs));
        Assert.That(half.GetProperty("learner_fraction").GetDouble(), Is.EqualTo(output.LearnerFraction));
        Assert.That(rows.All(static row => row.GetProperty("p50_ms").GetDouble() > 0 && row.GetProperty("p50_ms").GetDouble() <= row.GetProperty("p99_ms").GetDouble()));
    }

    [Test]
    public void What_half_and_nearly_all_runs_took_is_in_milliseconds()
    {
        TimeSpan[] times = [.. Enumerable.Range(1, 200).Select(static i => TimeSpan.FromMicroseconds(500 * (i * 7 % 201)))];
        Assert.That(RunTimes.Of(times), Is.EqualTo(new RunTimes(200, 50.5, 90.5, 99.5)));
        Assert.That(RunTimes.Of(times[..1]), Is.EqualTo(new RunTimes(1, 3.5, 3.5, 3.5)));
    }

    [Test]
    public void Bench_runs_what_is_asked_for_once_and_says_on_what_beside_its_table()
    {
        JsonElement[] rows = [.. Tool.Json("bench", Tool.Model, "--seconds", "0.01", "--lambda", "3").GetProperty("rows").EnumerateArray()];
        Assert.That(rows.Select(static row => (row.GetProperty("batch").GetInt32(), row.GetProperty("budget").GetString())), Is.EqualTo(new[] { (1, "as asked"), (8, "as asked") }));
        var (code, output, error) = Tool.Run("bench", Tool.Model, "--seconds", "0.01", "--learners", "1", "--batch", "2", "--batch", "2", "--backend", "cpu");
        Assert.That(code, Is.Zero, error);
        Assert.That(error.TrimEnd(), Does.StartWith("cpu (").And.EndWith("): asked for"));
        Assert.That(output.Split('\n').Count(static line => line.Contains("as asked", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void Samples_are_the_package_s_first_again_and_again()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, MaxBatch = 5 });
        SampleInput sample = SampleInput.For(model);
        Assert.That(sample.Description, Is.EqualTo("4 pictures of the package"));
        float[][] once = Rows(sample.Input), more = Rows(sample.OfBatch(5).Input);
        Assert.That(more, Is.EqualTo((float[][])[.. once, once[0]]));
        Assert.That(once[1], Is.Not.EqualTo(once[0]));

        float[][] Rows(ModelInput input)
        {
            InferenceResult result = session.CreateResult();
            session.Run(input, result);
            return [.. result.Output.ToArray().Chunk(result.OutputWidth)];
        }
    }

    [TestCase("minilm-acm", "6 sentences of the package")]
    [TestCase("wav2vec2-words", "3 s of 0-espeak-ng-linda.wav")]
    public void Samples_of_a_trained_package_are_named(string name, string description)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Need("models", name));
        Assert.That(SampleInput.For(model).Description, Is.EqualTo(description));
    }

    [TestCase("bert-tiny", "sentences.txt", "3 texts of random word pieces")]
    [TestCase("wav2vec2-tiny-layer-stable-bias", "none.wav", "a quarter second of noise")]
    public void SamplesWithNothingInThemAreAsNone(string name, string sample, string description)
    {
        using TemporaryFolder folder = new();
        folder.Copy(Directory.GetFiles(SharedFolder.Data(name)));
        if (name == "bert-tiny")
            File.WriteAllLines(folder["vocab.txt"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Enumerable.Range(5, 95).Select(static id => $"piece{id}")]);
        // A header and no samples.
        File.WriteAllBytes(folder[sample], sample.EndsWith(".txt", StringComparison.Ordinal) ? []
            : [.. "RIFF"u8, 36, 0, 0, 0, .. "WAVEfmt "u8, 16, 0, 0, 0, 1, 0, 1, 0, 128, 62, 0, 0, 0, 125, 0, 0, 2, 0, 16, 0, .. "data"u8, 0, 0, 0, 0]);
        Assert.That(Tool.Json("verify", folder.Path, "--backend", "cpu").GetProperty("input").GetString(), Is.EqualTo(description));
        Tool.Succeed("bench", folder.Path, "--seconds", "0.05", "--backend", "cpu");
    }

    [Test]
    public void DoctorSaysWhatIsThereAndWhatIsNot()
    {
        bool cuda = CudaDriver.TryLoad(out CudaUnavailable? why) is not null;
        JsonElement[] findings = [.. Tool.Json("doctor").GetProperty("findings").EnumerateArray()];
        JsonElement driver = findings.Single(static finding => finding.GetProperty("area").GetString() == "driver");
        Assert.That(driver.GetProperty("state").GetString() == "good", Is.EqualTo(cuda));
        if (!cuda)
            Assert.That(driver.GetProperty("nextStep").GetString(), Is.EqualTo(why!.NextStep));
        Assert.That(findings.Select(static finding => finding.GetProperty("area").GetString()), Does.Contain("processor"));
        var (code, output, _) = Tool.Run("doctor", "--backend", "cuda");
        Assert.That(code, Is.EqualTo(cuda ? 0 : 3));
        Assert.That(output, Does.Contain("driver").And.Contain("processor"));
    }

    [Test]
    public void ADeviceAskedForByNameIsNeverReplaced([Values("classify", "verify")] string command)
    {
        if (CudaDriver.TryLoad(out _) is not null)
            Assert.Ignore("this machine has a CUDA driver");
        string[] rest = command == "classify" ? [Tool.Pictures[0]] : [];
        Assert.That(Tool.Refuse(3, [command, Tool.Model, .. rest, "--backend", "cuda"]), Does.Contain("uda").IgnoreCase);
    }
}
