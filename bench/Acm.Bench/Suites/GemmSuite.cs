namespace Acm.Bench.Suites;

/// <summary>Matrix products at the shapes of the models, against ONNX Runtime's MatMul with a constant (so prepacked) weight.</summary>
internal static class GemmSuite
{
    /// <summary>Every product, or those whose name has <paramref name="only"/> in it, at every number of rows or at <paramref name="onlyRows"/>.</summary>
    public static void Run(double seconds, int[] threads, string only = "", int onlyRows = 0)
    {
        var report = new Report("gemm", "Matrix products", "Ours against ONNX Runtime's MatMul, same weights; ratio = its time over ours, median of interleaved rounds. "
            + "Peak share: of fused multiply-adds in registers, measured in the same process.",
            "product", "rows", "threads", "ours ms", "ORT ms", "ratio", "GFLOP/s", "of peak", "spread", "rounds");
        var bars = new List<(string, double)>();
        foreach (int count in threads)
        {
            double peak = FmaPeak.Measure() * count;
            foreach (var (name, depth, columns) in GemmProblem.Weights.Where(weight => weight.Name.Contains(only, StringComparison.Ordinal)))
                foreach (int rows in onlyRows == 0 ? GemmProblem.Rows : [onlyRows])
                {
                    double ratio = One(report, name, rows, depth, columns, count, peak, seconds);
                    if (count == threads[0])
                        bars.Add(($"{name} {rows}", ratio));
                }
        }
        // A part is a look, not a page.
        if (only.Length == 0 && onlyRows == 0)
            report.Save(Report.Bars("gemm", $"Matrix products, {threads[0]} thread(s)", "ONNX Runtime's time over ours", bars));
    }

    private static double One(Report report, string name, int rows, int depth, int columns, int threads, double peak, double seconds)
    {
        using var problem = new GemmProblem(rows, depth, columns, threads);
        Times[] times = Interleaved.Run(seconds, 9, ("ours", problem.Ours), ("ort", problem.Peer.Run));
        problem.Check($"{name} x {rows}");
        double ratio = Interleaved.Ratio(times[1], times[0]), speed = 2e-6 * rows * depth * columns / times[0].Median;
        report.Add(name, $"{rows}", $"{threads}", Report.Number(times[0].Median, "0.000"), Report.Number(times[1].Median, "0.000"), Report.Number(ratio),
            Report.Number(speed, "0"), Report.Number(speed / peak, "0 %"), Report.Number(times[0].Spread, "0.0 %"), $"{times[0].Milliseconds.Length}");
        return ratio;
    }
}
