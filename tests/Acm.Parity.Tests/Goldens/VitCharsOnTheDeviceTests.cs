using Acm.Cli;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>The CUDA backend, on the simulated device, against the trained vision model's goldens.</summary>
[NonParallelizable]
public class VitCharsOnTheDeviceTests
{
    private const int Images = 2;

    // Measured on these images, of the largest logit: fp32 8.2e-7, fp16 6.2e-4; the limits are a third above and not quite twice.
    [TestCase(Precision.Float32, 1.1e-6, 0)]
    [TestCase(Precision.Float16, 1.1e-3, 1e-3)]
    public void Forced_routing_gives_the_logits_and_free_routing_flips_only_near_ties(Precision precision, double tolerance, double flips)
    {
        SimulatorBackend.Register();
        using AcmModel model = AcmModel.Load(SharedFolder.Need("models", "vit-chars"));
        using Golden golden = new("golden", "vit-chars", "golden.safetensors");
        float[] pixels = golden.Floats("inputs")[..(Images * 3 * 96 * 96)];
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Simulator, Precision = precision, MaxBatch = Images });
        InferenceResult result = session.CreateResult();
        double lambda = golden.Floats("lambdas")[1];
        Dictionary<string, ReadOnlyMemory<int>> stored = model.Sites.ToDictionary(
            site => site.Path, site => (ReadOnlyMemory<int>)golden.Ints($"lambda1.{site.Path}.k").AsMemory(0, Images * 145));
        session.Run(ModelInput.Pixels(pixels), result, new RunOptions { Lambda = lambda, ForcedK = stored });
        double error = Golden.RelativeError(result.Output, golden.Doubles("lambda1.logits").AsSpan(0, result.Output.Length));

        session.Run(ModelInput.Pixels(pixels), result, new RunOptions { Lambda = lambda });
        float[] together = result.Output.ToArray();
        int differ = model.Sites.Sum(site => result.K(site.Path).ToArray().Zip(stored[site.Path].ToArray(), (a, b) => a == b ? 0 : 1).Sum());
        TestContext.Out.WriteLine($"{precision}: forced {error:E2}, free: {differ} of {model.Sites.Count * result.Tokens} differ");
        Assert.That(error, Is.LessThan(tolerance));
        Assert.That(differ, Is.LessThanOrEqualTo(flips * model.Sites.Count * result.Tokens));

        // The graph captured for two images serves one, whose bits do not depend on what it was beside.
        session.Run(ModelInput.Pixels(pixels.AsSpan(pixels.Length / 2)), result, new RunOptions { Lambda = lambda });
        Assert.That(result.Output.ToArray(), Is.EqualTo(together[(together.Length / 2)..]), "a row alone and in a batch");
        // And another budget is data to it.
        session.Run(ModelInput.Pixels(pixels.AsSpan(pixels.Length / 2)), result, new RunOptions { FixedLearners = 2 });
        Assert.That(result.LearnerFraction, Is.EqualTo(0.5).Within(1e-9));
        Assert.That(result.Output.ToArray(), Is.Not.EqualTo(together[(together.Length / 2)..]));
    }
}
