namespace Acm.Testing;

/// <summary>What code allocates.</summary>
internal static class Allocation
{
    /// <summary>
    /// Bytes that the calling thread allocates in <paramref name="action"/>. No collection may come between: .NET then counts what is left of the few
    /// kilobytes that the thread holds in reserve, up to 8 KB that nobody allocated (a background collection, .NET 10.0.12).
    /// </summary>
    public static long OfThisThread(Action action)
    {
        GC.TryStartNoGCRegion(16 << 20);
        try
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        finally
        {
            // Throws where a collection came all the same.
            GC.EndNoGCRegion();
        }
    }

    /// <summary>
    /// Bytes that all threads of the process allocate in <paramref name="runs"/> awaited runs: of forty tries the least, for the test host's threads
    /// allocate too, 168 bytes every tenth of a second and sometimes kilobytes.
    /// </summary>
    public static async Task<long> OfAllThreads(Func<ValueTask> run, int runs)
    {
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 40 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < runs; i++)
                await run().ConfigureAwait(false);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }
}
