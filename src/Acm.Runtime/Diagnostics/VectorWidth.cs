using System.Diagnostics.Metrics;
using Acm.Native.Doctor;

namespace Acm.Runtime.Diagnostics;

/// <summary>
/// Says where the program computes with narrower vectors than the processor has, as a NativeAOT program does unless it was published for its
/// machine: as a warning in the event source, as metrics, and as the sentence sessions describe themselves with.
/// </summary>
internal static class VectorWidth
{
    private static readonly Meter s_meter = new("Acm.Runtime");
    private static int s_told;

    static VectorWidth()
    {
        s_meter.CreateObservableGauge("acm.cpu.vector_bits.used", static () => ProcessorFindings.UsedBits, "bit", "Width of the vectors the program computes with.");
        s_meter.CreateObservableGauge("acm.cpu.vector_bits.offered", static () => ProcessorFindings.OfferedBits, "bit", "Width of the vectors the processor has.");
    }

    /// <summary>The warning for this machine and program, or null; the first call tells the event source too.</summary>
    public static string? Warning()
    {
        string? warning = Judge(ProcessorFindings.InstructionSets());
        if (warning is not null && Interlocked.Exchange(ref s_told, 1) == 0)
            RuntimeEvents.Log.NarrowVectors(ProcessorFindings.OfferedBits, ProcessorFindings.UsedBits, warning);
        return warning;
    }

    /// <summary>A doctor's finding as one line, or null where there is nothing to warn of.</summary>
    public static string? Judge(DoctorFinding finding) => finding.State == DoctorState.Good ? null : $"{finding.Found}; {finding.NextStep}";
}
