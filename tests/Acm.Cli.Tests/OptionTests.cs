using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>What the options of all commands stand for.</summary>
public class OptionTests
{
    [TestCase("auto", Precision.Auto)]
    [TestCase("fp32", Precision.Float32)]
    [TestCase("tf32", Precision.TF32)]
    [TestCase("fp16", Precision.Float16)]
    [TestCase("bf16", Precision.BFloat16)]
    [TestCase("BF16", Precision.BFloat16)]
    public void A_precision_has_a_name(string name, Precision precision) => Assert.That(CommonOptions.PrecisionOf(name), Is.EqualTo(precision));

    [TestCase("75", 75)]
    [TestCase("90a", 90)]
    [TestCase("100", 100)]
    [TestCase("120f", 120)]
    public void An_architecture_is_its_capability(string architecture, int capability) => Assert.That(CommonOptions.CapabilityOf(architecture), Is.EqualTo(capability));

    [TestCase("cpu", "cpu")]
    [TestCase("CPU", "cpu")]
    [TestCase("reference", "reference")]
    [TestCase("simulator", "simulator")]
    public void The_backend_named_is_the_one_that_runs_and_says_why(string asked, string name)
    {
        using TemporaryFolder folder = new();
        JsonElement backend = Tool.Json("embed", Tool.TextModel(folder), "one", "--backend", asked).GetProperty("backend");
        Assert.That((backend.GetProperty("name").GetString(), backend.GetProperty("reason").GetString()), Is.EqualTo((name, "asked for")));
    }

    [TestCase("1", "1 thread")]
    [TestCase("3", "3 threads")]
    public void As_many_threads_work_as_are_asked_for(string threads, string said)
    {
        using TemporaryFolder folder = new();
        var (code, _, error) = Tool.Run("embed", Tool.TextModel(folder), "one", "--backend", "cpu", "--threads", threads);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Match($@"^cpu \([^)]*\b{said}\b[^)]*\): asked for\r?\n"));
    }
}
