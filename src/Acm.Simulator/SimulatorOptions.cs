using Acm.Simulator.Arithmetic;

namespace Acm.Simulator;

/// <summary>How kernels are executed.</summary>
internal enum ExecutionMode
{
    /// <summary>As fast as can be; faults that would harm the host are still caught.</summary>
    Fast,

    /// <summary>With shadow state: every check there is.</summary>
    Checked,
}

/// <summary>Which arithmetic <c>mma</c> uses.</summary>
internal enum MatrixArithmetic
{
    /// <summary>What the tensor cores of the profile's architecture give, bit for bit.</summary>
    Hardware,

    /// <summary>Products summed in double, rounded once.</summary>
    Exact,
}

/// <summary>Settings of a <see cref="SimulatedDevice"/>.</summary>
internal sealed record SimulatorOptions
{
    public DeviceProfile Profile { get; init; } = DeviceProfile.A100;

    public ExecutionMode Mode { get; init; } = ExecutionMode.Fast;

    public MatrixArithmetic Arithmetic { get; init; } = MatrixArithmetic.Hardware;

    /// <summary>Permutes the order of blocks and warps and, in checked execution, the points where warps take turns; 0: natural order.</summary>
    public int Seed { get; init; }

    /// <summary>Host threads that run blocks; 0: one per core.</summary>
    public int Threads { get; init; }

    /// <summary>Warp instructions that one warp may issue in a launch before it is called a livelock.</summary>
    public long IssueBudget { get; init; } = 1L << 26;
}
