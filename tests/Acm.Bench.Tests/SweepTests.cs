using System.Diagnostics;
using System.Text.RegularExpressions;
using Acm.Bench.Sweeps;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Bench.Tests;

/// <summary>The BenchmarkDotNet suites run: not what they measure.</summary>
public class SweepTests
{
    [Test]
    public void Every_sweep_is_listed()
    {
        string[] listed = [.. Run("--list", "flat").Split('\n').Select(static line => line.Trim()).Where(static line => line.Length > 0)];
        Assert.That(SweepRunner.Sweeps, Is.Not.Empty);
        Assert.That(SweepRunner.Sweeps.Where(sweep => !listed.Any(line => line.StartsWith(sweep.FullName + ".", StringComparison.Ordinal))), Is.Empty);
    }

    [Test]
    public void A_dry_run_ends_with_a_table()
    {
        string output = Run("--filter", "*ElementwiseSweep*", "--job", "dry");
        Assert.That(Regex.Matches(output, @"^\| (Copy|Exp|Gelu|GeluTanh|Relu) +\| +[\d.,]+ \w+ \|", RegexOptions.Multiline), Has.Count.EqualTo(5), output);
    }

    [Test]
    public void Counts_of_the_simulated_device_stand_where_times_would()
    {
        SharedFolder.Need("bench");
        string output = Run("--filter", "*KernelCountSweep*");
        string header = output.Split('\n').First(static line => line.StartsWith("| Method", StringComparison.Ordinal));
        Assert.That(header, Does.Contain("mma GFLOP issued").And.Contain("K sectors").And.Not.Contain("Mean"));
        string[] up = [.. output.Split('\n').Where(static line => line.Contains("| acm_up", StringComparison.Ordinal))];
        Assert.That(up, Has.Length.GreaterThan(1));
        Assert.That(up, Has.None.Contains("?").And.None.Contains("NA"));
    }

    private static string Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Acm.Bench.dll"), "bdn", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, output + error.Result);
        return output;
    }
}
