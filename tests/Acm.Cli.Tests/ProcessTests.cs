using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>The tool as a process of its own: what a shell sees.</summary>
public class ProcessTests
{
    private static (int Code, string Output, string Error) Start(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "acm.dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    [Test]
    public void JsonIsAloneOnStandardOutput()
    {
        var (code, output, error) = Start("classify", Tool.Model, Tool.Pictures[0], Tool.Pictures[1], "--json");
        Assert.That(code, Is.Zero, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.That(json.RootElement.GetProperty("images").GetArrayLength(), Is.EqualTo(2));
    }

    [Test]
    public void ABadCommandLineAndABadFileAreExitCode2()
    {
        Assert.That(Start("classify").Code, Is.EqualTo(2));
        var (code, output, error) = Start("classify", Tool.Model, Path.Combine(Tool.Model, "config.json"));
        Assert.That((code, output), Is.EqualTo((2, "")));
        Assert.That(error.Trim().Split('\n'), Has.Length.EqualTo(1));
    }
}
