namespace Acm.Runtime.Backends.Cuda;

/// <summary>Tile shapes for a backend's precision and device.</summary>
internal static class Tiles
{
    // What a trained model spends about half of: the widths of the stairs before a run has shown them.
    private const double ExpectedShare = 0.5;

    public static TileShape Staircase(CudaBackend backend, int tokens, int learners, int learnerColumns, int depth, int sites)
    {
        if (backend.Element == ElementType.Float32)
            return TileShape.Plain;
        if (backend.Kernels.OnlyTile is { } only)
            return only;
        return TileChoice.Choose(backend.Figures, Stairs(tokens, learners, stackalloc int[learners]), learnerColumns, depth, backend.Element.Bytes(), sites);
    }

    /// <summary>The tile of acm_project, or null where acm_up and acm_down do better. (Plain fp32 is for parity; without a compiler there is one tile.)</summary>
    public static TileShape? Project(CudaBackend backend, int tokens, int learners, (int In, int Out, int LearnerColumns) acm, int sites) =>
        backend.Element == ElementType.Float32 || backend.Kernels.OnlyTile is not null ? null
            : ProjectChoice.Choose(backend.Figures, Stairs(tokens, learners, stackalloc int[learners]), tokens, acm, backend.Element.Bytes(), sites);

    public static TileShape Dense(CudaBackend backend, int rows, int columns, int depth, int sites = 1, int mostRows = int.MaxValue) =>
        backend.Element == ElementType.Float32 ? TileShape.Plain
            : backend.Kernels.OnlyTile ?? TileChoice.Choose(backend.Figures, [rows], columns, depth, backend.Element.Bytes(), sites, mostRows);

    /// <summary>The tile of the patch embedding.</summary>
    public static TileShape Patch(CudaBackend backend, int rows, int columns, int depth) => Dense(backend, rows, columns, depth, mostRows: MostPatchRows(backend.Element));

    /// <summary>Rows of a patch tile at most: the pixels' addresses take registers, which TF32 has none left of in tiles of 128 rows (sm_100 and sm_120 would spill).</summary>
    public static int MostPatchRows(ElementType element) => element == ElementType.TF32 ? 64 : int.MaxValue;

    private static Span<int> Stairs(int tokens, int learners, Span<int> rows)
    {
        for (int n = 0; n < learners; n++)
            rows[n] = (int)Math.Ceiling(tokens * Math.Min(1, 2 * ExpectedShare * (learners - n) / (learners + 1.0)));
        return rows;
    }
}
