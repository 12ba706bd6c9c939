using System.CommandLine;
using Acm.Cli.Output;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm run</c>: tensors in, tensors out, for any architecture.</summary>
internal static class RunCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Option<string> input = new("--input") { Description = "safetensors: pixels | input_ids + lengths | samples + lengths; k.<path> forces the routing", Required = true };
        Option<string> to = new("--output") { Description = "safetensors to write: logits or embeddings, k.<path>, hidden.<i>", Required = true };
        Option<bool> hidden = new("--hidden") { Description = "write the hidden states too: hidden.0 the embeddings, hidden.i what layer i puts out" };
        Option<bool> unfolded = new("--unfolded-gates") { Description = "run the gates' layers one after the other, for parity checks" };
        Command command = new("run", "Runs tensors from a file through the model.") { model, input, to, hidden, unfolded };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            TensorBatch batch = TensorBatch.Read(loaded, parsed.GetValue(input)!);
            string path = OutputFile.Ready("--output", parsed.GetValue(to))!;
            SessionOptions session = common.Session(parsed, Math.Max(1, batch.Sequences), Math.Max(1, batch.TotalLength));
            using InferenceSession inference = loaded.CreateSession(parsed.GetValue(unfolded)
                ? new SessionOptions
                {
                    Backend = session.Backend, MaxBatch = session.MaxBatch, MaxLength = session.MaxLength,
                    Threads = session.Threads, Precision = session.Precision, UnfoldedGates = true,
                }
                : session);
            InferenceResult result = inference.CreateResult(parsed.GetValue(hidden));
            inference.Run(batch.Input, result, common.Run(parsed, batch.Forced));
            SafeTensorsWriter writer = new();
            Padded(writer, result.OutputName, result.Output, result.OutputRows, result.OutputWidth, batch.Rank3(loaded));
            foreach (SiteInfo site in loaded.Sites)
                writer.Add($"k.{site.Path}", [result.Batch, Longest(result.TokensOf)], PadInts(result.K(site.Path), result.TokensOf));
            for (int i = 0; i < result.HiddenCount; i++)
                Padded(writer, $"hidden.{i}", result.Hidden(i), result.TokensOf, result.Hidden(i).Length / result.Tokens, true);
            writer.Save(path);
            if (common.Json(parsed))
                Report.Json(output, json =>
                {
                    json.WriteStartObject();
                    json.WriteString("output", path);
                    json.WriteNumber("batch", result.Batch);
                    json.WriteNumber("tokens", result.Tokens);
                    json.WriteNumber("learner_fraction", result.LearnerFraction);
                    json.WriteNumber("macs", result.Macs);
                    json.WriteNumber("dense_macs", result.DenseMacs);
                    Report.Budget(json, result.Budget);
                    Report.Backend(json, inference);
                    json.WriteEndObject();
                });
            else
            {
                error.WriteLine(Report.Backend(inference));
                output.WriteLine($"{result.Batch} sequences, {result.Tokens} tokens, {result.LearnerFraction:P1} of the learners, {Report.Macs(result.Macs)} MACs of {Report.Macs(result.DenseMacs)} dense; {Report.Budget(result.Budget)}");
            }
            return AcmTool.Done;
        });
        return command;
    }

    // Rows of unequal sequences, padded with zeros: [B, longest, width], or [B, width] where a sequence has one row.
    private static void Padded(SafeTensorsWriter writer, string name, ReadOnlySpan<float> rows, ReadOnlySpan<int> counts, int width, bool rank3)
    {
        int longest = Longest(counts);
        float[] padded = new float[counts.Length * longest * width];
        int from = 0;
        for (int s = 0; s < counts.Length; s++)
        {
            rows.Slice(from, counts[s] * width).CopyTo(padded.AsSpan(s * longest * width));
            from += counts[s] * width;
        }
        long[] shape = rank3 ? [counts.Length, longest, width] : [counts.Length, width];
        writer.Add(name, shape, padded);
    }

    private static int[] PadInts(ReadOnlySpan<int> values, ReadOnlySpan<int> counts)
    {
        int longest = Longest(counts), from = 0;
        int[] padded = new int[counts.Length * longest];
        for (int s = 0; s < counts.Length; s++)
        {
            values.Slice(from, counts[s]).CopyTo(padded.AsSpan(s * longest));
            from += counts[s];
        }
        return padded;
    }

    private static int Longest(ReadOnlySpan<int> counts)
    {
        int longest = 0;
        foreach (int count in counts)
            longest = Math.Max(longest, count);
        return longest;
    }
}
