using System.Text.Json.Nodes;
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

    private AcmModel Load(int seed, string vocabulary, bool normalize = false)
    {
        string folder = _folder[$"{seed}"], file = Path.Combine(folder, "config.json");
        RandomPackage.Write(folder, seed, Architecture.Wav2Vec2);
        JsonNode config = JsonNode.Parse(File.ReadAllText(file))!;
        config["preprocessing"] = new JsonObject { ["do_normalize"] = normalize };
        File.WriteAllText(file, config.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "vocab.txt"), vocabulary);
        return AcmModel.Load(folder);
    }

    private List<TranscriptPart> Transcribe(
        int samples, RunOptions? run = null, int rate = 16000, double window = 20, double overlap = 4, SpeechTranscriber? transcriber = null)
    {
        return [.. (transcriber ?? new SpeechTranscriber(_model, _session, window, overlap)).Transcribe(Recording(Noise(samples), rate), run)];
    }

    private static double[] Noise(int samples)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, samples).Select(_ => random.NextDouble() - 0.5)];
    }

    private static WavReader Recording(double[] samples, int rate = 16000) => WavReader.Open(new MemoryStream(WavReaderTests.Wav(1, 16, 1, rate, samples)), "made");

    /// <summary>What a model hears in samples that are given to it as they are: ids, and the share of its learners that ran, by frame.</summary>
    private static (int[] Best, float[] Share) Alone(AcmModel model, InferenceSession session, float[] samples)
    {
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Samples(samples, [samples.Length]), result, new RunOptions { ClassesOnly = true });
        double all = model.Sites.Sum(static site => (double)site.MacsPerLearner * site.Learners);
        float[] share = [.. Enumerable.Range(0, result.Tokens).Select(frame => (float)model.Sites.Sum(site => result.K(site.Path)[frame] * (double)site.MacsPerLearner / all))];
        return (result.Classes.ToArray(), share);
    }

    private static float[] Heard(double[] samples)
    {
        float[] heard = new float[samples.Length];
        Assert.That(Recording(samples).Read(heard), Is.EqualTo(heard.Length));
        return heard;
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

    /// <summary>What two windows share is told once: up to the cut as the first heard it, words and learners alike.</summary>
    [Test]
    public void What_windows_share_is_joined_where_both_hear_nothing()
    {
        const int window = 16_000, overlap = 6_400, samples = 24_000;
        double[] noise = Noise(samples);
        float[] heard = Heard(noise);
        int stride = _model.Config.Wav2Vec2!.ConvStride.Aggregate(1, static (product, next) => product * next), start = window - overlap;
        Assert.That(start % stride, Is.Zero);
        var (first, firstShare) = Alone(_model, _session, heard[..window]);
        var (second, secondShare) = Alone(_model, _session, heard[start..]);
        int keep = start / stride, cut = WindowStitch.Cut(first[keep..], second.AsSpan(0, first.Length - keep), blank: 0, delimiter: 1);
        Assert.That(cut, Is.GreaterThan(0).And.LessThan(first.Length - keep));

        List<TranscriptPart> parts = [.. new SpeechTranscriber(_model, _session, 1, 0.4).Transcribe(Recording(noise))];
        Assert.That(parts, Has.Count.EqualTo(2));
        Assert.That(parts.SelectMany(static part => part.LearnerShare), Is.EqualTo(firstShare[..(keep + cut)].Concat(secondShare[cut..])).Within(1).Ulps);
        string words = CtcDecoder.Text([.. first[..(keep + cut)], .. second[cut..]], _model.Config.Entries!, blank: 0);
        Assert.That(parts.SelectMany(static part => part.Words).Select(static word => word.Text), Is.EqualTo(words.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Test]
    public void Windows_that_share_nothing_follow_each_other()
    {
        List<TranscriptPart> parts = Transcribe(40_000, window: 1, overlap: 0);
        Assert.That(parts, Has.Count.EqualTo(3));
        Assert.That(parts[^1].Seconds, Is.EqualTo(2.5));
    }

    /// <summary>Half a second each of sound, 3 seconds apart, and silence behind: a word is where it was heard, is told once, and goes over no pause.</summary>
    [Test]
    public void Words_are_where_they_were_heard_and_silence_is_told_to_its_end()
    {
        using AcmModel model = Load(1, "<pad>\na\nb\nc\nd\n");
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        double[] sound = Noise(8_000), silence = new double[48_000];
        List<TranscriptPart> parts = [.. new SpeechTranscriber(model, session, 5, 1).Transcribe(Recording([.. sound, .. silence, .. sound, .. silence]))];
        Assert.That(parts, Has.Count.EqualTo(3), "two with sound, and the silence at the end");
        Assert.That((parts[^1].Seconds, parts[^1].FramesRun), Is.EqualTo((7.0, 0)));
        TimedWord[] words = [.. parts.SelectMany(static part => part.Words)];
        Assert.That(words, Has.Length.EqualTo(2));
        Assert.That((words[0].Start, words[0].End), Is.EqualTo((0.0, 1.0)).Using<double>(static (found, about) => Math.Abs(found - about) < 1.01));
        Assert.That(words[1].Start, Is.InRange(3.1, 5.5));
    }

    [Test]
    public void A_recording_is_normalised_where_the_package_says_so([Values] bool normalize)
    {
        double[] quiet = [.. Noise(600).Select(static sample => sample / 50)];
        float[] raw = Heard(quiet), normal = Heard(quiet);
        AudioNormalization.Apply(normal);
        // Until a model to which it makes a difference.
        for (int seed = 100; ; seed++)
        {
            using AcmModel model = Load(seed, "<pad>\n|\na\nb\nc\n", normalize);
            using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
            float[] share = Alone(model, session, raw).Share, normalShare = Alone(model, session, normal).Share;
            if (share.SequenceEqual(normalShare))
                continue;
            TranscriptPart part = new SpeechTranscriber(model, session).Transcribe(Recording(quiet)).Single();
            Assert.That(part.LearnerShare, Is.EqualTo(normalize ? normalShare : share).Within(1).Ulps);
            return;
        }
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
