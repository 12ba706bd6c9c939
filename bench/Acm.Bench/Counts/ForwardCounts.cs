using Acm.Runtime;
using Acm.Simulator;
using Acm.Simulator.Counters;
using Acm.Simulator.Driver;

namespace Acm.Bench.Counts;

/// <summary>A launch: what it did, and what it had to do.</summary>
internal readonly record struct CountedLaunch(KernelRun Run, LaunchNeeds Needs)
{
    public LaunchCounters Did => Run.Report.Counters;

    public long Sectors => Did.GlobalLoadSectors + Did.GlobalStoreSectors;

    public long Unique => Did.UniqueBytesRead + Did.UniqueBytesWritten;
}

/// <summary>One forward on a simulated device, launch by launch. Counts, never times.</summary>
/// <param name="Profile">The device that the tiles were chosen for.</param>
/// <param name="Batch">Images.</param>
/// <param name="Budget">Share of the learners, as shared/bench names it.</param>
/// <param name="Layers">Of the transformer.</param>
/// <param name="Launches">In order.</param>
/// <param name="Synchronisations">Times the host waited for the device, the one for the result included.</param>
internal sealed record ForwardCounts(DeviceProfile Profile, int Batch, string Budget, int Layers, IReadOnlyList<CountedLaunch> Launches, long Synchronisations)
{
    /// <summary>Operations of the model over operations that mma issued.</summary>
    public double Useful => Launches.Sum(static l => l.Needs.Useful) / Launches.Sum(static l => l.Did.MatrixFlops);

    /// <summary>Different bytes that the launches touched over those they had to touch.</summary>
    public double Unique => Launches.Sum(static l => l.Unique) / Launches.Sum(static l => l.Needs.Unique);

    /// <summary>Sectors asked for over those that the tiles need.</summary>
    public double Sectors => Launches.Sum(static l => l.Sectors) / Launches.Sum(static l => l.Needs.Sectors);

    public long ExcessWavefronts => Launches.Sum(static l => l.Did.SharedExcessWavefronts);

    /// <summary>Atomic operations beside norm_gate's one a block, which counts finished blocks.</summary>
    public long AtomicsOnData => Launches.Sum(static l => l.Did.Atomics - (l.Run.Kernel == "norm_gate" ? Math.Min(l.Did.Atomics, l.Did.Blocks) : 0));

    public double LaunchesPerLayer => Launches.Count(static l => l.Needs.Layer >= 0 || l.Run.Kernel == "attention") / (double)Layers;

    /// <summary>Runs once, with real routing.</summary>
    public static ForwardCounts Measure(VitShape shape, DeviceProfile profile, Precision precision, int batch, string budget)
    {
        using AcmModel model = AcmModel.Load(RandomVit.Package(shape, acm: true));
        using CountedModel counted = new(model, profile, precision, batch);
        Random random = new(3);
        float[] pixels = [.. Enumerable.Range(0, batch * shape.Pixels).Select(_ => (2 * random.NextSingle()) - 1)];
        Dictionary<string, ReadOnlyMemory<int>> forced = RealRouting.For(model, shape.Layers, budget, batch * shape.Tokens)
            ?? throw new FileNotFoundException("The counts need real routing: bench/k-vit-chars.safetensors in the shared folder (ACM_SHARED).");
        IReadOnlyList<KernelRun> runs = counted.Run(ModelInput.Pixels(pixels), counted.CreateResult(), new RunOptions { ForcedK = forced });
        IReadOnlyList<LaunchNeeds> needs = new NeedsOfRun(counted.Backend.Plan, counted.Backend.Element, batch, site => forced[site.Path]).Of(runs);
        return new(profile, batch, budget, shape.Layers, [.. runs.Zip(needs, static (run, need) => new CountedLaunch(run, need))], counted.Synchronisations);
    }
}
