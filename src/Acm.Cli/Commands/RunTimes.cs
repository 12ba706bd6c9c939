namespace Acm.Cli.Commands;

/// <summary>Of so many runs, the milliseconds that half, nine tenths and all but one in a hundred stayed below.</summary>
internal readonly record struct RunTimes(int Runs, double P50, double P90, double P99)
{
    public static RunTimes Of(IEnumerable<TimeSpan> times)
    {
        TimeSpan[] sorted = [.. times.Order()];
        double At(int percent) => sorted[Math.Min(sorted.Length - 1, percent * sorted.Length / 100)].TotalMilliseconds;
        return new RunTimes(sorted.Length, At(50), At(90), At(99));
    }
}
