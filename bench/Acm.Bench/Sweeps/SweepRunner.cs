using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;

namespace Acm.Bench.Sweeps;

/// <summary>The BenchmarkDotNet suites: <c>bdn --list flat</c>, <c>bdn --filter *Gemm*</c>, and whatever else BenchmarkDotNet's command line takes.</summary>
internal static class SweepRunner
{
    public static Type[] Sweeps { get; } =
        [typeof(GemmSweep), typeof(OpSweep), typeof(ElementwiseSweep), typeof(VitSweep), typeof(SampleSweep), typeof(AllocationSweep), typeof(KernelCountSweep)];

    /// <summary>Runs what the arguments ask for; 0 if all of it ran.</summary>
    public static int Run(string[] arguments)
    {
        IConfig config = ManualConfig.CreateEmpty()
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(ConsoleLogger.Default)
            .AddExporter(MarkdownExporter.GitHub)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .WithArtifactsPath(Path.Combine(Repo.Root, "artifacts", "benchmarks"));
        // In this process: nothing is generated and built, and counts of the simulated device can be read back.
        var summaries = BenchmarkSwitcher.FromTypes(Sweeps).Run([.. arguments, "--inProcess"], config).ToArray();
        return summaries.All(static summary => !summary.HasCriticalValidationErrors && summary.Reports.All(static report => report.Success)) ? 0 : 1;
    }

    /// <summary>Thread counts of every sweep.</summary>
    public static int[] ThreadCounts { get; } = Environment.ProcessorCount > 1 ? [1, 2] : [1];
}
