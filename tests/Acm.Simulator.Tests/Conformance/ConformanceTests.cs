using NUnit.Framework;
using Acm.Simulator.Conformance;
using Acm.Testing;

namespace Acm.Simulator.Tests.Conformance;

/// <summary>Every case that lies in shared/conformance, shared/peers and tests/data/ptx, on the simulated device.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Children)]
public sealed class ConformanceTests
{
    private static IEnumerable<TestCaseData> Cases(string where)
    {
        string? folder = where == "data" ? SharedFolder.Data("ptx") : SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, where);
        if (folder is null || !Directory.Exists(folder))
        {
            yield return new TestCaseData(where, null).SetArgDisplayNames(where, "missing");
            yield break;
        }

        foreach (ConformanceCase test in ConformanceRunner.Find(folder))
            yield return new TestCaseData(where, test).SetArgDisplayNames(where, test.Name);
    }

    private static IEnumerable<TestCaseData> Conformance() => Cases("conformance");

    private static IEnumerable<TestCaseData> Peers() => Cases("peers");

    private static IEnumerable<TestCaseData> Kept() => Cases("data");

    [TestCaseSource(nameof(Kept))]
    public void Kept_copies_pass(string where, object? test) => Run(where, (ConformanceCase?)test, [0, 1, 2], [0, 1]);

    [TestCaseSource(nameof(Conformance))]
    public void Conformance_passes_under_every_seed(string where, object? test) => Run(where, (ConformanceCase?)test, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2]);

    [TestCaseSource(nameof(Peers))]
    public void Peers_pass(string where, object? test) => Run(where, (ConformanceCase?)test, [0, 1], [1]);

    private static void Run(string where, ConformanceCase? test, int[] fast, int[] strict)
    {
        if (test is null)
        {
            SharedFolder.Need(where);
            return;
        }

        foreach (int seed in fast)
            Check(test, new SimulatorOptions { Seed = seed });
        foreach (int seed in strict)
            Check(test, new SimulatorOptions { Seed = seed, Mode = ExecutionMode.Checked });
        Check(test, new SimulatorOptions { Arithmetic = MatrixArithmetic.Exact });
    }

    private static void Check(ConformanceCase test, SimulatorOptions options)
    {
        CaseResult result = ConformanceRunner.Run(test, options with { Profile = CaseProfiles.Of(test) });
        Assert.That(result.Status, Is.EqualTo(CaseStatus.Pass), $"{options.Mode}, seed {options.Seed}, {options.Arithmetic}: {result.Reason}");
    }
}
