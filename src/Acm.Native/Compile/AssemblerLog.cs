using System.Globalization;
using System.Text.RegularExpressions;

namespace Acm.Native.Compile;

/// <summary>Reads the figures of <c>ptxas -v</c> out of a log.</summary>
internal static partial class AssemblerLog
{
    public static IReadOnlyList<KernelUsage> Parse(string log)
    {
        List<KernelUsage> found = [];
        string? kernel = null;
        (int Stack, int Stores, int Loads) spills = default;
        foreach (string line in log.Split('\n'))
        {
            if (Entry().Match(line) is { Success: true } entry)
            {
                kernel = entry.Groups[1].Value;
                spills = default;
            }
            else if (Spills().Match(line) is { Success: true } match)
            {
                spills = (Number(match, 1), Number(match, 2), Number(match, 3));
            }
            else if (kernel is not null && Registers().Match(line) is { Success: true } registers)
            {
                found.Add(new(kernel, Number(registers, 1), spills.Stores, spills.Loads, spills.Stack, Shared().Match(line) is { Success: true } shared ? Number(shared, 1) : 0));
                kernel = null;
            }
        }
        return found;
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex("Compiling entry function '([^']+)'")]
    private static partial Regex Entry();

    [GeneratedRegex("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads")]
    private static partial Regex Spills();

    [GeneratedRegex("Used ([0-9]+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex("([0-9]+) bytes smem")]
    private static partial Regex Shared();
}
