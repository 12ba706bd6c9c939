using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class InferenceSessionTests
{
    /// <summary>No session can be made of it.</summary>
    private sealed class Unfit : IBackend
    {
        public bool IsDisposed { get; private set; }

        public string Name => "unfit";

        public string Description => "unfit";

        public ForwardPlan? OutputPlan => throw new InvalidOperationException("unfit");

        public IForward CreateForward(int maxSequences, int maxLength) => throw new NotSupportedException();

        public void Dispose() => IsDisposed = true;
    }

    /// <summary>Its threads and its memory on a device have no other owner.</summary>
    [Test]
    public void ASessionThatCannotBeMadeEndsItsBackend()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        Unfit backend = new();
        Assert.That(() => new InferenceSession(model.Config, model.Plan, new SessionOptions(), backend, ""), Throws.InvalidOperationException.With.Message.EqualTo("unfit"));
        Assert.That(backend.IsDisposed, Is.True);
    }

    [Test]
    public void ARunThatFailsLeavesNothingOfTheOneBefore([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = backend, MaxBatch = 2 });
        float[] images = new float[3 * model.Plan.InputWidth];
        InferenceResult result = session.CreateResult(hidden: true);
        (int Images, RunOptions? Options)[] failing = [(3, null), (1, new RunOptions { Lambda = double.NaN }), (1, new RunOptions { Cancellation = new CancellationToken(true) })];
        foreach (var (count, options) in failing)
        {
            session.Run(ModelInput.Pixels(images.AsSpan(0, 2 * model.Plan.InputWidth)), result);
            Assert.That((result.Batch, result.Output.Length, result.Macs > 0, result.LearnerFraction), Is.EqualTo((2, 2 * result.OutputWidth, true, 1)));
            Assert.That(() => session.Run(ModelInput.Pixels(images.AsSpan(0, count * model.Plan.InputWidth)), result, options), Throws.Exception);
            Assert.That((result.Batch, result.Tokens, result.Output.Length, result.OutputRows.Length, result.TokensOf.Length, result.Hidden(0).Length), Is.EqualTo((0, 0, 0, 0, 0, 0)));
            Assert.That((result.Macs, result.DenseMacs, result.LearnerFraction, result.Budget), Is.EqualTo((0L, 0L, 0.0, default(AppliedBudget))));
        }
    }

    [Test]
    public void ClassesAreThoseOfLogits()
    {
        using AcmModel vision = AcmModel.Load(SharedFolder.Data("vit-tiny")), text = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using InferenceSession one = vision.CreateSession(new SessionOptions { Backend = BackendKind.Reference }), other = text.CreateSession(new SessionOptions { Backend = BackendKind.Reference });
        InferenceResult result = one.CreateResult();
        float[] image = new float[vision.Plan.InputWidth];
        one.Run(ModelInput.Pixels(image), result);
        float[] logits = result.Output.ToArray();
        Assert.That(result.Classes.Length, Is.Zero);
        one.Run(ModelInput.Pixels(image), result, new RunOptions { ClassesOnly = true });
        Assert.That((result.Classes.ToArray(), result.Output.Length, result.ExactOutput.Length), Is.EqualTo((new[] { Array.IndexOf(logits, logits.Max()) }, 0, 0)));
        Assert.That(() => other.Run(ModelInput.Text([1], [1]), other.CreateResult(), new RunOptions { ClassesOnly = true }), Throws.ArgumentException.With.Message.Contains("embeddings"));
    }

    [Test]
    public void AResultHoldsWhatItWasMadeFor()
    {
        using TemporaryFolder folder = new();
        SmallPackage.Write(folder.Path);
        using AcmModel model = AcmModel.Load(folder.Path);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference });
        InferenceResult plain = session.CreateResult(), output = session.CreateResult(routing: false), hidden = session.CreateResult(hidden: true);
        float[] images = new float[2 * model.Plan.InputWidth];
        // The larger batch first: what it leaves behind is no part of the smaller one's.
        foreach (InferenceResult result in new[] { plain, output, hidden })
            for (int batch = 2; batch > 0; batch--)
                session.Run(ModelInput.Pixels(images.AsSpan(0, batch * model.Plan.InputWidth)), result);
        Assert.That((plain.HiddenCount, output.HiddenCount, hidden.HiddenCount), Is.EqualTo((0, 0, 3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = plain.Hidden(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = hidden.Hidden(3).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = hidden.Hidden(-1).Length);
        Assert.That(hidden.Hidden(2).Length, Is.EqualTo(5 * 4));
        Assert.Throws<InvalidOperationException>(() => _ = output.K(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = plain.K(2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = plain.K(-1).Length);
        Assert.That(() => plain.K("nowhere").Length, Throws.ArgumentException.With.Message.Match("nowhere.*2"));
        Assert.That(plain.K(1).Length, Is.EqualTo(5));
        Assert.That(plain.K(model.Sites[1].Path).SequenceEqual(plain.K(1)));
    }

    /// <summary>Pictures have no length of their own: only how many there are counts.</summary>
    [Test]
    public void LimitsAreThoseAskedFor()
    {
        using AcmModel vision = AcmModel.Load(SharedFolder.Data("vit-tiny")), text = AcmModel.Load(SharedFolder.Data("bert-tiny")), speech = AcmModel.Load(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"));
        Assert.That(Limits(vision, 4, 1), Is.EqualTo((4, 4)));
        Assert.That((Limits(text, 4, 0), Limits(text, 4, 9)), Is.EqualTo(((4, 4 * 64), (4, 9))));
        Assert.That((Limits(speech, 4, 0), Limits(speech, int.MaxValue, 0), Limits(speech, 4, 900)), Is.EqualTo(((4, 4 * 16000 * 60), (int.MaxValue, int.MaxValue / 4), (4, 900))));
        using InferenceSession usual = vision.CreateSession(new SessionOptions { Backend = BackendKind.Reference });
        Assert.That(usual.MaxBatch, Is.EqualTo(64));

        static (int, int) Limits(AcmModel model, int batch, int length)
        {
            using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference, MaxBatch = batch, MaxLength = length });
            return (session.MaxBatch, session.MaxLength);
        }
    }

    [Test]
    public void OptionsThatCannotBeMeantAreRefused()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        SessionOptions[] impossible = [new() { MaxBatch = 0 }, new() { MaxLength = -1 }, new() { Threads = -1 }];
        foreach (SessionOptions options in impossible)
            Assert.Throws<ArgumentOutOfRangeException>(() => model.CreateSession(options));
        foreach (BackendKind backend in (BackendKind[])[BackendKind.Cpu, BackendKind.Reference])
            foreach (Precision precision in (Precision[])[Precision.TF32, Precision.Float16, Precision.BFloat16])
                Assert.That(() => model.CreateSession(new SessionOptions { Backend = backend, Precision = precision }), Throws.TypeOf<BackendUnavailableException>().With.Message.Contains($"{precision}"));
    }

    [Test, Platform("Linux,Win")]
    public void CoresAreNamedOnceAndThere()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        foreach (int[] cores in (int[][])[[], [0, 0], [1_000_000], [-1]])
            Assert.Throws<ArgumentException>(() => model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Cores = cores }), $"[{string.Join(", ", cores)}]");
    }

    [TestCase(1, ", 1 thread")]
    [TestCase(3, ", 3 threads")]
    public void ThreadsAreThoseAskedFor(int threads, string described)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads });
        Assert.That(session.BackendDescription, Does.Match($"{described}(;|$)"));
    }

    [Test]
    public void AGateThatIsForcedCostsNothing([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using TemporaryFolder folder = new();
        SmallPackage.Write(folder.Path);
        using AcmModel model = AcmModel.Load(folder.Path);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = backend });
        InferenceResult free = session.CreateResult(), forced = session.CreateResult();
        float[] images = [.. Enumerable.Range(0, 2 * model.Plan.InputWidth).Select(static i => MathF.Sin(i))];
        session.Run(ModelInput.Pixels(images), free);
        for (int some = 0; some < 4; some++)
        {
            SiteInfo[] sites = [.. model.Sites.Where((_, site) => (some >> site & 1) != 0)];
            session.Run(ModelInput.Pixels(images), forced, new RunOptions { ForcedK = sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)free.K(site.Path).ToArray()) });
            Assert.That(forced.Output.SequenceEqual(free.Output));
            Assert.That((forced.Macs, forced.DenseMacs), Is.EqualTo((free.Macs - sites.Sum(static site => site.GateMacs) * free.Tokens, free.DenseMacs)));
        }
    }

    [Test]
    public void TheSemanticsAskedForGoBeforeThePackages([Values] bool published)
    {
        using TemporaryFolder folder = new();
        SmallPackage.Write(folder.Path);
        File.WriteAllText(folder["config.json"], SmallPackage.Config.Replace("\"paper\"", published ? "\"published_code\"" : "\"paper\""));
        using AcmModel own = AcmModel.Load(folder.Path), other = AcmModel.Load(folder.Path, new ModelLoadOptions { Semantics = published ? AcmSemantics.Paper : AcmSemantics.PublishedCode });
        Assert.That((own.Plan.PublishedCode, other.Plan.PublishedCode), Is.EqualTo((published, !published)));
    }
}
