using System.CommandLine;
using System.Text.Json;
using Acm.Cli.Output;
using Acm.Runtime;
using Acm.Simulator;
using Acm.Simulator.Conformance;
using Acm.Simulator.Counters;

namespace Acm.Cli.Commands;

/// <summary><c>acm simulate</c>: PTX cases in the conformance format on the simulated device.</summary>
internal static class SimulateCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        output = DroppingWriter.Unread(output);
        Argument<string> folder = new("DIR") { Description = "folder of cases: NAME.ptx, NAME.json, NAME.safetensors" };
        Option<string?> file = new("--json") { Description = "file to write the results to, as JSON; - for standard output" };
        Option<string?> name = new("--case") { Description = "run only the case of that name" };
        Option<int> seed = new("--seed") { Description = "permutes the order of blocks and warps; 0: natural order", DefaultValueFactory = _ => 0, CustomParser = Number.Of<int> };
        Option<string> mode = new("--mode") { Description = "fast, or checked: with every check there is", DefaultValueFactory = _ => "fast" };
        mode.AcceptOnlyFromAmong("fast", "checked");
        Option<string> arithmetic = new("--arithmetic") { Description = "of mma: hardware (as tensor cores round) or exact", DefaultValueFactory = _ => "hardware" };
        arithmetic.AcceptOnlyFromAmong("hardware", "exact");
        Option<int> threads = new("--threads") { Description = "host threads; 0: one per core", DefaultValueFactory = _ => 0, CustomParser = Number.Of<int> };
        Command command = new("simulate", "Runs PTX cases on the simulated device.") { folder, file, name, seed, mode, arithmetic, threads };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(threads) < 0)
                throw new BadInputException($"--threads {parsed.GetValue(threads)}: 0 or more");
            IReadOnlyList<ConformanceCase> cases = Find(parsed.GetValue(folder)!, parsed.GetValue(name));
            string? json = parsed.GetValue(file);
            bool table = json != "-";
            if (table)
                OutputFile.Ready("--json", json);
            List<CaseResult> results = [];
            int width = cases.Max(c => c.Name.Length);
            foreach (ConformanceCase test in cases)
            {
                CaseResult result = ConformanceRunner.Run(test, new SimulatorOptions
                {
                    Profile = CaseProfiles.Of(test),
                    Seed = parsed.GetValue(seed),
                    Mode = parsed.GetValue(mode) == "checked" ? ExecutionMode.Checked : ExecutionMode.Fast,
                    Arithmetic = parsed.GetValue(arithmetic) == "exact" ? MatrixArithmetic.Exact : MatrixArithmetic.Hardware,
                    Threads = parsed.GetValue(threads),
                });
                results.Add(result);
                if (table)
                    output.WriteLine(Row(result, width));
            }

            int failed = results.Count(r => r.Status == CaseStatus.Fail);
            if (table)
                output.WriteLine($"{results.Count(r => r.Status == CaseStatus.Pass)} passed, {failed} failed, {results.Count(r => r.Status == CaseStatus.Unsupported)} unsupported");
            if (json == "-")
                Report.Json(output, writer => Write(writer, results));
            else if (json is not null)
            {
                AtomicFile.Write(json, file =>
                {
                    using StreamWriter to = new(file, leaveOpen: true);
                    Report.Json(to, writer => Write(writer, results));
                });
            }

            return failed > 0 ? AcmTool.CheckFailed : AcmTool.Done;
        });
        return command;
    }

    private static IReadOnlyList<ConformanceCase> Find(string folder, string? name)
    {
        if (!Directory.Exists(folder))
            throw new BadInputException($"no folder {folder}");
        IReadOnlyList<ConformanceCase> cases;
        try
        {
            cases = ConformanceRunner.Find(folder);
        }
        catch (InvalidDataException e)
        {
            throw new BadInputException(e.Message);
        }

        if (name is not null)
            cases = [.. cases.Where(c => c.Name == name)];
        return cases.Count > 0 ? cases : throw new BadInputException(name is null ? $"no case in {folder}" : $"no case '{name}' in {folder}");
    }

    private static string Row(CaseResult result, int width)
    {
        LaunchCounters c = result.Counters;
        string status = result.Status switch { CaseStatus.Pass => "pass", CaseStatus.Fail => "FAIL", _ => "unsupported" };
        string counts = result.Status == CaseStatus.Pass
            ? $"{c.WarpInstructions,10} warp instr {c[InstructionClass.MatrixMultiply],7} mma {c.GlobalLoadSectors + c.GlobalStoreSectors,9} sectors"
            : result.Reason;
        return $"{result.Name.PadRight(width)}  {status,-11} {result.Milliseconds,8:F1} ms  {counts}";
    }

    private static void Write(Utf8JsonWriter json, List<CaseResult> results)
    {
        json.WriteStartArray();
        foreach (CaseResult result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.Name);
            json.WriteString("status", result.Status.ToString().ToLowerInvariant());
            json.WriteString("reason", result.Reason);
            json.WriteNumber("milliseconds", result.Milliseconds);
            json.WriteStartObject("counters");
            foreach ((string counter, long value) in result.Counters.All())
                json.WriteNumber(counter, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
