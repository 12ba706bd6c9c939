using System.Diagnostics;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>The tool as a process of its own, for what only that can show: its memory.</summary>
internal static class ToolProcess
{
    /// <summary>Runs a command that must end well.</summary>
    /// <returns>Its output, and the most memory that was resident, in bytes.</returns>
    public static (string Output, long Peak) Measure(params IReadOnlyList<string> arguments) => Measure(null, arguments);

    /// <summary>Likewise, with lines on standard input.</summary>
    public static (string Output, long Peak) Measure(IEnumerable<string>? input, IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "acm.dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Task feed = Task.Run(() =>
        {
            foreach (string line in input ?? [])
                process.StandardInput.WriteLine(line);
            process.StandardInput.Close();
        });
        long peak = 0;
        for (bool ended = false; !ended;)
        {
            ended = process.WaitForExit(50);
            if (!ended)
            {
                process.Refresh();
                try
                {
                    peak = Math.Max(peak, process.WorkingSet64);
                }
                catch (InvalidOperationException)
                {
                }
            }
        }
        feed.Wait();
        Assert.That(process.ExitCode, Is.Zero, error.Result);
        TestContext.Out.WriteLine(error.Result.TrimEnd());
        return (output.Result, peak);
    }
}
