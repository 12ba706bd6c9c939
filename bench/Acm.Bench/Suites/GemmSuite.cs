using Acm.Bench.Onnx;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Suites;

/// <summary>Matrix products at the shapes of the models, against ONNX Runtime's MatMul with a constant (so prepacked) weight.</summary>
internal static unsafe class GemmSuite
{
    private static readonly int[] s_rows = [1, 16, 197, 1576];

    private static readonly (string Name, int Depth, int Columns)[] s_weights =
    [
        ("S q/k/v", 384, 1152), ("S mlp up", 384, 1536), ("S mlp down", 1536, 384),
        ("B q/k/v", 768, 2304), ("B o", 768, 768), ("B mlp up", 768, 3072), ("B mlp down", 3072, 768), ("B q up", 768, 384), ("B q down", 384, 768),
    ];

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
            foreach (var (name, depth, columns) in s_weights.Where(weight => weight.Name.Contains(only, StringComparison.Ordinal)))
                foreach (int rows in onlyRows == 0 ? s_rows : [onlyRows])
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
        var random = new Random(1);
        float[] a = Random(rows * depth), weight = Random(depth * columns);
        Memory<float> c = Aligned.Floats(rows * columns);
        var graph = new OnnxGraph();
        graph.Input("a", rows, depth);
        graph.Output(graph.Node("MatMul", ["a", graph.Weight(weight, depth, columns)]), rows, columns);
        using var peer = new OnnxPeer(graph.ToModel(), threads, a, [rows, depth], [rows, columns]);

        var nothing = new Buffer("none", RowSpace.Sequence, 1);
        using var backend = new CpuBackend(new ForwardPlan(InputKind.Samples, 1, [], nothing, "none", [], RowSpace.Sequence, 0, false), threads);
        using var forward = new CpuForward(backend);
        using var packed = PackedMatrix.FromInputMajor(weight, depth, columns);
        PackedMatrix[] weights = [packed];
        // Rows as the backend lays them out: never at a multiple of a page.
        int pitch = depth % 1024 == 0 ? depth + 16 : depth;
        Memory<float> spread = Aligned.Floats(rows * pitch);
        for (int row = 0; row < rows; row++)
            a.AsSpan(row * depth, depth).CopyTo(spread.Span[(row * pitch)..]);
        float* from = Aligned.Pointer(spread), to = Aligned.Pointer(c);

        void Ours()
        {
            forward.ClearBlocks();
            forward.AddRows(from, pitch, 0, rows, depth);
            forward.Multiply(new GemmCall { Weights = weights, Stride = pitch, Epilogue = new Epilogue { Out = to, OutStride = columns } });
        }
        Times[] times = Interleaved.Run(seconds, 9, ("ours", Ours), ("ort", peer.Run));
        Agreement.Check($"{name} x {rows}", c.Span, peer.Output, 1e-5 * depth);
        double ratio = Interleaved.Ratio(times[1], times[0]), speed = 2e-6 * rows * depth * columns / times[0].Median;
        report.Add(name, $"{rows}", $"{threads}", Report.Number(times[0].Median, "0.000"), Report.Number(times[1].Median, "0.000"), Report.Number(ratio),
            Report.Number(speed, "0"), Report.Number(speed / peak, "0 %"), Report.Number(times[0].Spread, "0.0 %"), $"{times[0].Milliseconds.Length}");
        return ratio;

        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
