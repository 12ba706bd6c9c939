using System.Diagnostics;

namespace Acm.Bench;

/// <summary>Times of one contestant, milliseconds.</summary>
internal sealed record Times(string Name, double[] Milliseconds)
{
    public double Median => Quantile(0.5);

    /// <summary>Half the distance between the quartiles, over the median.</summary>
    public double Spread => (Quantile(0.75) - Quantile(0.25)) / 2 / Median;

    public double Quantile(double q)
    {
        double[] sorted = [.. Milliseconds.Order()];
        double at = q * (sorted.Length - 1);
        int low = (int)at, high = Math.Min(low + 1, sorted.Length - 1);
        return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
    }
}

/// <summary>
/// Contestants in one process, in turn (A B C A B C ...), so that whatever disturbs the machine disturbs them alike; compared by the median
/// of the ratios within a round.
/// </summary>
internal static class Interleaved
{
    // Rounds of more milliseconds than this need no untimed runs: what those settle is lost in them.
    private const double LongRound = 4000;

    public static Times[] Run(double seconds, int least, params (string Name, Action Run)[] contestants)
    {
        int[] repeats = new int[contestants.Length];
        double round = 0;
        for (int i = 0; i < contestants.Length; i++)
        {
            // Long runs settle in one.
            double once = Time(contestants[i].Run, 1);
            for (int warm = once < 500 ? 3 : 0; warm > 0; warm--)
                once = Time(contestants[i].Run, 1);
            // Rounds of at least a millisecond, or the clock and the wake-up of threads would be what is timed.
            repeats[i] = Math.Clamp((int)(2 / once), 1, 200);
            round += Math.Max(once * repeats[i], 2) + Math.Max(once, 15) + 20;
        }
        int rounds = Math.Clamp((int)(1000 * seconds / round), least, 400);
        double[][] times = [.. contestants.Select(_ => new double[rounds])];
        for (int r = 0; r < rounds; r++)
            for (int i = 0; i < contestants.Length; i++)
            {
                Settle();
                if (round < LongRound)
                    Warm(contestants[i].Run);
                times[i][r] = Time(contestants[i].Run, repeats[i]);
            }
        return [.. contestants.Select((contestant, i) => new Times(contestant.Name, times[i]))];
    }

    /// <summary>Median over the rounds of <paramref name="a"/>'s time over <paramref name="b"/>'s.</summary>
    public static double Ratio(Times a, Times b) =>
        new Times("", [.. a.Milliseconds.Zip(b.Milliseconds, static (x, y) => x / y)]).Median;

    // Caches, threads, the clock rate and the place a virtual core has on its host fall back in the gap: as a steady service has them.
    private static void Warm(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        do
            run();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(15));
    }

    // Thread pools, ours and others', spin for a while after their work (ONNX Runtime's for tens of milliseconds): on a machine of few
    // cores they would stand in the next one's way.
    private static void Settle()
    {
        for (int i = 0; i < 50; i++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            // Linux may count in steps of 4 milliseconds.
            Thread.Sleep(10);
            if (Environment.CpuUsage.TotalTime - before < TimeSpan.FromMilliseconds(2))
                return;
        }
    }

    private static double Time(Action run, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }
}
