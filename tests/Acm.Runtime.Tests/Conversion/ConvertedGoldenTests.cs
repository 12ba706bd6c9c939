using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>A converted model computes what its source computed: Reference against the answers stored beside the sources.</summary>
public class ConvertedGoldenTests
{
    /// <summary>Both sides are doubles on the same weights; what is left is the order of sums.</summary>
    private const double Tolerance = 1e-9;

    // transformers' ViT takes its softmax in float32 whatever the model's type, so what is stored carries float32's rounding.
    private const double SingleTolerance = 3e-7;

    public static IEnumerable<TestCaseData> Folders() => HuggingFaceTests.Folders();

    [TestCaseSource(nameof(Folders))]
    public void AHuggingFaceFolderComputesItsOwnOutputs(string name)
    {
        string source = SharedFolder.Need("golden", "hf-folders", name);
        using var folder = new TemporaryFolder();
        ModelConverter.Convert([source], folder["package"], new ConversionOptions { Normalize = false });
        using var golden = SafeTensorsFile.Open(Path.Combine(source, "golden.safetensors"));
        using var run = new ReferenceRun(folder["package"], Input(golden, out int[] lengths), lengths);
        string output = run.Model.Architecture == Architecture.Bert ? "mean_pooled" : "logits";
        double tolerance = run.Model.Architecture == Architecture.Vit ? SingleTolerance : Tolerance;
        AssertClose(run.Result.ExactOutput, Doubles(golden, output), output, tolerance);
        if (run.Model.Architecture != Architecture.Bert)
        {
            for (int i = 0; golden.TryGet($"hidden.{i}", out _); i++)
            {
                AssertClose(run.Result.ExactHidden(i), Doubles(golden, $"hidden.{i}"), $"hidden.{i}", i == 0 ? Tolerance : tolerance);
            }
        }
    }

    [TestCase("cls", false, "cls")]
    [TestCase("mean", true, "mean_pooled_unit")]
    public void ATextEncodersVectorIsTheCallersChoice(string pooling, bool normalize, string tensor)
    {
        string source = SharedFolder.Need("golden", "hf-folders", "bert");
        using var folder = new TemporaryFolder();
        ModelConverter.Convert([source], folder["package"], new ConversionOptions { Pooling = pooling, Normalize = normalize });
        using var golden = SafeTensorsFile.Open(Path.Combine(source, "golden.safetensors"));
        using var run = new ReferenceRun(folder["package"], Input(golden, out int[] lengths), lengths);
        AssertClose(run.Result.ExactOutput, Doubles(golden, tensor), tensor);
    }

    [TestCase("paper", AcmSemantics.Paper, 4)]
    [TestCase("published_batch", AcmSemantics.PublishedCode, 4)]
    [TestCase("published_single", AcmSemantics.PublishedCode, 1)]
    public void ThePublishedChainComputesItsOwnOutputs(string semantics, AcmSemantics follow, int batch)
    {
        using var folder = Published(out var golden);
        using (golden)
        {
            float[] images = Floats(golden, "input");
            int image = images.Length / 4;
            for (int first = 0; first < 4; first += batch)
            {
                float[] part = images[(first * image)..((first + batch) * image)];
                using var run = new ReferenceRun(folder["package"], part, [], new ModelLoadOptions { Semantics = follow });
                string logits = $"logits.{semantics}";
                AssertClose(run.Result.ExactOutput, Doubles(golden, logits)[(first * 10)..((first + batch) * 10)], logits);
                int compared = 0;
                foreach (var site in run.Model.Sites)
                {
                    int[] k = Ints(golden, $"k.{semantics}.{site.Path}");
                    int tokens = k.Length / 4;
                    Assert.That(run.Result.K(site.Path).ToArray(), Is.EqualTo(k[(first * tokens)..((first + batch) * tokens)]), site.Path);
                    compared++;
                }
                Assert.That(compared, Is.EqualTo(golden.Names.Count(name => name.StartsWith($"k.{semantics}.", StringComparison.Ordinal))));
            }
        }
    }

    [Test]
    public void ThePublishedChainRunsAtEveryFixedWidth()
    {
        using var folder = Published(out var golden);
        using (golden)
        {
            int widths = 0;
            for (; golden.TryGet($"logits.fixed_{widths}", out _); widths++)
            {
                using var run = new ReferenceRun(folder["package"], Floats(golden, "input"), [], null, new RunOptions { FixedLearners = widths });
                // Gates aside, a projection at width 0 is the code's own; its min_k keeps it at 1 here.
                if (widths > 0)
                {
                    AssertClose(run.Result.ExactOutput, Doubles(golden, $"logits.fixed_{widths}"), $"logits.fixed_{widths}");
                }
            }
            Assert.That(widths, Is.GreaterThan(1));
        }
    }

    [Test]
    public void TheGatesPhaseComputesItsOwnOutputs()
    {
        using var folder = Published(out var golden, "acm_deep_gumbel.pth");
        using (golden)
        {
            using var run = new ReferenceRun(folder["package"], Floats(golden, "input"), []);
            AssertClose(run.Result.ExactOutput, Doubles(golden, "logits.phase2_paper"), "logits.phase2_paper");
        }
    }

    private static TemporaryFolder Published(out SafeTensorsFile golden, string last = "facm.pth")
    {
        string source = SharedFolder.Need("golden", "published-checkpoint");
        var folder = new TemporaryFolder();
        ModelConverter.Convert([Path.Combine(source, last)], folder["package"], new ConversionOptions());
        golden = SafeTensorsFile.Open(Path.Combine(source, "golden.safetensors"));
        return folder;
    }

    /// <summary>A golden's input, packed: pixels, samples, or ids without their padding.</summary>
    private static Array Input(SafeTensorsFile golden, out int[] lengths)
    {
        if (golden.TryGet("input_ids", out var ids))
        {
            int[] padded = Ints(golden, "input_ids");
            int width = (int)ids.Shape[1];
            lengths = Ints(golden, "lengths");
            return lengths.SelectMany((length, i) => padded.Skip(i * width).Take(length)).ToArray();
        }
        string name = golden.TryGet("pixels", out _) ? "pixels" : "samples";
        float[] values = Floats(golden, name);
        lengths = name == "samples" ? [.. Enumerable.Repeat((int)golden.Get(name).Shape[1], (int)golden.Get(name).Shape[0])] : [];
        return values;
    }

    private static void AssertClose(ReadOnlySpan<double> found, double[] expected, string name, double tolerance = Tolerance)
    {
        Assert.That(found.Length, Is.EqualTo(expected.Length), name);
        double scale = expected.Max(Math.Abs), worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(found[i] - expected[i]) / scale);
        }
        TestContext.Out.WriteLine($"{name}: {worst:E1} relative");
        Assert.That(worst, Is.LessThan(tolerance), name);
    }

    private static float[] Floats(SafeTensorsFile file, string name)
    {
        float[] values = new float[file.Get(name).ElementCount];
        file.Get(name).CopyTo(values);
        return values;
    }

    private static double[] Doubles(SafeTensorsFile file, string name)
    {
        double[] values = new double[file.Get(name).ElementCount];
        file.Get(name).CopyTo(values);
        return values;
    }

    private static int[] Ints(SafeTensorsFile file, string name)
    {
        int[] values = new int[file.Get(name).ElementCount];
        file.Get(name).CopyTo(values);
        return values;
    }

    /// <summary>One run of a package on Reference.</summary>
    private sealed class ReferenceRun : IDisposable
    {
        private readonly InferenceSession _session;

        public ReferenceRun(string package, Array input, int[] lengths, ModelLoadOptions? load = null, RunOptions? options = null)
        {
            Model = AcmModel.Load(package, load);
            _session = Model.CreateSession(new SessionOptions { Backend = BackendKind.Reference, UnfoldedGates = true, MaxBatch = 8 });
            Result = _session.CreateResult(hidden: true);
            var batch = Model.Architecture switch
            {
                Architecture.Vit => ModelInput.Pixels((float[])input),
                Architecture.Bert => ModelInput.Text((int[])input, lengths),
                _ => ModelInput.Samples((float[])input, lengths),
            };
            _session.Run(batch, Result, options);
        }

        public AcmModel Model { get; }

        public InferenceResult Result { get; }

        public void Dispose()
        {
            _session.Dispose();
            Model.Dispose();
        }
    }
}
