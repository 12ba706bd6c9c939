using System.Security.Cryptography;
using System.Text.Json;

namespace Acm.Bench.Parity;

/// <summary>What one piece of the parity page found.</summary>
/// <param name="Piece">Case, precision and check.</param>
/// <param name="Passed">Whether it held.</param>
/// <param name="Text">In words, for the checks that have no table.</param>
/// <param name="Ours">Errors of the device: embeddings, each layer, logits; else empty.</param>
/// <param name="Plain">Those of the straightforward computation.</param>
/// <param name="Seconds">What it took, beside whatever else the machine did.</param>
/// <param name="Kernels">Of which kernels.</param>
internal sealed record ParityRecord(string Piece, bool Passed, string Text, double[] Ours, double[] Plain, double Seconds, string Kernels)
{
    private static readonly string s_file = Path.Combine(Repo.Root, "docs", "bench", "parity.jsonl");

    /// <summary>Names the kernels' sources as they are.</summary>
    public static string Present { get; } = Convert.ToHexStringLower(SHA256.HashData([.. Directory.GetFiles(Path.Combine(Repo.Root, "kernels"), "*.cu*").Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)]))[..12];

    /// <summary>The last record of each piece, of whatever kernels.</summary>
    public static Dictionary<string, ParityRecord> Load() => !File.Exists(s_file) ? [] : File.ReadLines(s_file)
        .Select(static line => JsonSerializer.Deserialize<ParityRecord>(line)!)
        .GroupBy(static record => record.Piece).ToDictionary(static group => group.Key, static group => group.Last());

    public void Append() => File.AppendAllText(s_file, JsonSerializer.Serialize(this) + "\n");
}
