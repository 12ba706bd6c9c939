using System.Text.Json;

namespace Acm.Native.Doctor;

/// <summary>How one thing on the machine is.</summary>
public enum DoctorState
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Works, but not as well as it could.</summary>
    Limited,

    /// <summary>Not there, or broken.</summary>
    Missing,
}

/// <summary>One thing looked at.</summary>
/// <param name="Area">What was looked at: driver, device, compiler, cache, processor.</param>
/// <param name="State">How it is.</param>
/// <param name="Found">What was found, in one line.</param>
/// <param name="NextStep">What would make it better; empty where nothing needs doing.</param>
/// <param name="Details">Whatever else is worth knowing: paths tried, figures.</param>
public sealed record DoctorFinding(string Area, DoctorState State, string Found, string NextStep, IReadOnlyList<string> Details);

/// <summary>What this machine has for running kernels and for running on the processor, each with the next step where something is amiss.</summary>
/// <param name="Findings">One for each thing looked at.</param>
public sealed record DoctorReport(IReadOnlyList<DoctorFinding> Findings)
{
    /// <summary>Whether CUDA can be used: a driver with a device.</summary>
    public bool HasDevice => Findings.Any(f => f is { Area: "device", State: not DoctorState.Missing });

    /// <summary>Looks at the machine.</summary>
    public static DoctorReport Examine() => new([.. CudaFindings.Driver(), CudaFindings.Compiler(), CudaFindings.Cache(), ProcessorFindings.InstructionSets()]);

    /// <summary>Writes it for people.</summary>
    public void WriteText(TextWriter output)
    {
        foreach (DoctorFinding finding in Findings)
        {
            string mark = finding.State switch { DoctorState.Good => "ok", DoctorState.Limited => "limited", _ => "missing" };
            output.WriteLine($"{finding.Area,-10} {mark,-8} {finding.Found}");
            foreach (string detail in finding.Details)
                output.WriteLine($"{"",-19} {detail}");
            if (finding.NextStep.Length > 0)
                output.WriteLine($"{"",-19} next: {finding.NextStep}");
        }
    }

    /// <summary>Writes it for programs: <c>{"findings": [{"area", "state", "found", "nextStep", "details": []}]}</c>.</summary>
    public void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("findings");
        foreach (DoctorFinding finding in Findings)
        {
            writer.WriteStartObject();
            writer.WriteString("area", finding.Area);
            writer.WriteString("state", finding.State switch { DoctorState.Good => "good", DoctorState.Limited => "limited", _ => "missing" });
            writer.WriteString("found", finding.Found);
            writer.WriteString("nextStep", finding.NextStep);
            writer.WriteStartArray("details");
            foreach (string detail in finding.Details)
                writer.WriteStringValue(detail);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
    }
}
