using Acm.Bench.Onnx;
using Acm.Runtime;
using Acm.Runtime.Plan;

namespace Acm.Bench.Suites;

/// <summary>Whole models: ours dense against ONNX Runtime on the same weights, and ACMs at real routing against both.</summary>
internal static class ModelSuite
{
    public static void Run(double seconds, VitShape[] shapes, int[] batches, int[] threads)
    {
        var dense = new Report("dense", "Dense models",
            "Ours against ONNX Runtime with its fused ops on the same weights; ratio = its time over ours, median of interleaved rounds. First every row computed, by both. "
            + "`output only`: a result that holds neither routing nor hidden states (CreateResult(routing: false)), for which we compute the last layer of the class token alone but for keys and values, "
            + "the same bits; beside it ONNX Runtime on a graph cut by hand in the same way, `ORT cut`, and on the graph as a model is exported.",
            "model", "batch", "threads", "ours ms", "ORT ms", "ratio", "output only ms", "ORT cut ms", "ratio, both cut", "ratio to ORT as exported", "spread", "rounds");
        var acm = new Report("acm", "Adaptive models at real routing",
            "k as a trained model chose it (shared/bench), forced, so gates are not run; `free` runs them and routes by these random weights' own logits. "
            + "MACs and time are over our own dense model; overhead = time ratio over MAC ratio; `vs ORT dense` is ONNX Runtime's dense time over ours. "
            + "`output only`: as on the dense page; its overhead is over our dense model's output only, `vs ORT cut` over ONNX Runtime's dense graph cut in the same way. Medians of interleaved rounds; the plot joins forced budgets, free points stand alone.",
            "model", "batch", "threads", "budget", "MAC ratio", "time ratio", "overhead", "ms", "vs ORT dense", "output only ms", "its overhead", "vs ORT cut", "vs ORT as exported", "spread", "rounds");
        var bars = new List<(string, double)>();
        var series = new List<Report.Series>();
        foreach (VitShape shape in shapes)
        {
            byte[] graph, cut;
            using (var model = AcmModel.Load(RandomVit.Package(shape, acm: false)))
                (graph, cut) = (PlanGraph.Build(model.Plan, 1), PlanGraph.Build(OutputRows.Of(model.Plan)!, 1));
            foreach (int batch in batches)
                foreach (int count in threads)
                {
                    bars.Add(($"{shape.Name} x{batch}, {count}t", One(dense, acm, shape, graph, cut, batch, count, seconds, out Report.Series line)));
                    series.Add(line);
                }
        }
        dense.Save(Report.Bars("dense", "Dense models", "ONNX Runtime's time over ours", bars));
        acm.Save(Report.Lines("acm", "Adaptive models: time over multiply-adds", "MACs over dense", "time over dense", [.. series]));
    }

    private static double One(
        Report dense, Report acm, VitShape shape, byte[] graph, byte[] cut, int batch, int threads, double seconds, out Report.Series line)
    {
        var random = new Random(3);
        float[] pixels = [.. Enumerable.Range(0, batch * shape.Pixels).Select(_ => 2 * random.NextSingle() - 1)];
        using var peer = new OnnxPeer(graph, threads, pixels, [batch, 3, shape.Image, shape.Image], [batch, shape.Labels]);
        using var cutPeer = new OnnxPeer(cut, threads, pixels, [batch, 3, shape.Image, shape.Image], [batch, shape.Labels]);
        using var denseModel = AcmModel.Load(RandomVit.Package(shape, acm: false));
        using var acmModel = AcmModel.Load(RandomVit.Package(shape, acm: true));
        var options = new SessionOptions { Backend = BackendKind.Cpu, Threads = threads, MaxBatch = batch };
        using var denseSession = denseModel.CreateSession(options);
        using var acmSession = acmModel.CreateSession(options);
        InferenceResult denseResult = denseSession.CreateResult(), denseOutput = denseSession.CreateResult(routing: false);
        var contestants = new List<(string, Action)>
        {
            ("ours", () => denseSession.Run(ModelInput.Pixels(pixels), denseResult)),
            ("ort", peer.Run),
            ("ours, output only", () => denseSession.Run(ModelInput.Pixels(pixels), denseOutput)),
            ("ort, cut", cutPeer.Run),
        };
        var budgets = new List<(string Name, InferenceResult Result, InferenceResult Output)>();
        foreach (string budget in RealRouting.Budgets)
            if (RealRouting.For(acmModel, shape.Layers, budget, batch * shape.Tokens) is { } forced)
                AddBudget(budget, new RunOptions { ForcedK = forced });
        AddBudget("free", null);
        Times[] times = Interleaved.Run(seconds, 7, [.. contestants]);
        Agreement.Check($"{shape.Name} batch {batch}", denseResult.Output, peer.Output, 1e-3);
        Agreement.Check($"{shape.Name} batch {batch}, cut", denseOutput.Output, cutPeer.Output, 1e-3);
        double ratio = Interleaved.Ratio(times[1], times[0]);
        dense.Add(shape.Name, $"{batch}", $"{threads}", Report.Number(times[0].Median, "0.0"), Report.Number(times[1].Median, "0.0"), Report.Number(ratio),
            Report.Number(times[2].Median, "0.0"), Report.Number(times[3].Median, "0.0"), Report.Number(Interleaved.Ratio(times[3], times[2])), Report.Number(Interleaved.Ratio(times[1], times[2])),
            Report.Number(times[0].Spread, "0.0 %"), $"{times[0].Milliseconds.Length}");
        var macs = new List<double>();
        var shares = new List<double>();
        for (int i = 0; i < budgets.Count; i++)
        {
            Times whole = times[2 * i + 4], output = times[2 * i + 5];
            double mac = (double)budgets[i].Result.Macs / denseResult.Macs, time = Interleaved.Ratio(whole, times[0]);
            double outputMac = (double)budgets[i].Output.Macs / denseOutput.Macs, outputTime = Interleaved.Ratio(output, times[2]);
            macs.Add(mac);
            shares.Add(time);
            acm.Add(shape.Name, $"{batch}", $"{threads}", budgets[i].Name, Report.Number(mac, "0.000"), Report.Number(time, "0.000"), Report.Number(time / mac, "0.000"),
                Report.Number(whole.Median, "0.0"), Report.Number(Interleaved.Ratio(times[1], whole)),
                Report.Number(output.Median, "0.0"), Report.Number(outputTime / outputMac, "0.000"), Report.Number(Interleaved.Ratio(times[3], output)), Report.Number(Interleaved.Ratio(times[1], output)),
                Report.Number(whole.Spread, "0.0 %"), $"{whole.Milliseconds.Length}");
        }
        // The last one is free: a point beside the line of the forced ones.
        line = new($"{shape.Name} x{batch}, {threads}t", [.. macs.Zip(shares).SkipLast(1)], (macs[^1], shares[^1]));
        return ratio;

        void AddBudget(string name, RunOptions? run)
        {
            InferenceResult result = acmSession.CreateResult(), output = acmSession.CreateResult(routing: false);
            budgets.Add((name, result, output));
            contestants.Add((name, () => acmSession.Run(ModelInput.Pixels(pixels), result, run)));
            contestants.Add(($"{name}, output only", () => acmSession.Run(ModelInput.Pixels(pixels), output, run)));
        }
    }
}
