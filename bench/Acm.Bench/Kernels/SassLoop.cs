using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Acm.Bench.Kernels;

/// <summary>The main loop of a kernel's machine code, by nvdisasm.</summary>
internal static partial class SassLoop
{
    /// <summary>Instructions per HMMA of the loop that holds most HMMA; null where no loop holds any.</summary>
    public static double? InstructionsPerHmma(string disassembler, byte[] cubin)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, cubin);
            using Process process = Process.Start(new ProcessStartInfo(disassembler, ["-c", file]) { RedirectStandardOutput = true, UseShellExecute = false })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return Measure(text);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A loop is what lies between a label and a branch back to it.</summary>
    internal static double? Measure(string text)
    {
        List<string> instructions = [];
        Dictionary<string, int> labels = [];
        (int Hmma, int All) best = default;
        foreach (string line in text.Split('\n'))
        {
            if (Label().Match(line) is { Success: true } label)
            {
                labels[label.Groups[1].Value] = instructions.Count;
                continue;
            }

            if (Instruction().Match(line) is not { Success: true } match)
                continue;
            string instruction = match.Groups[1].Value;
            instructions.Add(instruction);
            if (Branch().Match(instruction) is { Success: true } branch && labels.TryGetValue(branch.Groups[1].Value, out int start))
            {
                int hmma = instructions.Skip(start).Count(i => i.Contains("HMMA", StringComparison.Ordinal));
                if (hmma > best.Hmma)
                    best = (hmma, instructions.Count - start);
            }
        }

        return best.Hmma == 0 ? null : best.All / (double)best.Hmma;
    }

    [GeneratedRegex(@"^\s*(\.L_x_\d+):")]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s+/\*[0-9a-f]{4,}\*/\s+(.*?);")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"BRA.*?(\.L_x_\d+)")]
    private static partial Regex Branch();
}
