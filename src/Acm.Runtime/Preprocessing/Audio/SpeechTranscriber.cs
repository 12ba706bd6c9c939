using Acm.Runtime.Configuration;

namespace Acm.Runtime;

/// <summary>A word with its place in the recording.</summary>
/// <param name="Text">As the vocabulary spells it.</param>
/// <param name="Start">Seconds from the recording's beginning.</param>
/// <param name="End">Seconds from the recording's beginning.</param>
/// <param name="Characters">Its characters, likewise.</param>
public sealed record TimedWord(string Text, double Start, double End, IReadOnlyList<TimedCharacter> Characters);

/// <summary>A character with its place in the recording, in seconds.</summary>
public readonly record struct TimedCharacter(string Text, double Start, double End);

/// <summary>What one more window of a recording has brought.</summary>
/// <param name="Words">Words that ended since the last report.</param>
/// <param name="FirstFrame">Index of the first of the frames that <paramref name="LearnerShare"/> is about.</param>
/// <param name="LearnerShare">Of each new frame, the cost-weighted share of its learners that ran, 0 in silence that was passed over; empty for a dense model.</param>
/// <param name="Seconds">Seconds of the recording that are done.</param>
/// <param name="Macs">Multiply-adds of this window, an overlap included.</param>
/// <param name="DenseMacs">The dense architecture's on the same samples.</param>
/// <param name="Budget">The budget that was applied.</param>
public sealed record TranscriptPart(
    IReadOnlyList<TimedWord> Words, long FirstFrame, IReadOnlyList<float> LearnerShare, double Seconds,
    long Macs, long DenseMacs, AppliedBudget Budget)
{
    /// <summary>Frames that the model ran on in this window, an overlap included, as in <see cref="Macs"/>; 0 where only silence was passed over.</summary>
    public int FramesRun { get; init; }

    /// <summary>Over those frames, the cost-weighted share of all learners that ran; 1 for a dense model.</summary>
    public double LearnerFraction { get; init; } = 1;
}

/// <summary>
/// Transcribes recordings of any length with a Wav2Vec2 model by greedy CTC. One of a window or less is heard in one piece; a longer one in
/// pieces cut in its pauses, each normalised by itself, so that an utterance between pauses of a second gives the words it gives alone. Where
/// there is no pause, windows overlap and are joined where both hear nothing. Silence beyond an utterance's margins is passed over: no word, no
/// compute. Memory is bounded by the window. Not thread-safe; sessions may be shared.
/// </summary>
public sealed class SpeechTranscriber
{
    private readonly InferenceSession _session;
    private readonly Wav2Vec2Config _config;
    private readonly bool _normalize;
    private readonly IReadOnlyList<string> _vocabulary;
    private readonly int _stride, _leastSamples, _window, _overlap, _delimiter;
    private readonly InferenceResult _result;
    private readonly double[] _siteCosts;
    private readonly double _cost;

    /// <summary>A transcriber over one session.</summary>
    /// <param name="model">A Wav2Vec2 model with a vocabulary.</param>
    /// <param name="session">A session of it, made for at least <paramref name="windowSeconds"/> of samples (<see cref="SessionOptions.MaxLength"/>).</param>
    /// <param name="windowSeconds">Longest piece given to the model at once.</param>
    /// <param name="overlapSeconds">Shared by neighbouring windows where no pause parts them; less than half a window.</param>
    /// <exception cref="ModelFormatException">The model is no speech model or lacks its vocabulary.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The window is under a second, or the overlap not under half of it.</exception>
    public SpeechTranscriber(AcmModel model, InferenceSession session, double windowSeconds = 20, double overlapSeconds = 4)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(session);
        ArgumentOutOfRangeException.ThrowIfLessThan(windowSeconds, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(overlapSeconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(overlapSeconds, windowSeconds / 2);
        ModelConfig config = model.Config;
        _config = config.Wav2Vec2 ?? throw new ModelFormatException(
            config.File, "architecture", "wav2vec2, the speech model", config.Architecture.ToString().ToLowerInvariant());
        _vocabulary = config.Entries ?? throw new ModelFormatException(
            Path.Combine(model.Folder, "vocab.txt"), null, "a vocabulary, one character a line", "no file");
        _normalize = config.Audio?.Normalize ?? false;
        _session = session;
        _delimiter = _vocabulary.ToList().IndexOf("|");
        _stride = _config.ConvStride.Aggregate(1, static (product, stride) => product * stride);
        _leastSamples = _config.LeastSamples;
        _window = (int)(windowSeconds * SampleRate);
        _overlap = (int)(overlapSeconds * SampleRate);
        _result = session.CreateResult();
        _siteCosts = [.. model.Sites.Select(static site => (double)site.MacsPerLearner)];
        _cost = model.Sites.Sum(static site => (double)site.MacsPerLearner * site.Learners);
    }

    /// <summary>Samples a second that the model hears.</summary>
    public int SampleRate => _config.SamplingRate;

    /// <summary>Seconds from one frame to the next.</summary>
    public double FrameSeconds => (double)_stride / SampleRate;

    /// <summary>Transcribes a recording as it is read.</summary>
    /// <param name="recording">Of any rate: resampled where the model's differs.</param>
    /// <param name="run">Budget and cancellation.</param>
    /// <returns>One part per window, each with the words that ended in it; nothing for a recording without samples.</returns>
    public IEnumerable<TranscriptPart> Transcribe(WavReader recording, RunOptions? run = null)
    {
        ArgumentNullException.ThrowIfNull(recording);
        return Transcribe(Samples(recording), run);
    }

    private IEnumerable<TranscriptPart> Transcribe(IEnumerable<float[]> pieces, RunOptions? options)
    {
        RunOptions run = new()
        {
            Budget = options?.Budget, Lambda = options?.Lambda, FixedLearners = options?.FixedLearners, ForcedK = options?.ForcedK,
            Cancellation = options?.Cancellation ?? default, ClassesOnly = true,
        };
        List<TimedWord> words = [];
        CtcDecoder decoder = new(_vocabulary, _config.PadTokenId);
        decoder.WordHeard += (word, characters) => words.Add(Timed(word, characters));
        List<float> shares = [];
        int[] held = [];
        float[] heldShare = [];
        long done = 0, heard = 0;
        using SpeechWindows windows = new(pieces, SampleRate, _stride, _window, _overlap);
        while (windows.Next(out SpeechWindow window))
        {
            (int[] best, float[] share) = Hear(window.Samples, run);
            long first = done;
            PassOver(window.Start / _stride);
            // What the window before held back overlaps with this one's beginning.
            int cut = WindowStitch.Cut(held, best.AsSpan(0, Math.Min(held.Length, best.Length)), _config.PadTokenId, _delimiter);
            int keep = window.End == WindowEnd.Overlap ? Math.Min((int)((windows.Heard - window.Start) / _stride), best.Length) : best.Length;
            Emit(held, heldShare, 0, cut);
            Emit(best, share, cut, keep);
            (held, heldShare) = (best[keep..], share.Length == 0 ? [] : share[keep..]);
            if (window.End == WindowEnd.Pause)
                PassOver((window.Start + window.Samples.Length) / _stride);
            if (window.End != WindowEnd.Overlap)
                decoder.Finish();
            heard = windows.Heard;
            yield return new TranscriptPart(
                [.. words], first, [.. shares], (double)heard / SampleRate, _result.Macs, _result.DenseMacs, _result.Budget)
            {
                FramesRun = _result.Tokens,
                LearnerFraction = _result.LearnerFraction,
            };
            words.Clear();
            shares.Clear();
        }
        if (heard > 0 && windows.Heard > heard)
            yield return new TranscriptPart([], done, [], (double)windows.Heard / SampleRate, 0, 0, _result.Budget);

        // Frames that are in no window: nothing runs on them.
        void PassOver(long frame)
        {
            int silent = (int)Math.Max(0, frame - done);
            int[] blanks = new int[silent];
            Array.Fill(blanks, _config.PadTokenId);
            Emit(blanks, _siteCosts.Length == 0 ? [] : new float[silent], 0, silent);
        }

        void Emit(int[] ids, float[] share, int from, int to)
        {
            if (to <= from)
                return;
            decoder.Push(ids.AsSpan(from, to - from));
            if (share.Length > 0)
                shares.AddRange(share.AsSpan(from, to - from));
            done += to - from;
        }
    }

    private (int[] Best, float[] Share) Hear(float[] samples, RunOptions run)
    {
        if (_normalize)
            AudioNormalization.Apply(samples);
        // What is shorter than one frame is one frame of it and silence.
        if (samples.Length < _leastSamples)
            Array.Resize(ref samples, _leastSamples);
        _session.Run(ModelInput.Samples(samples, [samples.Length]), _result, run);
        int[] best = _result.Classes.ToArray();
        int frames = best.Length;
        float[] share = new float[_siteCosts.Length == 0 ? 0 : frames];
        for (int site = 0; site < _siteCosts.Length; site++)
        {
            ReadOnlySpan<int> k = _result.K(site);
            for (int frame = 0; frame < share.Length; frame++)
                share[frame] += (float)(k[frame] * _siteCosts[site] / _cost);
        }
        return (best, share);
    }

    private IEnumerable<float[]> Samples(WavReader recording)
    {
        float[] block = new float[1 << 15];
        Resampler? resampler = recording.SampleRate == SampleRate ? null : new Resampler(recording.SampleRate, SampleRate);
        List<float> resampled = [];
        for (int read; (read = recording.Read(block)) > 0;)
        {
            if (resampler is null)
            {
                yield return block[..read];
                continue;
            }
            resampler.Process(block.AsSpan(0, read), resampled);
            yield return [.. resampled];
            resampled.Clear();
        }
        resampler?.Finish(resampled);
        if (resampled.Count > 0)
            yield return [.. resampled];
    }

    private TimedWord Timed(HeardSpan word, IReadOnlyList<HeardSpan> characters) => new(
        word.Text, word.FirstFrame * FrameSeconds, word.EndFrame * FrameSeconds,
        [.. characters.Select(c => new TimedCharacter(c.Text, c.FirstFrame * FrameSeconds, c.EndFrame * FrameSeconds))]);
}
