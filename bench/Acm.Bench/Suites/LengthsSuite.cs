using Acm.Runtime;

namespace Acm.Bench.Suites;

/// <summary>
/// Whether a batch of mixed lengths costs what its tokens cost: the batch against its sequences sorted into batches of equal length, in one
/// process, in turn. Real words, real speech, free routing.
/// </summary>
internal static class LengthsSuite
{
    /// <param name="models">The folder with the sample models.</param>
    /// <param name="seconds">For each line of the table.</param>
    /// <param name="threads">Thread counts to run at.</param>
    public static void Run(string models, double seconds, int[] threads)
    {
        var report = new Report(
            "lengths", "Mixed lengths",
            "One batch of sequences of all lengths, shuffled, against the same sequences in batches of one length each (their times added up) and one by one. "
            + "Sample models, their own words and recordings, lambda 2; medians of interleaved rounds; ratio: median over the rounds.",
            "model", "threads", "sequences", "mixed ms", "by length ms", "mixed over by length", "mixed over one by one", "MACs, mixed over by length");
        foreach (int count in threads)
        {
            Compare(report, Path.Combine(models, "minilm-acm"), count, seconds, Text);
            Compare(report, Path.Combine(models, "wav2vec2-words"), count, seconds, Speech);
        }
        report.Save();
    }

    private sealed record Sequence(int[] Ids, float[] Samples)
    {
        public int Length => Ids.Length + Samples.Length;
    }

    private static void Compare(Report report, string package, int threads, double seconds, Func<string, AcmModel, List<Sequence>> read)
    {
        using var model = AcmModel.Load(package);
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads });
        List<Sequence> sequences = read(package, model);
        Sequence[] mixed = [.. sequences];
        new Random(7).Shuffle(mixed);
        Sequence[][] groups = [.. sequences.GroupBy(static one => one.Length).Select(static group => group.ToArray())];
        var run = new RunOptions { Lambda = 2 };
        var result = session.CreateResult();
        long Macs(Sequence[] batch)
        {
            Batch(batch, session, result, run)();
            return result.Macs;
        }
        double macs = (double)Macs(mixed) / groups.Sum(Macs);
        List<(string, Action)> contestants = [("mixed", Batch(mixed, session, result, run))];
        contestants.Add(("by length", All(groups, session, result, run)));
        contestants.Add(("one by one", All([.. sequences.Select(static one => new[] { one })], session, result, run)));
        Times[] times = Interleaved.Run(seconds, 5, [.. contestants]);
        string lengths = string.Join(", ", groups.Select(static group => $"{group.Length} x {group[0].Length}"));
        report.Add(
            Path.GetFileName(package), $"{threads}", lengths, Report.Number(times[0].Median, "0.0"), Report.Number(times[1].Median, "0.0"),
            Report.Number(Interleaved.Ratio(times[0], times[1]), "0.000"), Report.Number(Interleaved.Ratio(times[0], times[2]), "0.000"), Report.Number(macs, "0.0000"));
    }

    private static Action All(Sequence[][] batches, InferenceSession session, InferenceResult result, RunOptions run)
    {
        Action[] each = [.. batches.Select(batch => Batch(batch, session, result, run))];
        return () =>
        {
            foreach (Action one in each)
                one();
        };
    }

    private static Action Batch(Sequence[] batch, InferenceSession session, InferenceResult result, RunOptions run)
    {
        int[] ids = [.. batch.SelectMany(static one => one.Ids)], lengths = [.. batch.Select(static one => one.Length)];
        float[] samples = [.. batch.SelectMany(static one => one.Samples)];
        return () => session.Run(ids.Length > 0 ? ModelInput.Text(ids, lengths) : ModelInput.Samples(samples, lengths), result, run);
    }

    // 256 word pieces of each length.
    private static List<Sequence> Text(string package, AcmModel model)
    {
        WordPieceEncoder encoder = WordPieceEncoder.For(model);
        int[] words = [.. File.ReadLines(Path.Combine(package, "sentences.txt")).SelectMany(line => encoder.Encode(line, out _)[1..^1])];
        int[] ends = encoder.Encode("", out _);
        List<Sequence> all = [];
        int at = 0;
        foreach (int length in (int[])[8, 16, 32, 64, 128, 256])
            for (int i = 0; i < 256 / length; i++)
                all.Add(new Sequence([ends[0], .. Enumerable.Range(0, length - 2).Select(_ => words[at++ % words.Length]), ends[^1]], []));
        return all;
    }

    // Eight seconds of each length, of the samples joined end to end.
    private static List<Sequence> Speech(string package, AcmModel model)
    {
        List<float> joined = [];
        foreach (string file in Directory.GetFiles(package, "*.wav").Order(StringComparer.Ordinal))
        {
            using WavReader recording = WavReader.Open(file);
            float[] samples = new float[recording.Length];
            recording.Read(samples);
            joined.AddRange(samples);
        }
        List<Sequence> all = [];
        int rate = model.Config.Wav2Vec2!.SamplingRate, at = 0;
        foreach (int seconds in (int[])[1, 2, 4, 8])
            for (int i = 0; i < 8 / seconds; i++, at += seconds * rate)
            {
                float[] samples = [.. Enumerable.Range(at, seconds * rate).Select(n => joined[n % joined.Count])];
                AudioNormalization.Apply(samples);
                all.Add(new Sequence([], samples));
            }
        return all;
    }
}
