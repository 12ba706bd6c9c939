using Acm.Parity.Tests.Properties;
using Acm.Runtime;
using Acm.Simulator;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>
/// What holds for every model, on the simulated device: random packages of all architectures, every switch of the format, in every precision.
/// </summary>
public class RandomModelsOnTheDeviceTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16];

    /// <summary>Every architecture in every precision, and half of them with the published code's semantics.</summary>
    [Test]
    public void With_the_references_routing_it_is_the_reference([Range(1, 12)] int seed) =>
        IsTheReference(seed, Precisions[seed % 4], (Architecture)(seed % 3), published: seed % 2 == 0);

    [Test, Explicit("Four minutes: dotnet test -c Release tests/Acm.Parity.Tests --filter Name~Forty_models")]
    public void Forty_models_in_every_precision_and_semantics([Range(1, 40)] int seed, [ValueSource(nameof(Precisions))] Precision precision, [Values] bool published) =>
        IsTheReference(seed, precision, null, published);

    /// <summary>In float32 the gates themselves decide as Reference's do, at any budget and at any fixed width.</summary>
    [Test]
    public void Free_gates_budgets_and_fixed_widths_choose_what_the_reference_chooses([Range(21, 26)] int seed)
    {
        using RandomModel random = new(seed, (Architecture)(seed % 3), semantics: seed % 2 == 0 ? "published_code" : "paper");
        using DeviceSession device = new(random.Model, Precision.Float32);
        RunOptions[] ways = random.Model.Sites.Count == 0 ? [new()]
            : [new(), new() { Lambda = 0.7 }, new() { Lambda = -1e6 }, new() { Budget = 0.3 }, new() { FixedLearners = 0 }, new() { FixedLearners = 2 }, new() { FixedLearners = 1000 }];
        foreach (RunOptions options in ways)
        {
            if (options.FixedLearners is { } width && width > random.Model.Sites.Max(static site => site.Learners))
            {
                Assert.Throws<ArgumentOutOfRangeException>(() => device.Run(random.Batch.Input().Input, options));
                continue;
            }
            InferenceResult reference = random.Run(BackendKind.Reference, random.Batch.Input(), options), result = device.Run(random.Batch.Input().Input, options);
            for (int s = 0; s < random.Model.Sites.Count; s++)
                Assert.That(result.K(s).ToArray(), Is.EqualTo(reference.K(s).ToArray()), $"{options.Lambda} {options.Budget} {options.FixedLearners}: {random.Model.Sites[s].Path}");
            Compare(result, reference, new Closeness(Precision.Float32), $"{options.Lambda} {options.Budget} {options.FixedLearners}");
            Assert.That((result.Macs, result.LearnerFraction, result.Budget), Is.EqualTo((reference.Macs, reference.LearnerFraction, reference.Budget)));
        }
    }

    /// <summary>Alone, in a batch, in another, on a device that runs blocks and warps in another order: the same bits.</summary>
    [Test]
    public void A_sequence_has_the_bits_it_has_alone_in_any_batch_under_any_schedule([Range(31, 36)] int seed)
    {
        using RandomModel random = new(seed, (Architecture)(seed % 3), sequences: 4);
        Precision precision = Precisions[seed % 4];
        using DeviceSession device = new(random.Model, precision);
        InferenceResult together = device.Run(random.Batch.Input().Input);
        for (int s = 0; s < random.Batch.Count; s++)
            Assert.That(Bits.Same(together, s, device.Run(random.Batch.Input(s).Input), 0), $"{precision}: sequence {s} alone");
        Assert.That(Bits.Same(together, 3, device.Run(random.Batch.Input(1, 3, 3).Input), 2), $"{precision}: in another batch");
        foreach (int order in (int[])[1, 7])
        {
            using DeviceSession shuffled = new(random.Model, precision, new SimulatorOptions { Seed = order });
            Assert.That(Bits.Same(together, shuffled.Run(random.Batch.Input().Input)), $"{precision}: blocks and warps in order {order}");
        }
    }

    [Test]
    public void Nan_in_one_sequence_stays_there([Values(1, 2)] int seed)
    {
        using RandomModel random = new(seed, Architecture.Wav2Vec2, projectionsRun: true);
        using DeviceSession device = new(random.Model, Precisions[seed]);
        InferenceResult clean = device.Run(random.Batch.Input().Input);
        Array.Fill(random.Batch.Values(1), float.NaN);
        InferenceResult mixed = device.Run(random.Batch.Input().Input);
        Assert.That(Bits.Same(clean, 0, mixed, 0) && Bits.Same(clean, 2, mixed, 2), "the others");
        int width = mixed.OutputWidth, first = mixed.OutputRows[0];
        Assert.That(mixed.Output.Slice(first * width, mixed.OutputRows[1] * width).ToArray(), Has.All.NaN, "outputs");
        int last = random.Model.Sites.ToList().FindLastIndex(static site => site.Kind == "mlp");
        if (last >= 0)
            Assert.That(mixed.K(last).Slice(mixed.TokensOf[0], mixed.TokensOf[1]).ToArray(), Has.All.EqualTo(random.Model.Sites[last].MinK), "k");
    }

    /// <summary>Reads of what nobody wrote, races, accesses out of bounds: nothing of that is found, by a device that looks.</summary>
    [Test]
    public void A_device_that_checks_every_access_finds_nothing([Range(41, 44)] int seed)
    {
        using RandomModel random = new(seed, (Architecture)(seed % 3));
        Precision precision = Precisions[seed % 4];
        InferenceResult fast, watched;
        using (DeviceSession device = new(random.Model, precision))
            fast = device.Run(random.Batch.Input().Input);
        using (DeviceSession device = new(random.Model, precision, new SimulatorOptions { Mode = ExecutionMode.Checked, Seed = seed }))
        {
            watched = device.Run(random.Batch.Input().Input);
            Assert.That(Bits.Same(fast, watched), "checked execution computes the same");
            Assert.That(Bits.Same(device.Run(random.Batch.Input(1).Input, hidden: false), 0, fast, 1), "a graph, and memory that a larger batch has used");
        }
    }

    /// <summary>Models of several tiles, odd sizes everywhere, on a device that looks: as the reference routes, without learners, with all of them, at random.</summary>
    [Test]
    public void Wide_models_at_every_routing_on_a_device_that_checks([Range(51, 54)] int seed) => WideIsTheReference(seed, Precisions[seed % 4], (Architecture)(seed % 3));

    [Test, Explicit("Half an hour: dotnet test -c Release tests/Acm.Parity.Tests --filter Name~Sixty_wide_models")]
    public void Sixty_wide_models_in_every_precision([Range(1, 60)] int seed, [ValueSource(nameof(Precisions))] Precision precision) => WideIsTheReference(seed, precision, null);

    private static void WideIsTheReference(int seed, Precision precision, Architecture? architecture)
    {
        Random choices = new(seed);
        using RandomModel random = new(seed, architecture, sequences: 1 + seed % 5, wide: true);
        using InferenceSession session = random.Session(BackendKind.Reference);
        InferenceResult reference = session.CreateResult(hidden: true);
        session.Run(random.Batch.Input().Input, reference);
        int tokens = reference.Tokens;
        (string Name, IReadOnlyDictionary<string, ReadOnlyMemory<int>> K)[] routings =
        [
            ("as the reference", random.ChoicesOf(reference)), ("none", All(static _ => 0)), ("all", All(static learners => learners)), ("random", All(learners => choices.Next(learners + 1))),
        ];
        using DeviceSession device = new(random.Model, precision, new SimulatorOptions { Mode = ExecutionMode.Checked, Seed = seed });
        foreach (var (name, k) in routings)
        {
            session.Run(random.Batch.Input().Input, reference, new RunOptions { ForcedK = k });
            Compare(device.Run(random.Batch.Input().Input, new RunOptions { ForcedK = k }), reference, new Closeness(precision), $"{random.Model.Architecture}, hidden {random.Model.Config.HiddenSize}, {name}");
        }

        IReadOnlyDictionary<string, ReadOnlyMemory<int>> All(Func<int, int> of) =>
            random.Model.Sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)Enumerable.Range(0, tokens).Select(_ => of(site.Learners)).ToArray());
    }

    private static void IsTheReference(int seed, Precision precision, Architecture? architecture, bool published)
    {
        using RandomModel random = new(seed, architecture, semantics: published ? "published_code" : "paper");
        InferenceResult reference = random.Run(BackendKind.Reference, random.Batch.Input());
        using DeviceSession device = new(random.Model, precision);
        // Over forty of them: fp32 7.9e-7, tf32 and fp16 1.1e-3, bf16 1.1e-2.
        InferenceResult result = device.Run(random.Batch.Input().Input, new RunOptions { ForcedK = random.ChoicesOf(reference) });
        for (int s = 0; s < random.Model.Sites.Count; s++)
            Assert.That(result.K(s).ToArray(), Is.EqualTo(reference.K(s).ToArray()), "what was forced is what is reported");
        Compare(result, reference, new Closeness(precision, 0.65), $"{random.Model.Architecture}, {random.Model.Sites.Count} ACMs{(published ? ", published code" : "")}");
    }

    private static void Compare(InferenceResult result, InferenceResult reference, Closeness closeness, string what)
    {
        closeness.Check(result.Output, reference.ExactOutput, $"{what}: output");
        for (int i = 0; i < result.HiddenCount; i++)
            closeness.Check(result.Hidden(i), reference.ExactHidden(i), $"{what}: hidden {i}");
    }
}
