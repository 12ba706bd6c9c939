using System.CommandLine;
using Acm.Cli.Output;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm verify</c>: every backend at hand against Reference on sample inputs.</summary>
internal static class VerifyCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        output = DroppingWriter.Unread(output);
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Command command = new("verify", "Compares every backend at hand with Reference, routing forced and free.") { model };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            SampleInput sample = SampleInput.For(loaded);
            List<Verification> rows = LongWork.All(
                error, "comparing backends", Verification.Run(loaded, sample, common.Session(parsed, sample.Batch, sample.TotalLength), common.Run(parsed)));
            if (common.Json(parsed))
                Report.Json(output, json =>
                {
                    json.WriteStartObject();
                    json.WriteString("input", sample.Description);
                    json.WriteStartArray("backends");
                    foreach (Verification row in rows)
                        row.Write(json);
                    json.WriteEndArray();
                    json.WriteBoolean("passed", rows.All(static row => row.Passed));
                    json.WriteEndObject();
                });
            else
            {
                output.WriteLine($"input: {sample.Description}");
                output.WriteLine($"{"backend",-10} {"precision",-9} {"forced: error",14} {"tolerance",10} {"free: k differs",16}  verdict");
                foreach (Verification row in rows)
                    output.WriteLine(row.Line());
            }
            return rows.All(static row => row.Passed) ? AcmTool.Done : AcmTool.CheckFailed;
        });
        return command;
    }
}
