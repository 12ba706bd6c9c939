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
        Span<int> rows = stackalloc int[learners];
        for (int n = 0; n < learners; n++)
            rows[n] = (int)Math.Ceiling(tokens * Math.Min(1, 2 * ExpectedShare * (learners - n) / (learners + 1.0)));
        return TileChoice.Choose(backend.Figures, rows, learnerColumns, depth, backend.Element.Bytes(), sites);
    }

    public static TileShape Dense(CudaBackend backend, int rows, int columns, int depth, int sites = 1) =>
        backend.Element == ElementType.Float32 ? TileShape.Plain
            : backend.Kernels.OnlyTile ?? TileChoice.Choose(backend.Figures, [rows], columns, depth, backend.Element.Bytes(), sites);
}
