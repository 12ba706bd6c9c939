namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// Whether an ACM's two products go in one launch (acm_project), and in which tile, by the counts that <see cref="TileChoice"/> goes by. A block then does all
/// columns of its rows, so there are few of them, and each reads all weights: that pays where learners are small, as in projections of small models,
/// where a launch weighs more than its products. No choice changes a bit of a result.
/// </summary>
internal static class ProjectChoice
{
    /// <summary>From one launch's end to the next one's start, assumed: about a microsecond.</summary>
    public const double LaunchClocks = 1400;

    /// <summary>The shapes worth compiling, largest first.</summary>
    public static IReadOnlyList<TileShape> Candidates { get; } =
        [new(128, 128, 64, 64, 64, 3), new(64, 128, 32, 64, 64, 3), new(32, 128, 32, 32, 64, 3), new(16, 128, 16, 32, 64, 3)];

    /// <summary>The tile of acm_project where it beats the best of acm_up and acm_down, launch saved included; else null.</summary>
    /// <param name="figures">The device.</param>
    /// <param name="rows">Rows of each learner.</param>
    /// <param name="tokens">Rows.</param>
    /// <param name="acm">Widths in and out, and the learners' columns.</param>
    /// <param name="elementBytes">Bytes of an operand.</param>
    /// <param name="sites">ACMs of one launch.</param>
    public static TileShape? Choose(DeviceFigures figures, ReadOnlySpan<int> rows, int tokens, (int In, int Out, int LearnerColumns) acm, int elementBytes, int sites)
    {
        double least = Apart(figures, rows, acm.LearnerColumns, acm.In, elementBytes, sites) + LaunchClocks
            + Apart(figures, [tokens], acm.Out, rows.Length * acm.LearnerColumns, elementBytes, sites);
        TileShape? best = null;
        foreach (TileShape shape in Candidates)
            if (SharedBytes(shape, acm.In, rows.Length * acm.LearnerColumns, elementBytes) + 1024 <= figures.SharedBytes
                && Clocks(figures, shape, rows, tokens, acm, elementBytes, sites) is double clocks && clocks < least)
                (best, least) = (shape, clocks);
        return best;
    }

    // A product in a launch of its own.
    private static double Apart(DeviceFigures figures, ReadOnlySpan<int> rows, int learnerColumns, int depth, int elementBytes, int sites) =>
        TileChoice.Clocks(figures, TileChoice.Choose(figures, rows, learnerColumns, depth, elementBytes, sites), rows, learnerColumns, depth, elementBytes, sites);

    /// <summary>Dynamic shared memory of a block: its rows of x and of the hidden layer, and the stages of weights.</summary>
    public static int SharedBytes(TileShape shape, int inputColumns, int hiddenColumns, int elementBytes) =>
        (shape.M * (WeightPacking.Pad64(inputColumns) + WeightPacking.Pad64(hiddenColumns)) * elementBytes) + (shape.Stages * shape.N * shape.StageBytes);

    /// <summary>The counted lower bound of one launch, in clocks: the fullest SM has blocks whose tokens take every learner.</summary>
    public static double Clocks(DeviceFigures figures, TileShape shape, ReadOnlySpan<int> rows, int tokens, (int In, int Out, int LearnerColumns) acm, int elementBytes, int sites)
    {
        double hidden = WeightPacking.Pad64(rows.Length * acm.LearnerColumns), into = WeightPacking.Pad64(acm.In), outOf = WeightPacking.Pad64(acm.Out), stepsPerColumn = elementBytes / 32.0;
        (double perProcessor, double resident, double busy) = TileChoice.Fill(
            figures, sites * (long)((tokens + shape.M - 1) / shape.M), SharedBytes(shape, acm.In, rows.Length * acm.LearnerColumns, elementBytes) + 1024, shape.Threads);
        // k-steps of one column, over all columns of both products.
        double steps = hidden * (into + outOf) * stepsPerColumn;
        double macs = perProcessor * shape.M * steps * TileChoice.MacsOfStep / figures.MacsPerClock / busy;
        double waves = perProcessor * (TileChoice.WavesOfStep(shape, shape.M / shape.WarpM * steps / shape.WarpN) + (steps / 4) + (shape.M * (into + hidden) * elementBytes / 128));
        double bytes = 0;
        for (int first = 0; first < tokens; first += shape.M)
        {
            int learners = 0;
            foreach (int taken in rows)
                learners += taken > first ? 1 : 0;
            bytes += (learners * acm.LearnerColumns * (into + outOf)) + (shape.M * into);
        }
        return Math.Max(Math.Max(macs, waves), sites * bytes * elementBytes / figures.CacheBytesPerClock) + (Math.Ceiling(perProcessor / resident) * TileChoice.FillClocks);
    }
}
