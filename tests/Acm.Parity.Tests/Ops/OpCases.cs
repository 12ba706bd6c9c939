using System.Text.Json;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Ops;

/// <summary>A case of golden/ops on a backend: its settings, its tensors, and the comparison at the backend's tolerance.</summary>
internal sealed record OpCase(string Name, JsonElement Settings, string BackendName, Func<ForwardPlan, IBackend> Backend)
{
    public bool IsReference => BackendName == "reference";

    public int Int(string key) => Settings.GetProperty(key).GetInt32();

    /// <summary>Compares element-wise, relative to max(scale, |want|).</summary>
    /// <param name="got">What the backend gave.</param>
    /// <param name="want">What is stored.</param>
    /// <param name="single">The allowance of a float32 backend: about twice what a straightforward implementation makes of the case.</param>
    /// <param name="reference">The allowance of Reference.</param>
    public void Check(ReadOnlySpan<double> got, ReadOnlySpan<double> want, double single, double reference = 1e-12)
    {
        Assert.That(got.Length, Is.EqualTo(want.Length), "length");
        double worst = 0;
        int at = 0;
        for (int i = 0; i < got.Length; i++)
        {
            double error = double.IsNaN(want[i]) && double.IsNaN(got[i]) ? 0 : Math.Abs(got[i] - want[i]) / Math.Max(1, Math.Abs(want[i]));
            if (!(error <= worst))
            {
                (worst, at) = (error, i);
            }
        }
        TestContext.Out.WriteLine($"worst error {worst:E2} at {at}");
        Assert.That(worst, Is.LessThanOrEqualTo(IsReference ? reference : single), $"at {at}: {got[at]:R}, wanted {want[at]:R}");
    }

    public override string ToString() => $"{Name} on {BackendName}";
}

/// <summary>The cases of golden/ops/cases.json, as that file lists them, times the backends.</summary>
internal static class OpCases
{
    /// <summary>The cases of one file; where the folder is missing, one case that says so when run.</summary>
    public static IEnumerable<OpCase> Of(string file)
    {
        string? path = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, "golden", "ops", "cases.json");
        if (!File.Exists(path))
        {
            return [new OpCase("missing", default, "none", OpBench.Backends[0].Make)];
        }
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        return
        [
            .. from element in json.RootElement.Clone().EnumerateArray()
               where element.GetProperty("file").GetString() == file
               from backend in OpBench.Backends
               select new OpCase(element.GetProperty("case").GetString()!, element, backend.Name, backend.Make),
        ];
    }

    /// <summary>The file's tensors; skips the test where it is missing.</summary>
    public static Golden Tensors(string file) => new("golden", "ops", $"{file}.safetensors");
}
