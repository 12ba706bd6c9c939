using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>The trained vision model against PyTorch's float64 answers, stored as float32: 12 images at 3 lambdas.</summary>
public class VitCharsTests
{
    private static readonly string[] Model = ["models", "vit-chars"];
    private static readonly string[] Stored = ["golden", "vit-chars", "golden.safetensors"];

    [Test]
    public void Reference_chooses_every_k_and_gives_the_logits([Values(0, 1, 2)] int lambda)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Need(Model));
        using Golden golden = new(Stored);
        float[] inputs = golden.Floats("inputs");
        int images = golden.Shape("inputs")[0], size = inputs.Length / images, tokens = 0;
        double[] logits = new double[golden.Floats($"lambda{lambda}.logits").Length];
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference });
        int wrong = 0;
        RunOptions run = new() { Lambda = golden.Floats("lambdas")[lambda] };
        // Plain loops in double: the images are independent, so two at a time.
        Parallel.For(0, images, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, image =>
        {
            InferenceResult result = session.CreateResult(hidden: true);
            session.Run(ModelInput.Pixels(inputs.AsSpan(image * size, size)), result, run);
            result.ExactOutput.CopyTo(logits.AsSpan(image * result.OutputWidth));
            foreach (SiteInfo site in model.Sites)
            {
                ReadOnlySpan<int> want = golden.Ints($"lambda{lambda}.{site.Path}.k").AsSpan(image * result.Tokens, result.Tokens);
                Interlocked.Add(ref wrong, Differences(result.K(site.Path), want));
                Interlocked.Add(ref tokens, want.Length);
            }
            CheckHidden(golden, lambda, image, result);
        });
        TestContext.Out.WriteLine($"{tokens} choices");
        Assert.That(wrong, Is.Zero, "every k equal");
        Assert.That(Golden.RelativeError(logits, golden.Doubles($"lambda{lambda}.logits")), Is.LessThan(3e-7));
    }

    [Test]
    public void Cpu_with_forced_routing_gives_the_logits([Values(0, 1, 2)] int lambda)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Need(Model));
        using Golden golden = new(Stored);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        InferenceResult result = session.CreateResult(hidden: true);
        session.Run(ModelInput.Pixels(golden.Floats("inputs")), result, new RunOptions
        {
            Lambda = golden.Floats("lambdas")[lambda],
            ForcedK = model.Sites.ToDictionary(site => site.Path, site => (ReadOnlyMemory<int>)golden.Ints($"lambda{lambda}.{site.Path}.k")),
        });
        double error = Golden.RelativeError(result.Output, golden.Doubles($"lambda{lambda}.logits"));
        TestContext.Out.WriteLine($"logits: relative error {error:E2}");
        Assert.That(error, Is.LessThan(2e-6), "measured up to 7.5e-7; the contract allows 1e-4");
    }

    [Test]
    public void Cpu_with_free_routing_differs_only_inside_the_margin([Values(0, 1, 2)] int lambda, [Values] bool unfolded)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Need(Model));
        using Golden golden = new(Stored);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, UnfoldedGates = unfolded });
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Pixels(golden.Floats("inputs")), result, new RunOptions { Lambda = golden.Floats("lambdas")[lambda] });
        int near = 0, beyond = 0;
        foreach (SiteInfo site in model.Sites)
        {
            int[] want = golden.Ints($"lambda{lambda}.{site.Path}.k");
            float[] margin = golden.Floats($"lambda{lambda}.{site.Path}.margin");
            ReadOnlySpan<int> got = result.K(site.Path);
            for (int i = 0; i < want.Length; i++)
                if (got[i] != want[i])
                {
                    near += margin[i] < 1e-4 ? 1 : 0;
                    beyond += margin[i] < 1e-4 ? 0 : 1;
                }
        }
        TestContext.Out.WriteLine($"{near} flips inside the margin of 1e-4, {beyond} beyond, of {model.Sites.Count * result.Tokens}");
        Assert.That(beyond, Is.Zero);
        float[] logits = result.Output.ToArray();
        float[] stored = golden.Floats($"lambda{lambda}.logits");
        for (int image = 0; image < result.Batch; image++)
            Assert.That(Best(logits, image, result.OutputWidth), Is.EqualTo(Best(stored, image, result.OutputWidth)), $"class of image {image}");
    }

    [Test]
    public void The_dense_base([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Need("models", "vit-chars-dense"));
        using Golden golden = new(Stored), dense = new("golden", "vit-chars", "golden-dense.safetensors");
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = backend });
        InferenceResult result = session.CreateResult(hidden: true);
        float[] inputs = golden.Floats("inputs");
        const int Images = 4;
        session.Run(ModelInput.Pixels(inputs.AsSpan(0, inputs.Length / 12 * Images)), result);
        double[] want = dense.Doubles("logits")[..(Images * result.OutputWidth)];
        double error = backend == BackendKind.Reference
            ? Golden.RelativeError(result.ExactOutput, want) : Golden.RelativeError(result.Output, want);
        TestContext.Out.WriteLine($"relative error {error:E2}");
        Assert.That(error, Is.LessThan(backend == BackendKind.Reference ? 3e-7 : 2e-6));
        Assert.That(result.Macs, Is.EqualTo(Images * 438_616_704L), "MACs of the README");
        Assert.That(result.DenseMacs, Is.EqualTo(result.Macs));
    }

    private static void CheckHidden(Golden golden, int lambda, int image, InferenceResult result)
    {
        int[] shape = golden.Shape($"lambda{lambda}.hidden");
        if (image >= shape[0])
            return;
        double[] stored = golden.Doubles($"lambda{lambda}.hidden");
        int state = shape[2] * shape[3];
        for (int layer = 0; layer < shape[1]; layer++)
            Assert.That(
                Golden.RelativeError(result.ExactHidden(layer + 1), stored.AsSpan((image * shape[1] + layer) * state, state)),
                Is.LessThan(3e-7), $"image {image}, after layer {layer}");
    }

    private static int Differences(ReadOnlySpan<int> got, ReadOnlySpan<int> want)
    {
        int differences = 0;
        for (int i = 0; i < want.Length; i++)
            differences += got[i] == want[i] ? 0 : 1;
        return differences;
    }

    private static int Best(float[] logits, int row, int width) =>
        Array.IndexOf(logits, logits.AsSpan(row * width, width).ToArray().Max(), row * width, width) - row * width;
}
