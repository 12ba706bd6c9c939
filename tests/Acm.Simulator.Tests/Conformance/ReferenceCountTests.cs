using NUnit.Framework;
using System.Text.Json;
using Acm.Simulator.Conformance;
using Acm.Simulator.Counters;
using Acm.Testing;

namespace Acm.Simulator.Tests.Conformance;

/// <summary>The counts of a reference interpreter that come with the cases: mma exactly, thread instructions where no loop spins.</summary>
[TestFixture]
[Parallelizable(ParallelScope.Children)]
public sealed class ReferenceCountTests
{
    private static IEnumerable<TestCaseData> Cases()
    {
        foreach (string where in (string[])["conformance", "peers"])
        {
            string? folder = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, where);
            if (folder is null || !Directory.Exists(folder))
                continue;
            foreach (ConformanceCase test in ConformanceRunner.Find(folder))
                yield return new TestCaseData(test).SetArgDisplayNames(test.Name);
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Counts_agree(object found)
    {
        ConformanceCase test = (ConformanceCase)found;
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(test.Folder, test.Name + ".json")));
        if (!json.RootElement.TryGetProperty("run", out JsonElement run))
            Assert.Ignore("the case has no counts");
        CaseResult result = ConformanceRunner.Run(test, new SimulatorOptions { Profile = CaseProfiles.Of(test) });
        if (result.Status == CaseStatus.Unsupported)
            Assert.Ignore(result.Reason);
        Assert.That(result.Counters[InstructionClass.MatrixMultiply], Is.EqualTo(run.GetProperty("mma_instructions").GetInt64()));
        double threads = run.GetProperty("thread_instructions").GetDouble();
        bool spins = File.ReadAllText(Path.Combine(test.Folder, test.Launches[0].Ptx)).Contains(".cas.", StringComparison.Ordinal);
        Assert.That((double)result.Counters.ActiveLanes, spins ? Is.GreaterThan(0) : Is.EqualTo(threads).Within(0.02).Percent);
    }
}
