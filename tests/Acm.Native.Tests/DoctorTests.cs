using System.Text.Json;
using Acm.Native.Compile;
using Acm.Native.Doctor;
using Acm.Native.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests;

[TestFixture]
internal sealed class DoctorTests
{
    [Test]
    public void Every_area_is_reported_in_text_and_json_with_a_next_step_where_something_is_amiss()
    {
        DoctorReport report = DoctorReport.Examine();
        Assert.That(report.Findings.Select(f => f.Area), Is.SupersetOf(new[] { "driver", "compiler", "cache", "processor" }));
        foreach (DoctorFinding finding in report.Findings)
            Assert.That(finding.NextStep.Length > 0, Is.EqualTo(finding.State != DoctorState.Good), finding.Found);
        using StringWriter text = new();
        report.WriteText(text);
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json))
            report.WriteJson(writer);
        JsonElement findings = JsonDocument.Parse(json.ToArray()).RootElement.GetProperty("findings");
        Assert.That(findings.GetArrayLength(), Is.EqualTo(report.Findings.Count));
        foreach (JsonElement finding in findings.EnumerateArray())
            Assert.That(text.ToString(), Does.Contain(finding.GetProperty("found").GetString()!));
    }

    [Test]
    public void The_stub_driver_is_named_with_what_to_do()
    {
        _ = DriverLoader.Load([SharedFolder.Need("cuda", "stub", "libcuda.so.1")], out CudaUnavailable? why);
        DoctorFinding finding = CudaFindings.Unavailable(why!);
        Assert.That(finding.State, Is.EqualTo(DoctorState.Missing));
        Assert.That(finding.NextStep, Does.Contain("stubs"));
        Assert.That(finding.Details.Single(), Does.Contain("libcuda.so.1"));
    }

    [Test]
    public void Narrow_vectors_on_a_wide_machine_are_the_trap_of_ahead_of_time_compilation()
    {
        DoctorFinding ahead = ProcessorFindings.Judge(has: 512, uses: 128, compiledAhead: true);
        Assert.That((ahead.State, ahead.NextStep.Contains("IlcInstructionSet")), Is.EqualTo((DoctorState.Limited, true)));
        Assert.That(ProcessorFindings.Judge(512, 256, compiledAhead: false).NextStep, Does.Contain("DOTNET_EnableAVX512"));
        Assert.That(ProcessorFindings.Judge(256, 256, compiledAhead: true).State, Is.EqualTo(DoctorState.Good));
        Assert.That(ProcessorFindings.Judge(0, 0, compiledAhead: false).State, Is.EqualTo(DoctorState.Limited));
    }

    [TestCase(DoctorState.Good, true, "ok", "good"), TestCase(DoctorState.Limited, true, "limited", "limited"), TestCase(DoctorState.Missing, false, "missing", "missing")]
    public void A_state_is_told_to_people_and_to_programs(DoctorState state, bool has, string mark, string word)
    {
        DoctorReport report = new([new("driver", DoctorState.Good, "a driver", "", []), new("device", state, "a device", "", [])]);
        Assert.That(report.HasDevice, Is.EqualTo(has));
        using StringWriter text = new();
        report.WriteText(text);
        Assert.That(text.ToString(), Does.Contain($"device     {mark,-8} a device"));
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json))
            report.WriteJson(writer);
        Assert.That(JsonDocument.Parse(json.ToArray()).RootElement.GetProperty("findings")[1].GetProperty("state").GetString(), Is.EqualTo(word));
        Assert.That(new DoctorReport([report.Findings[0]]).HasDevice, Is.False, "a driver alone is none");
    }

    [Test]
    public void Looking_at_the_cache_leaves_nothing_in_it()
    {
        DoctorFinding finding = CudaFindings.Cache();
        Assume.That(finding.State, Is.EqualTo(DoctorState.Good), finding.Found);
        Assert.That(Directory.GetFiles(KernelCache.Default.Folder, $".probe-{Environment.ProcessId}"), Is.Empty);
    }
}
