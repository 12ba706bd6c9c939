using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

/// <summary>What a transcriber takes, and hands on to the session.</summary>
public sealed class SpeechTranscriberTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly AcmModel _model;
    private readonly InferenceSession _session;

    public SpeechTranscriberTests()
    {
        // The first with ACMs of unequal cost.
        for (int seed = 1; _model is null; seed++)
        {
            AcmModel model = Load(seed, "<pad>\n|\na\nb\nc\n");
            if (model.Sites.DistinctBy(static site => site.MacsPerLearner).Count() > 1)
                _model = model;
            else
                model.Dispose();
        }
        _session = _model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
    }

    public void Dispose()
    {
        _session.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    private AcmModel Load(int seed, string vocabulary)
    {
        string folder = _folder[$"{seed}"];
        RandomPackage.Write(folder, seed, Architecture.Wav2Vec2);
        File.WriteAllText(Path.Combine(folder, "vocab.txt"), vocabulary);
        return AcmModel.Load(folder);
    }

    private List<TranscriptPart> Transcribe(
        int samples, RunOptions? run = null, int rate = 16000, double window = 20, double overlap = 4, SpeechTranscriber? transcriber = null)
    {
        Random random = new(1);
        byte[] wav = WavReaderTests.Wav(1, 16, 1, rate, [.. Enumerable.Range(0, samples).Select(_ => random.NextDouble() - 0.5)]);
        return [.. (transcriber ?? new SpeechTranscriber(_model, _session, window, overlap)).Transcribe(WavReader.Open(new MemoryStream(wav), "made"), run)];
    }

    [TestCase(0.99, 0)]
    [TestCase(20, -0.1)]
    [TestCase(20, 10)]
    public void Windows_that_do_not_advance_are_refused(double window, double overlap) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SpeechTranscriber(_model, _session, window, overlap));

    [TestCase(1, 0)]
    [TestCase(20, 9.99)]
    public void Others_are_not(double window, double overlap) => Assert.That(() => new SpeechTranscriber(_model, _session, window, overlap), Throws.Nothing);

    [Test]
    public void A_model_of_another_kind_or_without_characters_is_refused()
    {
        using AcmModel vision = AcmModel.Load(SharedFolder.Data("vit-tiny")), mute = AcmModel.Load(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"));
        Assert.That(() => new SpeechTranscriber(vision, _session), Throws.TypeOf<ModelFormatException>().With.Message.Match("architecture.*wav2vec2.*vit"));
        Assert.That(() => new SpeechTranscriber(mute, _session), Throws.TypeOf<ModelFormatException>().With.Property("File").EndsWith("vocab.txt"));
    }

    [Test]
    public void A_recording_shorter_than_a_frame_is_one_frame_of_it_and_silence()
    {
        TranscriptPart part = Transcribe(1).Single();
        Assert.That((part.FramesRun, part.Seconds), Is.EqualTo((1, 1 / 16000.0)));
    }

    [Test]
    public void A_recording_of_another_rate_is_heard_to_its_end()
    {
        TranscriptPart part = Transcribe(300, rate: 8000).Single();
        Assert.That((part.Seconds, part.FramesRun), Is.EqualTo((300 / 8000.0, _model.Plan.Tokens.RowsOf(600))));
    }

    /// <summary>Where windows overlap, every frame is told once.</summary>
    [Test]
    public void Parts_follow_each_other_without_a_gap()
    {
        const int samples = 40_000;
        List<TranscriptPart> parts = Transcribe(samples, window: 1, overlap: 0.4);
        Assert.That(parts, Has.Count.GreaterThan(2));
        long next = 0;
        foreach (TranscriptPart part in parts)
        {
            Assert.That(part.FirstFrame, Is.EqualTo(next));
            next += part.LearnerShare.Count;
        }
        Assert.That(parts[^1].Seconds, Is.EqualTo(samples / 16000.0));
        Assert.That(parts[0].FramesRun, Is.GreaterThan(parts[0].LearnerShare.Count), "what the next window hears again was run all the same");
    }

    /// <summary>Of characters that no space is among, a recording without a pause is one word.</summary>
    [Test]
    public void A_word_goes_on_over_the_seam_of_two_windows()
    {
        using AcmModel model = Load(1, "<pad>\na\nb\nc\nd\n");
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        List<TranscriptPart> parts = Transcribe(40_000, transcriber: new SpeechTranscriber(model, session, 1, 0.4));
        Assert.That(parts, Has.Count.GreaterThan(2));
        TimedWord word = parts.SelectMany(static part => part.Words).Single();
        Assert.That(word.End - word.Start, Is.GreaterThan(1), "longer than a window");
    }

    [Test]
    public void Options_are_the_runs()
    {
        const int samples = 600;
        int frames = _model.Plan.Tokens.RowsOf(samples), most = _model.Sites.Max(static site => site.Learners);
        TranscriptPart plain = Transcribe(samples).Single();
        Assert.That((plain.FramesRun, plain.Budget), Is.EqualTo((frames, new AppliedBudget(null, 0, 0.9, false, null))));
        Assert.That(plain.LearnerShare.Average(), Is.EqualTo(plain.LearnerFraction).Within(1e-5));
        Assert.That(Transcribe(samples, new RunOptions { Lambda = 1.5 }).Single().Budget.Lambda, Is.EqualTo(1.5));
        Assert.That(Transcribe(samples, new RunOptions { Budget = 0.5 }).Single().Budget.Requested, Is.EqualTo(0.5));
        Assert.That(Transcribe(samples, new RunOptions { FixedLearners = most }).Single().LearnerFraction, Is.EqualTo(1));
        foreach (bool all in (bool[])[false, true])
        {
            TranscriptPart part = Transcribe(samples, new RunOptions
            {
                ForcedK = _model.Sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)Enumerable.Repeat(all ? site.Learners : 0, frames).ToArray()),
            }).Single();
            Assert.That(part.LearnerFraction, Is.EqualTo(all ? 1 : 0));
            Assert.That(part.LearnerShare, Has.Count.EqualTo(frames).And.All.EqualTo(all ? 1f : 0f).Within(1e-5));
        }
        Assert.Throws<OperationCanceledException>(() => Transcribe(samples, new RunOptions { Cancellation = new CancellationToken(true) }));
    }
}
