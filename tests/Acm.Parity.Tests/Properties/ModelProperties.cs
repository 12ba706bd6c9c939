using Acm.Runtime;
using Acm.Runtime.Backends.Cpu;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Properties;

/// <summary>What holds for every model: random packages of all architectures, every switch of the format.</summary>
public class ModelProperties
{
    private const int Cases = 60;

    private static readonly BackendKind[] Both = [BackendKind.Reference, BackendKind.Cpu];

    [FsCheck.NUnit.Property(MaxTest = 4 * Cases)]
    public void Cpu_with_the_references_routing_is_the_reference(int seed, bool published)
    {
        using var random = new RandomModel(seed, semantics: published ? "published_code" : "paper");
        var reference = random.Run(BackendKind.Reference, random.Batch.Input());
        var cpu = random.Run(BackendKind.Cpu, random.Batch.Input(), new RunOptions { ForcedK = random.ChoicesOf(reference) }, threads: 2);
        Assert.That(Golden.RelativeError(cpu.Output, reference.ExactOutput), Is.LessThan(1e-4), "output");
        for (int i = 0; i < cpu.HiddenCount; i++)
        {
            Assert.That(Golden.RelativeError(cpu.Hidden(i), reference.ExactHidden(i)), Is.LessThan(1e-4), $"hidden {i}");
        }
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void A_sequence_has_the_bits_it_has_alone_in_any_batch_on_any_number_of_threads(int seed)
    {
        using var random = new RandomModel(seed, sequences: 5);
        foreach (var backend in Both)
        {
            var together = random.Run(backend, random.Batch.Input());
            for (int s = 0; s < random.Batch.Count; s++)
            {
                Assert.That(Bits.Same(together, s, random.Run(backend, random.Batch.Input(s)), 0), $"{backend}: sequence {s} alone");
            }
            foreach (int threads in (int[])[2, 3, 4])
            {
                Assert.That(Bits.Same(together, random.Run(backend, random.Batch.Input(), threads: threads)), $"{backend}: {threads} threads");
            }
            Assert.That(Bits.Same(together, 3, random.Run(backend, random.Batch.Input(4, 3, 3)), 2), $"{backend}: in another batch");
        }
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void A_batch_of_many_rows_is_the_reference_and_has_the_same_bits_on_any_number_of_threads(int seed, bool published)
    {
        using var random = new RandomModel(seed, semantics: published ? "published_code" : "paper", sequences: 7);
        // Enough for every number of threads to have lanes of its own.
        int[] tokens = random.Run(BackendKind.Cpu, random.Batch.Input()).TokensOf.ToArray();
        var chosen = new List<int>();
        for (int rows = 0; rows < 4 * Lanes.FewestRows; rows += tokens[chosen[^1]])
        {
            chosen.Add(chosen.Count % tokens.Length);
        }
        var input = random.Batch.Input([.. chosen]);
        var one = Run(BackendKind.Cpu, 1);
        foreach (int threads in (int[])[2, 3, 4, 8])
        {
            Assert.That(Bits.Same(one, Run(BackendKind.Cpu, threads)), $"{threads} threads");
            Assert.That(Run(BackendKind.Cpu, threads, outputOnly: true).Output.SequenceEqual(one.Output), $"{threads} threads, output only");
        }
        // The last token alone has every learner: what the published code leaves out depends on the whole batch.
        var choose = new Random(seed);
        var forced = new RunOptions
        {
            ForcedK = random.Model.Sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)Enumerable.Range(1, one.Tokens)
                .Select(token => token == one.Tokens ? site.Learners : choose.Next(site.MinK, Math.Max(site.MinK + 1, site.Learners))).ToArray()),
        };
        var reference = Run(BackendKind.Reference, 1, forced);
        Assert.That(Golden.RelativeError(Run(BackendKind.Cpu, 4, forced).Output, reference.ExactOutput), Is.LessThan(1e-4));

        InferenceResult Run(BackendKind backend, int threads, RunOptions? options = null, bool outputOnly = false)
        {
            using var session = random.Model.CreateSession(new SessionOptions { Backend = backend, Threads = threads, MaxBatch = chosen.Count });
            var result = session.CreateResult(hidden: !outputOnly, routing: !outputOnly);
            session.Run(input.Input, result, options);
            return result;
        }
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void A_reused_result_and_workspace_give_what_fresh_ones_give(int seed)
    {
        using var random = new RandomModel(seed);
        foreach (var backend in Both)
        {
            using var session = random.Session(backend);
            var reused = session.CreateResult(hidden: true);
            session.Run(random.Batch.Input(2, 1).Input, reused, new RunOptions { Lambda = 0.7 });
            session.Run(random.Batch.Input(0, 2, 1, 0).Input, reused, new RunOptions { FixedLearners = 0 });
            session.Run(random.Batch.Input(0, 1).Input, reused);
            Assert.That(Bits.Same(reused, random.Run(backend, random.Batch.Input(0, 1))), $"{backend}");
        }
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void A_fixed_width_is_that_k_forced_everywhere(int seed, byte width)
    {
        using var random = new RandomModel(seed);
        if (random.Model.Sites.Count == 0)
        {
            return;
        }
        int n = width % (random.Model.Sites.Max(static site => site.Learners) + 1);
        foreach (var backend in Both)
        {
            var wide = random.Run(backend, random.Batch.Input(), new RunOptions { FixedLearners = n });
            var forced = random.Model.Sites.ToDictionary(
                static site => site.Path, site => (ReadOnlyMemory<int>)Enumerable.Repeat(Math.Min(n, site.Learners), wide.Tokens).ToArray());
            Assert.That(Bits.Same(wide, random.Run(backend, random.Batch.Input(), new RunOptions { ForcedK = forced })), $"{backend}");
            Assert.That(wide.Budget, Is.EqualTo(new AppliedBudget(null, 0, null, false, n)));
            for (int s = 0; s < random.Model.Sites.Count; s++)
            {
                Assert.That(wide.K(s).ToArray(), Has.All.EqualTo(Math.Min(n, random.Model.Sites[s].Learners)));
            }
        }
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void A_higher_lambda_never_adds_a_learner_at_the_first_gate(int seed, byte low, byte high)
    {
        using var random = new RandomModel(seed);
        if (random.Model.Sites.Count == 0)
        {
            return;
        }
        double less = Math.Min(low, high) / 50.0, more = Math.Max(low, high) / 50.0;
        foreach (var backend in Both)
        {
            var many = random.Run(backend, random.Batch.Input(), new RunOptions { Lambda = less });
            var few = random.Run(backend, random.Batch.Input(), new RunOptions { Lambda = more });
            for (int t = 0; t < many.Tokens; t++)
            {
                Assert.That(few.K(0)[t], Is.LessThanOrEqualTo(many.K(0)[t]), $"{backend}: token {t}");
            }
        }
        var none = random.Run(BackendKind.Reference, random.Batch.Input(), new RunOptions { Lambda = 1e37 });
        var all = random.Run(BackendKind.Reference, random.Batch.Input(), new RunOptions { Lambda = -1e37 });
        for (int s = 0; s < random.Model.Sites.Count; s++)
        {
            Assert.That(none.K(s).ToArray(), Has.All.EqualTo(random.Model.Sites[s].MinK));
            Assert.That(all.K(s).ToArray(), Has.All.EqualTo(random.Model.Sites[s].Learners));
        }
        Assert.That(all.LearnerFraction, Is.EqualTo(1).Within(1e-15));
    }

    [FsCheck.NUnit.Property(MaxTest = Cases)]
    public void Nan_in_one_sequence_stays_there(int seed, bool speech)
    {
        // A projection that may run no learner (which no trained model has) would answer a NaN with its 0.
        using var random = new RandomModel(seed, speech ? Architecture.Wav2Vec2 : Architecture.Vit, projectionsRun: true);
        foreach (var backend in Both)
        {
            var clean = random.Run(backend, random.Batch.Input());
            float[] spoilt = random.Batch.Values(1);
            float[] before = [.. spoilt];
            Array.Fill(spoilt, float.NaN);
            var mixed = random.Run(backend, random.Batch.Input());
            before.CopyTo(spoilt, 0);
            Assert.That(Bits.Same(clean, 0, mixed, 0) && Bits.Same(clean, 2, mixed, 2), $"{backend}: the others");
            int width = mixed.OutputWidth, first = mixed.OutputRows[0];
            Assert.That(mixed.Output.Slice(first * width, mixed.OutputRows[1] * width).ToArray(), Has.All.NaN, $"{backend}: outputs");
            // In the last MLP every token has passed an attention over the spoilt ones.
            int last = random.Model.Sites.ToList().FindLastIndex(static site => site.Kind == "mlp");
            if (last >= 0)
            {
                Assert.That(mixed.K(last).Slice(mixed.TokensOf[0], mixed.TokensOf[1]).ToArray(), Has.All.EqualTo(random.Model.Sites[last].MinK), $"{backend}: k");
            }
        }
    }
}
