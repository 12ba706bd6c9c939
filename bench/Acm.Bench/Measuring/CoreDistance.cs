using System.Diagnostics;
using Acm.Native.Threading;

namespace Acm.Bench;

/// <summary>
/// How long a word takes from one core to another and back. On a virtual machine this changes while a benchmark runs: some 80 nanoseconds while
/// the host keeps both cores under one cache, 300 and more while it does not, and what threads pass to each other then takes as much longer.
/// </summary>
internal static class CoreDistance
{
    private const int Trips = 10_000;

    /// <summary>Nanoseconds there and back between the first two cores of this process, or null where there is one core or threads cannot be bound.</summary>
    public static double? Measure()
    {
        int[] cores = ThreadAffinity.IsSupported ? [.. Enumerable.Range(0, 1024).Where(ThreadAffinity.CanBind).Take(2)] : [];
        if (cores.Length < 2)
            return null;
        int word = 0;
        double nanoseconds = 0;
        var far = new Thread(() =>
        {
            ThreadAffinity.BindCurrentThread(cores[1]);
            for (int trip = 0; trip < Trips; trip++)
                Answer(ref word, 2 * trip + 1);
        });
        var near = new Thread(() =>
        {
            ThreadAffinity.BindCurrentThread(cores[0]);
            // The first trip waits for the other thread to start.
            Ask(ref word, 0);
            long start = Stopwatch.GetTimestamp();
            for (int trip = 1; trip < Trips; trip++)
                Ask(ref word, 2 * trip);
            nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / (Trips - 1);
        });
        far.Start();
        near.Start();
        near.Join();
        far.Join();
        return nanoseconds;
    }

    private static void Ask(ref int word, int value)
    {
        Volatile.Write(ref word, value + 1);
        while (Volatile.Read(ref word) != value + 2)
        {
        }
    }

    private static void Answer(ref int word, int value)
    {
        while (Volatile.Read(ref word) != value)
        {
        }
        Volatile.Write(ref word, value + 1);
    }
}
