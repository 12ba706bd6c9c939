namespace Acm.Simulator;

/// <summary>The figures of a GPU that the simulated device presents itself as.</summary>
internal sealed record DeviceProfile(
    string Name, int Major, int Minor, int Multiprocessors, int ThreadsPerMultiprocessor, int BlocksPerMultiprocessor,
    int SharedPerMultiprocessor, int SharedPerBlockOptIn, long L2Bytes, ulong MemoryBytes, int ClockKilohertz, int MemoryClockKilohertz,
    int MemoryBusBits)
{
    public const int MaxThreadsPerBlock = 1024;

    public const int SharedPerBlock = 48 * 1024;

    /// <summary>major * 10 + minor.</summary>
    public int Capability => (Major * 10) + Minor;

    public static DeviceProfile T4 { get; } = new("Tesla T4", 7, 5, 40, 1024, 16, 65536, 65536, 4L << 20, 15UL << 30, 1590000, 5001000, 256);

    public static DeviceProfile A100 { get; } = new("NVIDIA A100-SXM4-80GB", 8, 0, 108, 2048, 32, 167936, 166912, 40L << 20, 80UL << 30, 1410000, 1593000, 5120);

    public static DeviceProfile Rtx4090 { get; } = new("NVIDIA GeForce RTX 4090", 8, 9, 128, 1536, 24, 102400, 101376, 72L << 20, 24UL << 30, 2520000, 10501000, 384);

    public static DeviceProfile H100 { get; } = new("NVIDIA H100 80GB HBM3", 9, 0, 132, 2048, 32, 233472, 232448, 50L << 20, 80UL << 30, 1980000, 2619000, 5120);

    public static IReadOnlyList<DeviceProfile> All { get; } = [T4, A100, Rtx4090, H100];
}
