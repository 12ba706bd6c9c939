using System.Collections.Concurrent;
using Acm.Bench.Counts;
using Acm.Runtime;
using Acm.Simulator;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Acm.Bench.Sweeps;

/// <summary>
/// What each CUDA kernel does in one layer of ViT-B/16 with ACMs, one image, bf16, as an A100, on the simulated device: counts, never times.
/// Whole models: <c>counts</c>.
/// </summary>
[Config(typeof(CountsOnly))]
public class KernelCountSweep
{
    private static readonly ConcurrentDictionary<string, ForwardCounts> s_forwards = new();

    public static IEnumerable<string> Budgets => RealRouting.Budgets;

    public static IEnumerable<string> Kernels => ["norm_gate", "attention", "acm_up", "acm_down", "dense", "patch"];

    [ParamsSource(nameof(Kernels))]
    public string Kernel { get; set; } = "";

    [ParamsSource(nameof(Budgets))]
    public string Budget { get; set; } = "";

    [Benchmark]
    public int Launches() => Of(Kernel, Budget).Length;

    private static CountedLaunch[] Of(string kernel, string budget)
    {
        VitShape layer = VitShape.Base with { Name = "ViT-B/16 1 layer", Layers = 1 };
        ForwardCounts forward = s_forwards.GetOrAdd(budget, _ => ForwardCounts.Measure(layer, DeviceProfile.A100, Precision.BFloat16, batch: 1, budget));
        CountedLaunch[] launches = [.. forward.Launches.Where(launch => launch.Run.Kernel == kernel)];
        return launches.Length > 0 ? launches : throw new InvalidOperationException($"no launch of {kernel}");
    }

    private sealed class CountsOnly : ManualConfig
    {
        public CountsOnly()
        {
            // Counts are exact: once is enough, and its time says nothing.
            AddJob(new Job().WithStrategy(RunStrategy.ColdStart).WithLaunchCount(1).WithWarmupCount(0).WithIterationCount(1).WithInvocationCount(1).WithUnrollFactor(1).AsMutator());
            HideColumns(Column.Mean, Column.Error, Column.StdDev, Column.Median, Column.Gen0, Column.Gen1, Column.Gen2, Column.Allocated);
            AddColumn(
                new Count("launches", static launches => launches.Length),
                new Count("mma GFLOP issued", static launches => launches.Sum(static l => l.Did.MatrixFlops) / 1e9),
                new Count("useful / issued", static launches => launches.Sum(static l => l.Needs.Useful) / launches.Sum(static l => l.Did.MatrixFlops)),
                new Count("K sectors", static launches => launches.Sum(static l => l.Sectors) / 1e3),
                new Count("sectors / needed", static launches => launches.Sum(static l => l.Sectors) / launches.Sum(static l => l.Needs.Sectors)),
                new Count("MB touched / needed", static launches => launches.Sum(static l => l.Unique) / launches.Sum(static l => l.Needs.Unique)),
                new Count("excess wavefronts", static launches => launches.Sum(static l => l.Did.SharedExcessWavefronts)),
                new Count("K warp instructions", static launches => launches.Sum(static l => l.Did.WarpInstructions) / 1e3));
        }
    }

    /// <summary>A column of counts.</summary>
    private sealed class Count(string name, Func<CountedLaunch[], double> count) : IColumn
    {
        public string Id => name;

        public string ColumnName => name;

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => "Count of the simulated device";

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
        {
            if (summary[benchmarkCase] is not { Success: true })
                return "?";
            double value = count(Of((string)benchmarkCase.Parameters["Kernel"], (string)benchmarkCase.Parameters["Budget"]));
            return double.IsFinite(value) ? Report.Number(value, value >= 100 || value == Math.Floor(value) ? "0" : "0.000") : "";
        }

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);
    }
}
