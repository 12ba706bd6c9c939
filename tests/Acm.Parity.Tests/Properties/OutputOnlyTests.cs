using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Properties;

/// <summary>A result of nothing but the output: the bits of the whole forward, for fewer multiply-adds.</summary>
public class OutputOnlyTests
{
    [FsCheck.NUnit.Property(MaxTest = 150)]
    public void The_output_has_its_bits_and_the_multiply_adds_are_those_of_the_rows_that_ran(int seed, byte lambda, byte width, bool speechToo)
    {
        using var random = new RandomModel(seed, speechToo ? null : Architecture.Vit, sequences: 4);
        var forced = random.Model.Sites.ToDictionary(static site => site.Path, _ => (ReadOnlyMemory<int>)Array.Empty<int>());
        int most = random.Model.Sites.Select(static site => site.Learners).DefaultIfEmpty(0).Max();
        foreach (int threads in (int[])[1, 3])
        {
            using var session = random.Session(BackendKind.Cpu, threads);
            var whole = session.CreateResult();
            session.Run(random.Batch.Input().Input, whole);
            var k = new Random(seed);
            foreach (var site in random.Model.Sites)
                forced[site.Path] = Enumerable.Range(0, whole.Tokens).Select(_ => k.Next(site.Learners + 1)).ToArray();
            Check(random, session, new RunOptions());
            Check(random, session, new RunOptions { Lambda = lambda / 40.0 - 2 });
            Check(random, session, new RunOptions { FixedLearners = width % (most + 1) });
            Check(random, session, new RunOptions { ForcedK = forced });
            Check(random, session, new RunOptions { ForcedK = forced.Where((_, i) => i % 2 == 0).ToDictionary() });
        }
    }

    [FsCheck.NUnit.Property(MaxTest = 60)]
    public void The_oracle_gives_the_same_by_the_shorter_plan(int seed, bool text)
    {
        using var random = new RandomModel(seed, text ? Architecture.Bert : Architecture.Vit);
        if (OutputRows.Of(random.Model.Plan) is not { } less)
            return;
        var input = random.Batch.Input();
        var whole = random.Run(BackendKind.Reference, input);
        double[] output = new double[whole.ExactOutput.Length];
        using var backend = new ReferenceBackend(less);
        using var forward = backend.CreateForward(3, int.MaxValue);
        forward.Run(new ForwardRun
        {
            Lengths = text ? input.Input.Lengths : [1, 1, 1], Values = input.Input.Values, Ids = input.Input.Ids, Routing = RoutingRule.AsTrained, Output = default, ExactOutput = output,
        });
        Assert.That(output, Is.EqualTo(whole.ExactOutput.ToArray()));
    }

    [TestCaseSource(nameof(Packages))]
    public void A_sample_model_keeps_its_bits_at_any_budget_in_any_batch_on_any_threads(string folder)
    {
        using var model = AcmModel.Load(folder);
        var batch = new RandomBatch(model, 5, 9);
        bool shortened = OutputRows.Of(model.Plan) is not null;
        int most = model.Sites.Select(static site => site.Learners).DefaultIfEmpty(0).Max();
        RunOptions[] options =
        [
            new(), new() { Lambda = 1.5 }, .. Enumerable.Range(0, most == 0 ? 0 : most + 1).Select(static n => new RunOptions { FixedLearners = n }),
            .. model.Budget is null ? [] : new[] { 0.3, 0.6 }.Select(static budget => new RunOptions { Budget = budget }),
        ];
        int rounds = Math.Min(4, options.Length);
        foreach (int threads in (int[])[1, 2, 3])
        {
            using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads });
            InferenceResult whole = session.CreateResult(), output = session.CreateResult(routing: false);
            foreach (int size in Enumerable.Range(1, shortened ? 9 : 2))
                // Every option meets every number of threads, every size some of them.
                foreach (var option in options.Where((_, i) => i % rounds == (size + threads) % rounds))
                {
                    var input = batch.Input([.. Enumerable.Range(0, size).Select(s => 8 - s)]);
                    session.Run(input.Input, whole, option);
                    session.Run(input.Input, output, option);
                    Assert.That(SameBits(output, whole), $"{threads} threads, batch {size}, {option.Lambda} {option.FixedLearners} {option.Budget}");
                    Assert.That(output.Macs, shortened ? Is.LessThan(whole.Macs) : Is.EqualTo(whole.Macs));
                    Assert.That(output.DenseMacs, shortened ? Is.LessThan(whole.DenseMacs) : Is.EqualTo(whole.DenseMacs));
                }
        }
    }

    [Test]
    public void It_holds_no_routing_and_says_so([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using var model = AcmModel.Load(Path.Combine(SharedFolder.Repo, "models", "vit-chars"));
        using var session = model.CreateSession(new SessionOptions { Backend = backend });
        InferenceResult whole = session.CreateResult(), output = session.CreateResult(routing: false), states = session.CreateResult(hidden: true, routing: false);
        var input = new RandomBatch(model, 1, 1).Input();
        session.Run(input.Input, whole);
        session.Run(input.Input, output);
        session.Run(input.Input, states);
        Assert.That(() => _ = output.K(0), Throws.InvalidOperationException.With.Message.Contains("routing: false"));
        Assert.That(() => _ = output.K(model.Sites[3].Path), Throws.InvalidOperationException);
        Assert.That(() => _ = states.K(0), Throws.InvalidOperationException);
        Assert.That((output.Tokens, output.HiddenCount, states.HiddenCount), Is.EqualTo((whole.Tokens, 0, 7)));
        Assert.That(SameBits(output, whole) && SameBits(states, whole));
        Assert.That(states.Macs, Is.EqualTo(whole.Macs), "hidden states are of every token");
        Assert.That(output.Macs, backend == BackendKind.Cpu ? Is.LessThan(whole.Macs) : Is.EqualTo(whole.Macs));
    }

    [Test]
    public void Sentence_vectors_of_the_first_token_leave_rows_out([Values("mean", "cls")] string pooling)
    {
        using var folder = new TemporaryFolder();
        foreach (string file in Directory.GetFiles(SharedFolder.Data("bert-tiny")))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        string config = Path.Combine(folder.Path, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"pooling\": \"mean\"", $"\"pooling\": \"{pooling}\"", StringComparison.Ordinal));
        string[] letters = [.. Enumerable.Range('a', 26).Select(static letter => $"{(char)letter}")], words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", .. letters, .. letters.Select(static letter => $"##{letter}")];
        File.WriteAllLines(Path.Combine(folder.Path, "vocab.txt"), [.. words, .. Enumerable.Range(words.Length, 100 - words.Length).Select(static i => $"[unused{i}]")]);
        using var model = AcmModel.Load(folder.Path);
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        var encoder = new SentenceEncoder(model, session);
        string[] texts = ["a cat", "the dog is in the house", "it"];
        float[] vectors = new float[texts.Length * encoder.Width];
        EncodingReport report = encoder.Encode(texts, vectors);
        int[][] pieces = [.. texts.Select(text => WordPieceEncoder.For(model).Encode(text, out _))];
        InferenceResult whole = session.CreateResult();
        session.Run(ModelInput.Text([.. pieces.SelectMany(static text => text)], [.. pieces.Select(static text => text.Length)]), whole);
        Assert.That(vectors, Is.EqualTo(whole.Output.ToArray()));
        Assert.That(report.Macs, pooling == "cls" ? Is.LessThan(whole.Macs) : Is.EqualTo(whole.Macs));
        Assert.That(report.DenseMacs, Is.EqualTo(report.Macs), "a dense model");
    }

    [Test]
    public void The_published_codes_semantics_run_in_full()
    {
        using var random = new RandomModel(5, Architecture.Vit, "published_code");
        using var session = random.Session(BackendKind.Cpu);
        InferenceResult whole = session.CreateResult(), output = session.CreateResult(routing: false);
        session.Run(random.Batch.Input().Input, whole);
        session.Run(random.Batch.Input().Input, output);
        Assert.That(SameBits(output, whole));
        Assert.That((output.Macs, output.DenseMacs, output.LearnerFraction), Is.EqualTo((whole.Macs, whole.DenseMacs, whole.LearnerFraction)));
    }

    [Test]
    public void Steps_are_timed_and_a_run_ends_early_between_them()
    {
        using var model = AcmModel.Load(Path.Combine(SharedFolder.Repo, "models", "vit-chars"));
        using var backend = new Acm.Runtime.Backends.Cpu.CpuBackend(model.Plan, 1);
        using var forward = new Acm.Runtime.Backends.Cpu.CpuForward(backend);
        float[] pixels = new float[model.Plan.InputWidth], output = new float[model.Plan.Output.Width];
        Run(default);
        forward.StepTicks = new long[backend.OutputSteps.Length];
        Run(default);
        Assert.That(forward.StepTicks, Has.All.GreaterThan(0));
        int cancelled = 0, underWay = 0;
        for (int attempt = 0; attempt < 200; attempt++)
        {
            using var source = new CancellationTokenSource();
            var canceller = new Thread(() =>
            {
                Thread.SpinWait(attempt * 500);
                source.Cancel();
            });
            canceller.Start();
            try
            {
                Run(source.Token);
            }
            catch (OperationCanceledException)
            {
                cancelled++;
                underWay += forward.StepTicks[0] > 0 ? 1 : 0;
                Assert.That(forward.StepTicks[^1], Is.Zero);
            }
            canceller.Join();
        }
        TestContext.Out.WriteLine($"{cancelled} of 200 runs cancelled, {underWay} of them under way");

        void Run(CancellationToken token) => forward.Run(new ForwardRun
        {
            Lengths = [1], Values = pixels, Routing = RoutingRule.AsTrained, Output = output, OutputOnly = true, Cancellation = token,
        });
    }

    public static IEnumerable<TestCaseData> Packages() =>
        new[] { Path.Combine(SharedFolder.Repo, "models"), SharedFolder.Data(), Path.Combine(SharedFolder.Root ?? "", "models") }
            .Where(Directory.Exists).SelectMany(Directory.GetDirectories)
            .Where(static folder => File.Exists(Path.Combine(folder, "config.json")) && File.Exists(Path.Combine(folder, "model.safetensors")))
            .DistinctBy(Path.GetFileName).Select(static folder => new TestCaseData(folder).SetArgDisplayNames(Path.GetRelativePath(Path.GetDirectoryName(SharedFolder.Repo)!, folder)));

    // The whole forward's figures, less what all rows but the first cost at the last layer's q, o and MLP.
    private static void Check(RandomModel random, InferenceSession session, RunOptions options)
    {
        InferenceResult whole = session.CreateResult(), output = session.CreateResult(routing: false);
        session.Run(random.Batch.Input().Input, whole, options);
        session.Run(random.Batch.Input().Input, output, options);
        Assert.That(SameBits(output, whole), "output");
        long macs = whole.Macs, dense = whole.DenseMacs, learners = 0, all = 0, width = random.Model.Config.HiddenSize;
        bool shortened = random.Model.Architecture == Architecture.Vit || random.Model.Config.Bert?.Pooling == Acm.Runtime.Configuration.Pooling.Cls;
        int[] first = new int[whole.Batch];
        for (int s = 1; s < first.Length; s++)
            first[s] = first[s - 1] + whole.TokensOf[s - 1];
        if (shortened)
        {
            for (int s = 0; s < first.Length; s++)
                dense -= (whole.TokensOf[s] - 1) * (2 * width * width + 2 * width * random.Model.Config.IntermediateSize + 2 * width * whole.TokensOf[s]);
            macs -= whole.DenseMacs - dense;
        }
        for (int i = 0; i < random.Model.Sites.Count; i++)
        {
            var site = random.Model.Plan.Sites[i];
            bool alone = shortened && site.Layer == random.Model.Config.Layers - 1 && site.Kind is not ("k_proj" or "v_proj");
            bool gated = options.FixedLearners is null && options.ForcedK?.ContainsKey(site.Path) != true;
            for (int s = 0; s < first.Length; s++)
            {
                ReadOnlySpan<int> k = whole.K(i).Slice(first[s], whole.TokensOf[s]);
                long ran = alone ? k[0] : Sum(k), left = whole.TokensOf[s] - 1;
                learners += ran * site.MacsPerLearner;
                all += (alone ? 1 : k.Length) * site.Learners * site.MacsPerLearner;
                if (alone)
                    macs += left * (site.Kind == "mlp" ? 2 * width * random.Model.Config.IntermediateSize : width * width)
                        - (Sum(k) - k[0]) * site.MacsPerLearner - (gated ? left * site.GateMacs : 0);
            }
        }
        Assert.That(output.Macs, Is.EqualTo(macs), "MACs");
        Assert.That(output.DenseMacs, Is.EqualTo(dense), "dense MACs");
        Assert.That(output.LearnerFraction, Is.EqualTo(all == 0 ? 1 : (double)learners / all).Within(1e-15), "share of the learners");
    }

    private static long Sum(ReadOnlySpan<int> k)
    {
        long sum = 0;
        foreach (int count in k)
            sum += count;
        return sum;
    }

    private static bool SameBits(InferenceResult a, InferenceResult b) => a.Batch == b.Batch
        && System.Runtime.InteropServices.MemoryMarshal.AsBytes(a.Output).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(b.Output));
}
