using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;

namespace Acm.Bench.Counts;

/// <summary>Lower bounds of a forward's time in microseconds, one for each resource: what is counted over what the device can give at most.</summary>
/// <param name="Tensor">mma operations issued, over the tensor cores' peak.</param>
/// <param name="Dram">Weights that some token needs, pixels and logits, over memory bandwidth: what cannot come from a cache.</param>
/// <param name="Cache">Sectors asked for, over the L2 cache's bandwidth.</param>
/// <param name="Shared">Wavefronts, one a clock and multiprocessor.</param>
/// <param name="Issue">Warp instructions, four a clock and multiprocessor.</param>
/// <param name="Launches">Launches, at <see cref="LaunchMicroseconds"/> each.</param>
/// <param name="InTurn">The launches' own largest bounds, summed: they do not overlap.</param>
internal sealed record Roofline(double Tensor, double Dram, double Cache, double Shared, double Issue, double Launches, double InTurn)
{
    /// <summary>Assumed, not counted: from one kernel's end to the next one's start inside a graph.</summary>
    public const double LaunchMicroseconds = 1;

    /// <summary>The largest, and its name.</summary>
    public (string Name, double Microseconds) Binding => new[]
    {
        ("tensor math", Tensor), ("DRAM", Dram), ("L2", Cache), ("shared memory", Shared), ("issue", Issue), ("launches", Launches),
    }.MaxBy(static r => r.Item2);

    /// <summary>Bounds of a counted forward on the device it was counted for. No launch uses more multiprocessors than it has blocks.</summary>
    public static Roofline Of(ForwardCounts forward)
    {
        DeviceProfile profile = forward.Profile;
        double clock = profile.ClockKilohertz / 1e3, dram = profile.MemoryClockKilohertz * 2e3 * (profile.MemoryBusBits / 8) / 1e6;      // per microsecond
        DeviceFigures figures = DeviceFigures.Of(profile.Multiprocessors, profile.SharedPerMultiprocessor, profile.Capability);
        double tensor = 0, cache = 0, shared = 0, issue = 0, inTurn = 0;
        foreach (CountedLaunch launch in forward.Launches)
        {
            double processors = Math.Min(profile.Multiprocessors, launch.Did.Blocks) * clock;
            double[] own =
            [
                launch.Did.MatrixFlops / (2.0 * figures.MacsPerClock * processors), launch.Sectors * 32 / (figures.CacheBytesPerClock * clock),
                launch.Did.SharedWavefronts / processors, launch.Did.WarpInstructions / (4 * processors), launch.Needs.Weights / dram,
            ];
            (tensor, cache, shared, issue) = (tensor + own[0], cache + own[1], shared + own[2], issue + own[3]);
            inTurn += own.Max() + LaunchMicroseconds;
        }
        return new(tensor, forward.Launches.Sum(static l => l.Needs.Weights) / dram, cache, shared, issue, forward.Launches.Count * LaunchMicroseconds, inTurn);
    }
}
