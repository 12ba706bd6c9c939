using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>The tool as a process of its own: what a shell sees.</summary>
public class ProcessTests
{
    private static (int Code, string Output, string Error) Start(params string[] arguments) => Start([], arguments);

    private static (int Code, string Output, string Error) Start(Dictionary<string, string> environment, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "acm.dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
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

    [Test]
    public void A_driver_that_is_named_is_the_only_one_tried_and_what_is_wrong_with_it_is_said()
    {
        string wrong = Path.Combine(Tool.Model, "config.json"), absent = Path.Combine(Tool.Model, "libcuda.so.1");
        foreach (string path in (string[])[wrong, absent])
        {
            Dictionary<string, string> environment = new() { ["ACM_CUDA_DRIVER"] = path };
            var (code, output, error) = Start(environment, "doctor", "--json");
            Assert.That(code, Is.Zero, error);
            using JsonDocument json = JsonDocument.Parse(output);
            JsonElement driver = json.RootElement.GetProperty("findings").EnumerateArray().First(static finding => finding.GetProperty("area").GetString() == "driver");
            Assert.That(driver.GetProperty("state").GetString(), Is.EqualTo("missing"));
            string[] tried = [.. driver.GetProperty("details").EnumerateArray().Select(static detail => detail.GetString()!)];
            Assert.That(tried, Has.Length.EqualTo(1));
            Assert.That(tried[0], Does.StartWith($"{path}: {(path == wrong ? "there, but does not load" : "not found")}"));

            (code, output, error) = Start(environment, "classify", Tool.Model, Tool.Pictures[0], "--backend", "cuda");
            Assert.That((code, output), Is.EqualTo((3, "")));
            Assert.That(error, Does.StartWith("acm: no CUDA driver library was found").And.Contain(path).And.Contain("ACM_CUDA_DRIVER"));
        }
    }
}
