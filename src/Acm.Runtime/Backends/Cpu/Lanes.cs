namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Ranges of rows, one after the other, that each belong to some of the threads from step to step: what a thread reads it mostly wrote itself, and finds in
/// its own caches. Between cores that share no cache a line takes hundreds of nanoseconds. A result's bits do not depend on lanes.
/// </summary>
internal static class Lanes
{
    /// <summary>Fewest rows of a lane. Each lane reads all weights: fewer rows would wait for them, and leave an ACM's last learners next to none.</summary>
    public const int FewestRows = 96;

    /// <summary>Into how many lanes rows are cut: as many threads belong to each.</summary>
    public static int Count(int rows, int threads)
    {
        int lanes = Math.Clamp(rows / FewestRows, 1, threads);
        while (threads % lanes != 0)
            lanes--;
        return lanes;
    }

    /// <summary>First row of a lane; of the one past the last, the end of the rows.</summary>
    public static int Start(int lane, int lanes, int rows) => (int)((long)rows * lane / lanes);
}
