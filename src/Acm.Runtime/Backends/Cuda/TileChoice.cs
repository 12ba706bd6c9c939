namespace Acm.Runtime.Backends.Cuda;

/// <summary>The figures of a device that the choice of a tile rests on.</summary>
/// <param name="Multiprocessors">SMs.</param>
/// <param name="SharedBytes">Shared memory of one SM.</param>
/// <param name="MacsPerClock">Tensor-core multiply-adds of one SM and clock, 16-bit operands.</param>
/// <param name="CacheBytesPerClock">Bytes the L2 cache gives all SMs together in a clock.</param>
internal sealed record DeviceFigures(int Multiprocessors, int SharedBytes, int MacsPerClock, double CacheBytesPerClock)
{
    /// <summary>From what a driver tells: compute capability stands for what it has no attribute for.</summary>
    public static DeviceFigures Of(int multiprocessors, int sharedBytes, int capability) => new(
        multiprocessors, sharedBytes,
        capability switch { >= 120 => 512, >= 90 => 2048, 80 => 1024, _ => 512 },
        multiprocessors * (capability switch { >= 120 => 32.0, >= 90 => 48.0, 80 => 47.0, _ => 32.0 }));
}

/// <summary>
/// Chooses a GEMM's tile by counting, not by trial: for each candidate the clocks of the fullest SM for its multiply-adds and for its shared memory, and
/// of the cache for the bytes its tiles ask for; the largest, plus what filling the pipeline costs. No choice changes a bit of a result.
/// </summary>
internal static class TileChoice
{
    /// <summary>Clocks from a block's first copy to its first product, about.</summary>
    public const double FillClocks = 600;

    /// <summary>The best candidate for a staircase product.</summary>
    /// <param name="figures">The device.</param>
    /// <param name="rows">Rows of each learner: a dense product has one learner.</param>
    /// <param name="learnerColumns">Columns of each learner.</param>
    /// <param name="depth">Terms of the sums.</param>
    /// <param name="elementBytes">Bytes of an operand.</param>
    /// <param name="sites">Products of one launch.</param>
    /// <param name="mostRows">Of a tile.</param>
    public static TileShape Choose(DeviceFigures figures, ReadOnlySpan<int> rows, int learnerColumns, int depth, int elementBytes, int sites = 1, int mostRows = int.MaxValue)
    {
        TileShape best = default;
        double least = double.PositiveInfinity;
        foreach (TileShape shape in TileShape.Candidates)
        {
            int columns = WeightPacking.Pad64(rows.Length * learnerColumns);
            if (columns % shape.N != 0 || shape.SharedBytes > figures.SharedBytes || shape.M > mostRows)
                continue;
            double clocks = Clocks(figures, shape, rows, learnerColumns, depth, elementBytes, sites);
            if (clocks < least)
                (best, least) = (shape, clocks);
        }
        return least < double.PositiveInfinity ? best : TileShape.Candidates[^1];
    }

    /// <summary>The counted lower bound of one launch, in clocks.</summary>
    public static double Clocks(DeviceFigures figures, TileShape shape, ReadOnlySpan<int> rows, int learnerColumns, int depth, int elementBytes, int sites)
    {
        long tiles = Tiles(shape, rows, learnerColumns, sites);
        if (tiles == 0)
            return 0;
        double steps = Steps(depth, elementBytes);
        (double perProcessor, double resident, double busy) = Fill(figures, tiles, shape.SharedBytes, shape.Threads);
        double macs = perProcessor * shape.M * shape.N * steps * MacsOfStep / figures.MacsPerClock / busy;
        double bytes = tiles * (double)(shape.M + shape.N) * 32 * steps / figures.CacheBytesPerClock;
        return Math.Max(Math.Max(macs, bytes), perProcessor * Wavefronts(shape, steps)) + (Math.Ceiling(perProcessor / resident) * FillClocks);
    }

    /// <summary>Wavefronts (128 bytes of shared memory, one a clock) in which a tile takes its stages and gives them to its warps.</summary>
    public static double Wavefronts(TileShape shape, double steps) => steps * (WavesOfStep(shape, shape.Threads / 32) + ((shape.M + shape.N) / 4.0));

    private static long Tiles(TileShape shape, ReadOnlySpan<int> rows, int learnerColumns, int sites)
    {
        long tiles = 0;
        int columns = WeightPacking.Pad64(rows.Length * learnerColumns);
        for (int column = 0; column < columns; column += shape.N)
            tiles += (rows[Math.Min(column / learnerColumns, rows.Length - 1)] + shape.M - 1) / shape.M;
        return tiles * sites;
    }

    /// <summary>k-steps: 32 bytes of a row each.</summary>
    public static double Steps(int depth, int elementBytes) => WeightPacking.Pad64(depth) * elementBytes / 32.0;

    // A k-step is 32 bytes of a row: 16 multiply-adds of 16-bit operands, or 8 of TF32 at half the rate.
    internal const double MacsOfStep = 16;

    /// <summary>Wavefronts in which so many warp tiles read their operands of one k-step.</summary>
    internal static double WavesOfStep(TileShape shape, double warpTiles) => warpTiles * (shape.WarpM + shape.WarpN) / 4;

    /// <summary>Blocks of the fullest SM, how many it holds at once, and how much of its tensor cores their warps keep busy.</summary>
    internal static (double PerProcessor, double Resident, double Busy) Fill(DeviceFigures figures, long blocks, int sharedBytes, int threads)
    {
        int resident = Math.Max(1, Math.Min(figures.SharedBytes / sharedBytes, 2048 / threads));
        long perProcessor = (blocks + figures.Multiprocessors - 1) / figures.Multiprocessors;
        // A 64 x 64 warp tile keeps the tensor cores busy from four warps on; fewer leave issue slots empty.
        return (perProcessor, resident, Math.Min(1, Math.Min(resident, perProcessor) * (threads / 32.0) / 4));
    }
}
