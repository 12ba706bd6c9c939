using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Acm.Cli.Output;
using Acm.Native;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm doctor</c>: what this machine offers, and the next step for what it lacks.</summary>
internal static class DoctorCommand
{
    private sealed record Finding(string Subject, bool Good, string Found, string? NextStep);

    public static Command Create(TextWriter output, TextWriter error)
    {
        Command command = new("doctor", "Checks CPU and CUDA on this machine, with the next step for what is missing; --backend cuda: exit code 3 where it cannot run.");
        CommonOptions common = new(command, budget: false);
        command.SetAction(parsed =>
        {
            bool cudaAsked = common.Session(parsed).Backend == BackendKind.Cuda;
            Finding driver = Driver();
            Finding[] findings = [Vectors(), NativeCode(), Threads(), driver];
            if (common.Json(parsed))
                Report.Json(output, to =>
                {
                    to.WriteStartObject();
                    to.WriteString("default_backend", "cpu");
                    to.WriteStartArray("findings");
                    foreach (Finding finding in findings)
                    {
                        to.WriteStartObject();
                        to.WriteString("subject", finding.Subject);
                        to.WriteBoolean("good", finding.Good);
                        to.WriteString("found", finding.Found);
                        to.WriteString("next_step", finding.NextStep);
                        to.WriteEndObject();
                    }
                    to.WriteEndArray();
                    to.WriteEndObject();
                });
            else
                foreach (Finding finding in findings)
                {
                    output.WriteLine($"{(finding.Good ? "ok" : "--"),-3} {finding.Subject,-16} {finding.Found}");
                    if (finding.NextStep is { } step)
                        output.WriteLine($"{"",-20} next: {step}");
                }
            return cudaAsked && !driver.Good ? AcmTool.Unavailable : AcmTool.Done;
        });
        return command;
    }

    private static Finding Vectors() => new(
        "CPU vectors",
        Vector256.IsHardwareAccelerated,
        $"{(Vector512.IsHardwareAccelerated ? "512 bits (AVX-512)" : Vector256.IsHardwareAccelerated ? "256 bits (AVX2)" : "128 bits")}; FMA {(Fma.IsSupported ? "yes" : "no")}",
        Vector256.IsHardwareAccelerated ? null : "a CPU with AVX2 and FMA runs the models several times faster");

    // An ahead-of-time build has the vector width it was compiled for, whatever the CPU could do.
    private static Finding NativeCode() => RuntimeFeature.IsDynamicCodeSupported
        ? new Finding("code", true, "JIT: uses what the CPU has", null)
        : new Finding("code", Vector512.IsHardwareAccelerated || Vector256.IsHardwareAccelerated,
            $"NativeAOT, compiled for vectors of {(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)} bits",
            Vector256.IsHardwareAccelerated ? null : "publish with <IlcInstructionSet>native</IlcInstructionSet>, or name the set: x86-64-v3, x86-64-v4");

    private static Finding Threads() => new("CPU threads", true, $"{Environment.ProcessorCount}", null);

    private static Finding Driver()
    {
        CudaDriver? driver = CudaDriver.TryLoad(out CudaUnavailable? why);
        if (driver is null)
            return new Finding("CUDA driver", false, why!.Message.ReplaceLineEndings(" "), why.NextStep);
        return new Finding("CUDA driver", true, $"CUDA {driver.CudaVersion / 1000}.{driver.CudaVersion % 1000 / 10} from {driver.Source}; {driver.Devices.Count} devices: {string.Join(", ", driver.Devices.Select(static device => device.Name))}", null);
    }
}
