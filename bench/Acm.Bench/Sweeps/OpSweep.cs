using Acm.Bench.Suites;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>The steps of a ViT-B layer one by one: what a step costs with its inputs in cache. Whole forwards step by step: <c>ops</c>.</summary>
public class OpSweep
{
    private const string OfAcms = " (ACMs)";
    private OneStep _step = null!;

    public static IEnumerable<string> Ops =>
    [
        "patches", "norm", "3 of linear 768 x 768", "linear 768 x 768", "attention", "linear 768 x 3072", "linear 3072 x 768",
        "norm + route" + OfAcms, "route" + OfAcms, "acm q_proj, k_proj, v_proj" + OfAcms, "acm o_proj" + OfAcms, "acm mlp" + OfAcms,
    ];

    public static IEnumerable<int> ThreadCounts => SweepRunner.ThreadCounts;

    [ParamsSource(nameof(Ops))]
    public string Op { get; set; } = "";

    [Params(1, 8)]
    public int Batch { get; set; }

    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Open() => _step = new OneStep(VitShape.Base, Op.Replace(OfAcms, "", StringComparison.Ordinal), Op.EndsWith(OfAcms, StringComparison.Ordinal), Batch, Threads);

    [Benchmark]
    public void Step() => _step.Run();

    [GlobalCleanup]
    public void Close() => _step.Dispose();
}
