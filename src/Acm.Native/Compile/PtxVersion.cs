using System.Globalization;
using System.Text.RegularExpressions;
using Acm.Native.Driver;

namespace Acm.Native.Compile;

/// <summary>PTX that is newer than the driver, and uses what only newer drivers have.</summary>
public sealed class PtxTooNewException : Exception
{
    internal PtxTooNewException(Version has, Version driverTakes, int driver, string because)
        : base($"the PTX is of version {has} and the driver (CUDA {DriverLoader.VersionText(driver)}) takes at most {driverTakes}: {because}; " +
            $"update the driver, or use an older NVRTC (ACM_NVRTC)") => (Has, DriverTakes) = (has, driverTakes);

    /// <summary>The version of the PTX.</summary>
    public Version Has { get; }

    /// <summary>The newest version the driver takes.</summary>
    public Version DriverTakes { get; }
}

/// <summary>
/// An NVRTC newer than the driver writes a <c>.version</c> that the driver refuses, though the text often needs nothing new: then the line is lowered.
/// A hint that the driver does not know goes: it decides no bit.
/// </summary>
internal static partial class PtxVersion
{
    // What each version of PTX ISA brought, of what a compiler of ours could emit.
    private static readonly (string Pattern, string Since)[] Features =
    [
        (@"\bstmatrix\b", "7.8"), (@"\bgriddepcontrol\b", "7.8"), (@"\bbarrier\.cluster\b", "7.8"), (@"\.shared::cluster\b", "7.8"), (@"\bmapa\b", "7.8"), (@"\.reqnctapercluster\b", "7.8"),
        (@"\bcp\.async\.bulk\b", "8.0"), (@"\bwgmma\b", "8.0"), (@"\bsetmaxnreg\b", "8.0"), (@"\belect\.sync\b", "8.0"), (@"\bfence\.proxy\.async\b", "8.0"),
        (@"\.e4m3x2\b|\.e5m2x2\b", "8.1"), (@"\bst\.async\b|\bred\.async\b", "8.1"), (@"\.b128\b", "8.3"), (@"\bmma\.[^;\n]*\.e[45]m[23]\b", "8.4"),
        (@"\btcgen05\b", "8.6"), (@"\.f32x2\b", "8.6"), (@"\.e2m1|\.e3m2|\.e2m3", "8.6"), (@"\bclusterlaunchcontrol\b", "8.6"), (@"\b(ld|st)\.[^;\n]*\.(v8|v4\.[busf]64)\b", "8.8"), (@"\.blocksareclusters\b", "9.0"),
    ];

    // NVRTC writes it before loads of which it uses a part. It is a hint to the assembler: without it the machine code is the same.
    private static readonly Version UsedBytesSince = new(8, 3);

    private static readonly (string Target, string Since)[] Targets =
    [
        ("75", "6.3"), ("80", "7.0"), ("86", "7.1"), ("87", "7.4"), ("88", "9.0"), ("89", "7.8"), ("90", "7.8"), ("90a", "8.0"), ("100", "8.6"), ("101", "8.6"), ("103", "8.8"), ("110", "9.0"), ("120", "8.7"), ("121", "8.8"),
    ];

    /// <summary>The architectures whose PTX a device of a capability runs, the nearest first.</summary>
    public static IEnumerable<string> ArchitecturesFor(int capability) =>
        Targets.Where(t => int.TryParse(t.Target, CultureInfo.InvariantCulture, out int target) && target <= capability).Select(static t => t.Target).Reverse();

    /// <summary>The newest PTX that a driver takes. Two releases of CUDA, 12.6 and 13.x, are out of step.</summary>
    public static Version NewestFor(int driver) => driver switch
    {
        >= 13000 => new(9, driver % 1000 / 10),
        >= 12090 => new(8, 8),
        >= 12080 => new(8, 7),
        >= 12070 => new(8, 6),
        >= 12050 => new(8, 5),
        _ => new(8, driver % 1000 / 10),
    };

    /// <summary>The text as the driver takes it.</summary>
    /// <exception cref="PtxTooNewException">It uses something that the driver does not know.</exception>
    public static string Lower(string ptx, int driver)
    {
        Match line = VersionLine().Match(ptx);
        if (!line.Success)
            return ptx;
        Version has = Version.Parse(line.Groups[2].Value), takes = NewestFor(driver);
        if (has <= takes)
            return ptx;
        string code = Comments().Replace(ptx, " ");
        foreach ((string pattern, string since) in Features)
            if (Version.Parse(since) > takes && Regex.IsMatch(code, pattern))
                throw new PtxTooNewException(has, takes, driver, $"it uses {Regex.Match(code, pattern).Value}, of version {since}");
        string target = TargetLine().Match(code).Groups[1].Value;
        string? needed = Targets.FirstOrDefault(t => t.Target == target).Since;
        if (needed is null || Version.Parse(needed) > takes)
            throw new PtxTooNewException(has, takes, driver, $"its target sm_{target} needs version {needed ?? "of a later driver"}");
        string lowered = string.Create(CultureInfo.InvariantCulture, $"{ptx[..line.Groups[2].Index]}{takes}{ptx[(line.Groups[2].Index + line.Groups[2].Length)..]}");
        return takes < UsedBytesSince ? UsedBytes().Replace(lowered, "") : lowered;
    }

    [GeneratedRegex(@"^([ \t]*\.version[ \t]+)([0-9]+\.[0-9]+)", RegexOptions.Multiline)]
    private static partial Regex VersionLine();

    [GeneratedRegex(@"^[ \t]*\.pragma[ \t]+""used_bytes_mask[^""\n]*""[ \t]*;[ \t]*\r?\n", RegexOptions.Multiline)]
    private static partial Regex UsedBytes();

    [GeneratedRegex(@"\.target[ \t]+sm_([0-9]+[af]?)")]
    private static partial Regex TargetLine();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comments();
}
