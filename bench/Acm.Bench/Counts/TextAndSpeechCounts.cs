using System.Text;
using Acm.Runtime;
using Acm.Simulator;
using Acm.Simulator.Counters;
using Acm.Simulator.Driver;

namespace Acm.Bench.Counts;

/// <summary>The part of docs/kernel-counts.md on text and speech: the sample models on their own inputs, batches of unequal lengths, free gates.</summary>
internal static class TextAndSpeechCounts
{
    private sealed record Input(float[] Samples, int[] Ids, int[] Lengths)
    {
        public ModelInput Of => Ids.Length > 0 ? ModelInput.Text(Ids, Lengths) : ModelInput.Samples(Samples, Lengths);

        public Input Only(int sequence)
        {
            int from = Lengths.Take(sequence).Sum(), length = Lengths[sequence];
            return new(Samples.Length > 0 ? Samples[from..(from + length)] : [], Ids.Length > 0 ? Ids[from..(from + length)] : [], [length]);
        }
    }

    /// <summary>Appends the part, for what of it lies in the shared folder.</summary>
    public static void Write(StringBuilder page)
    {
        page.AppendLine("## Text and speech").AppendLine();
        page.AppendLine("The sample models on the inputs of their packages (shared/models), bf16, as an A100, the gates free. A batch is packed: its rows are its tokens, attention runs");
        page.AppendLine("sequence by sequence. *useful / issued*: as above; *alone*: what `mma` issued for the batch, over what it issued for its sequences one by one.").AppendLine();
        page.AppendLine("| model | sequences | tokens, shortest to longest | launches | a layer | useful / issued | alone | excess wavefronts | atomics on data | host |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        StringBuilder kernels = new();
        foreach (string name in (string[])["minilm-acm", "wav2vec2-words"])
        {
            string folder = Path.Combine(Repo.Shared, "models", name);
            if (!Directory.Exists(folder))
                throw new DirectoryNotFoundException($"The counts of text and speech need {folder} (ACM_SHARED).");
            using AcmModel model = AcmModel.Load(folder);
            Measure(model, name, model.Architecture == Architecture.Bert ? Sentences(model) : Recordings(model, 1), page, kernels);
        }
        page.AppendLine().Append(kernels);
    }

    private static void Measure(AcmModel model, string name, Input input, StringBuilder page, StringBuilder kernels)
    {
        using CountedModel counted = new(model, DeviceProfile.A100, Precision.BFloat16, input.Lengths.Length);
        InferenceResult result = counted.CreateResult();
        IReadOnlyList<KernelRun> runs = counted.Run(input.Of, result, new RunOptions());
        long host = counted.Synchronisations - 1;
        int[] tokens = result.TokensOf.ToArray();
        Dictionary<string, double> useful = UsefulProducts.Of(model.Plan, input.Lengths, result);
        double issued = Flops(runs), alone = 0;
        for (int s = 0; s < input.Lengths.Length && input.Lengths.Length > 1; s++)
            alone += Flops(counted.Run(input.Only(s).Of, result, new RunOptions()));
        int layers = model.Plan.HiddenCount - 1, first = runs.ToList().FindIndex(static run => run.Kernel == "attention"), last = runs.ToList().FindLastIndex(static run => run.Kernel == "attention");
        string aLayer = CountsPage.N((last - first) / (double)Math.Max(1, layers - 1), 1);
        page.AppendLine($"| {name} | {tokens.Length} | {tokens.Sum()}, {tokens.Min()} to {tokens.Max()} | {runs.Count} | {aLayer} | {CountsPage.N(useful.Values.Sum() / issued, 3)} | {(alone > 0 ? CountsPage.N(issued / alone, 3) : "")} | "
            + $"{runs.Sum(static r => r.Report.Counters.SharedExcessWavefronts)} | {runs.Where(static r => r.Kernel != "norm_gate").Sum(static r => r.Report.Counters.Atomics)} | {host} |");

        kernels.AppendLine($"By kernel, {name}:").AppendLine();
        kernels.AppendLine("| launches | kernel | blocks | mma GFLOP | useful / issued | MB touched | sectors, M | warp instructions, M |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (IGrouping<string, LaunchCounters> group in runs.GroupBy(static r => r.Kernel, static r => r.Report.Counters))
        {
            double flops = group.Sum(static c => c.MatrixFlops);
            kernels.AppendLine($"| {group.Count()} | {group.Key} | {CountsPage.N(group.Average(static c => c.Blocks), 0)} | {CountsPage.N(flops / 1e9, 2)} | {(flops > 0 ? CountsPage.N(useful[group.Key] / flops, 3) : "")} | "
                + $"{CountsPage.N(group.Sum(static c => c.UniqueBytesRead + c.UniqueBytesWritten) / 1e6, 1)} | {CountsPage.N(group.Sum(static c => c.GlobalLoadSectors + c.GlobalStoreSectors) / 1e6, 2)} | "
                + $"{CountsPage.N(group.Sum(static c => c.WarpInstructions) / 1e6, 2)} |");
        }
        kernels.AppendLine();
    }

    private static double Flops(IReadOnlyList<KernelRun> runs) => runs.Sum(static r => (double)r.Report.Counters.MatrixFlops);

    private static Input Sentences(AcmModel model)
    {
        WordPieceEncoder encoder = WordPieceEncoder.For(model);
        int[][] texts = [.. File.ReadLines(Path.Combine(model.Folder, "sentences.txt")).Select(line => encoder.Encode(line, out _))];
        return new([], [.. texts.SelectMany(static ids => ids)], [.. texts.Select(static ids => ids.Length)]);
    }

    private static Input Recordings(AcmModel model, int most)
    {
        List<float> samples = [];
        List<int> lengths = [];
        foreach (string file in Directory.GetFiles(model.Folder, "*.wav").OrderBy(static file => (new FileInfo(file).Length, file)).Take(most))
        {
            using WavReader reader = WavReader.Open(file);
            float[] recording = new float[reader.Length];
            int read = reader.Read(recording);
            AudioNormalization.Apply(recording.AsSpan(0, read));
            samples.AddRange(recording[..read]);
            lengths.Add(read);
        }
        return new([.. samples], [], [.. lengths]);
    }
}
