using System.CommandLine;
using Acm.Cli.Output;
using Acm.Native.Doctor;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm doctor</c>: what this machine offers, and the next step for what it lacks.</summary>
internal static class DoctorCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        output = DroppingWriter.Unread(output);
        Command command = new("doctor", "Checks CPU and CUDA on this machine, with the next step for what is missing; --backend cuda: exit code 3 where there is no device.");
        CommonOptions common = new(command, budget: false);
        command.SetAction(parsed =>
        {
            bool cudaAsked = common.Session(parsed).Backend == BackendKind.Cuda;
            DoctorReport report = DoctorReport.Examine();
            if (common.Json(parsed))
                Report.Json(output, report.WriteJson);
            else
                report.WriteText(output);
            return cudaAsked && !report.HasDevice ? AcmTool.Unavailable : AcmTool.Done;
        });
        return command;
    }
}
