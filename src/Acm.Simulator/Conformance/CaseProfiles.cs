namespace Acm.Simulator.Conformance;

/// <summary>The device a case is meant for: the named GPU of its PTX's target.</summary>
internal static class CaseProfiles
{
    public static DeviceProfile Of(ConformanceCase test)
    {
        string ptx = Path.Combine(test.Folder, test.Launches[0].Ptx);
        string? line = File.ReadLines(ptx).FirstOrDefault(l => l.StartsWith(".target", StringComparison.Ordinal));
        string digits = line is null ? "" : new string([.. line.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit)]);
        int target = int.TryParse(digits, out int parsed) ? parsed : 80;
        return DeviceProfile.All.Where(p => p.Capability >= target).MinBy(p => p.Capability) ?? DeviceProfile.H100;
    }
}
