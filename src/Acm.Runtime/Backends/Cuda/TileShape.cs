namespace Acm.Runtime.Backends.Cuda;

/// <summary>A GEMM kernel's tile, as its macros name it.</summary>
internal readonly record struct TileShape(int M, int N, int WarpM, int WarpN, int StageBytes, int Stages)
{
    /// <summary>Threads of a block.</summary>
    public int Threads => M / WarpM * (N / WarpN) * 32;

    /// <summary>Dynamic shared memory of a block.</summary>
    public int SharedBytes => Stages * (M + N) * StageBytes;

    /// <summary>The macros.</summary>
    public string[] Defines =>
        [$"TILE_M={M}", $"TILE_N={N}", $"WARP_M={WarpM}", $"WARP_N={WarpN}", $"STAGE_BYTES={StageBytes}", $"STAGES={Stages}"];

    /// <summary>
    /// The shapes worth compiling on tensor cores, largest first (docs/kernels.md has their instruction counts). The last one has half the stages of the one
    /// before: where shared memory is scarce, two of its blocks have room.
    /// </summary>
    public static IReadOnlyList<TileShape> Candidates { get; } =
    [
        new(128, 256, 64, 64, 64, 4), new(128, 128, 64, 64, 64, 4), new(64, 128, 64, 64, 64, 4),
        new(64, 64, 64, 32, 128, 2), new(32, 128, 32, 32, 128, 4), new(32, 64, 32, 32, 128, 4), new(32, 64, 32, 32, 128, 2),
    ];

    /// <summary>The one shape of the plain fp32 path.</summary>
    public static TileShape Plain { get; } = new(64, 64, 32, 32, 64, 2);
}
