using System.CommandLine;
using System.Diagnostics;
using Acm.Cli.Output;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm bench</c>: a quick look at latency by budget and batch; figures to publish come from bench/.</summary>
internal static class BenchCommand
{
    private sealed record Row(string Budget, int Batch, double Fraction, double MacShare, RunTimes Times);

    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Option<double> seconds = new("--seconds") { Description = "seconds per row, over 0", DefaultValueFactory = _ => 1, CustomParser = Number.Of<double> };
        Option<int[]> batches = new("--batch") { Description = "sequences of one run; may be given several times", DefaultValueFactory = _ => [1, 8], CustomParser = Number.All<int> };
        Command command = new("bench", "A quick look at latency by budget and batch on this machine, for a service that wants outputs alone: rows that reach none are left out, and not counted.") { model, seconds, batches };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(seconds) is not (> 0 and <= 3600))
                throw new BadInputException($"--seconds {parsed.GetValue(seconds)}: over 0, at most 3600");
            if (parsed.GetValue(batches)!.FirstOrDefault(static batch => batch is < 1 or > 1024, 1) is not 1 and var wrong)
                throw new BadInputException($"--batch {wrong}: 1 to 1024");
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            SampleInput sample = SampleInput.For(loaded);
            SampleInput[] inputs = [.. parsed.GetValue(batches)!.Distinct().Select(sample.OfBatch)];
            using InferenceSession session = loaded.CreateSession(
                common.Session(parsed, inputs.Max(static input => input.Batch), inputs.Max(static input => input.TotalLength)));
            RunOptions asked = common.Run(parsed);
            bool chosen = asked.Budget is not null || asked.Lambda is not null || asked.FixedLearners is not null;
            (string, RunOptions)[] budgets = chosen || loaded.Budget is null ? [("as asked", asked)]
                : [.. new double[] { 1, 0.75, 0.5, 0.3 }.Select(budget => ($"{budget}", new RunOptions { Budget = budget }))];
            List<Row> rows = LongWork.All(
                error, "measuring", inputs.SelectMany(input => budgets.Select(pair => Measure(session, input, pair.Item1, pair.Item2, parsed.GetValue(seconds)))));
            if (common.Json(parsed))
                Report.Json(output, json =>
                {
                    json.WriteStartObject();
                    Report.Backend(json, session);
                    json.WriteString("input", sample.Description);
                    json.WriteBoolean("output_only", true);
                    json.WriteStartArray("rows");
                    foreach (Row row in rows)
                    {
                        json.WriteStartObject();
                        json.WriteString("budget", row.Budget);
                        json.WriteNumber("batch", row.Batch);
                        json.WriteNumber("learner_fraction", row.Fraction);
                        json.WriteNumber("macs_of_dense", row.MacShare);
                        json.WriteNumber("runs", row.Times.Runs);
                        json.WriteNumber("p50_ms", row.Times.P50);
                        json.WriteNumber("p90_ms", row.Times.P90);
                        json.WriteNumber("p99_ms", row.Times.P99);
                        json.WriteEndObject();
                    }
                    json.WriteEndArray();
                    json.WriteEndObject();
                });
            else
            {
                error.WriteLine(Report.Backend(session));
                output.WriteLine($"{sample.Description}, one run at a time, each of `batch` of them");
                output.WriteLine("batch  budget    learners  MACs of dense    runs    p50 ms    p90 ms    p99 ms");
                foreach (Row row in rows)
                    output.WriteLine($"{row.Batch,5}  {row.Budget,-8}  {row.Fraction,8:P1}  {row.MacShare,13:P1}  {row.Times.Runs,6}  {row.Times.P50,8:0.00}  {row.Times.P90,8:0.00}  {row.Times.P99,8:0.00}");
                output.WriteLine("Outputs alone, without the routing (CreateResult(routing: false)): rows that reach no output need not run, and learners and MACs are of those that did.");
                if (session.BackendName is "simulator")
                    output.WriteLine("The simulated device's times say nothing about a GPU.");
            }
            return AcmTool.Done;
        });
        return command;
    }

    private static Row Measure(InferenceSession session, SampleInput sample, string name, RunOptions run, double seconds)
    {
        InferenceResult result = session.CreateResult(routing: false);
        for (int i = 0; i < 3; i++)
            session.Run(sample.Input, result, run);
        List<TimeSpan> times = [];
        Stopwatch whole = Stopwatch.StartNew();
        while (whole.Elapsed.TotalSeconds < seconds || times.Count < 5)
        {
            long start = Stopwatch.GetTimestamp();
            session.Run(sample.Input, result, run);
            times.Add(Stopwatch.GetElapsedTime(start));
        }
        return new Row(name, sample.Batch, result.LearnerFraction, (double)result.Macs / result.DenseMacs, RunTimes.Of(times));
    }
}
