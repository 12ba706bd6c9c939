using Acm.Runtime.Backends.Cpu;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>A speech model's convolutions run over a part of a long batch at a time: nobody can tell.</summary>
[TestFixture]
public sealed class FrontTests
{
    [Test]
    public void SequencesHaveTheirBitsWhereTheFrontGoesByParts([Values(1, 2)] int threads)
    {
        using var model = AcmModel.Load(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"));
        using var backend = new CpuBackend(model.Plan, threads);
        int most = backend.FrontLength;
        Assert.That((backend.FrontSteps, most), Is.GreaterThan((0, 0)));
        // Parts of two, one and one: two that fit together, one longer than a part, and a short one after it.
        int[] lengths = [most / 2, most / 3, most + 1000, 2000];
        var random = new Random(4);
        float[][] samples = [.. lengths.Select(length => Enumerable.Range(0, length).Select(_ => 2 * random.NextSingle() - 1).ToArray())];
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads });
        InferenceResult together = session.CreateResult(hidden: true), alone = session.CreateResult(hidden: true);
        // Twice, the second time in buffers that hold the first one's values.
        for (int run = 0; run < 2; run++)
        {
            session.Run(ModelInput.Samples([.. samples.SelectMany(static one => one)], lengths), together);
            for (int s = 0, row = 0; s < lengths.Length; s++)
            {
                session.Run(ModelInput.Samples(samples[s], [lengths[s]]), alone);
                Assert.That(together.OutputRows[s], Is.EqualTo(alone.OutputRows[0]));
                Assert.That(together.Output.Slice(row * together.OutputWidth, alone.Output.Length).SequenceEqual(alone.Output), $"sequence {s}");
                int width = together.Hidden(0).Length / together.Tokens;
                Assert.That(together.Hidden(0).Slice(row * width, alone.Hidden(0).Length).SequenceEqual(alone.Hidden(0)), $"sequence {s}, hidden");
                row += alone.OutputRows[0];
            }
        }
    }
}
