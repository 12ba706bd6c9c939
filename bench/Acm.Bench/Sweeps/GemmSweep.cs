using Acm.Bench.Suites;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>Matrix products at the models' shapes, beside ONNX Runtime's MatMul.</summary>
public class GemmSweep
{
    private GemmProblem _problem = null!;

    public static IEnumerable<string> Products => GemmProblem.Weights.Select(static weight => $"{weight.Name} {weight.Depth}x{weight.Columns}");

    public static IEnumerable<int> RowCounts => GemmProblem.Rows;

    public static IEnumerable<int> ThreadCounts => SweepRunner.ThreadCounts;

    [ParamsSource(nameof(Products))]
    public string Product { get; set; } = "";

    [ParamsSource(nameof(RowCounts))]
    public int Rows { get; set; }

    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Open()
    {
        var (_, depth, columns) = GemmProblem.Weights[Products.ToList().IndexOf(Product)];
        _problem = new GemmProblem(Rows, depth, columns, Threads);
        _problem.Ours();
        _problem.Peer.Run();
        _problem.Check(Product);
    }

    [Benchmark]
    public void Ours() => _problem.Ours();

    [Benchmark(Baseline = true)]
    public void OnnxRuntime() => _problem.Peer.Run();

    [GlobalCleanup]
    public void Close() => _problem.Dispose();
}
