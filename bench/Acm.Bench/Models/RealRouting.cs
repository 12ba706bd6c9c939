using Acm.Runtime;

namespace Acm.Bench;

/// <summary>Learner counts a trained model chose (shared/bench), mapped onto a ViT of any depth as that folder's README says.</summary>
internal static class RealRouting
{
    private const int TokensPerPicture = 145, SourceLayers = 6;

    /// <summary>The budgets on file, and full width.</summary>
    public static string[] Budgets { get; } = ["0.25", "0.44", "0.71", "1"];

    /// <summary>k for every ACM of a model; null where the shared folder is not there.</summary>
    public static Dictionary<string, ReadOnlyMemory<int>>? For(AcmModel model, int layers, string budget, int tokens)
    {
        string path = Path.Combine(Repo.Shared, "bench", "k-vit-chars.safetensors");
        if (!File.Exists(path))
            return null;
        using var file = SafeTensorsFile.Open(path);
        var forced = new Dictionary<string, ReadOnlyMemory<int>>();
        foreach (SiteInfo site in model.Sites)
        {
            int[] k = new int[tokens];
            if (budget == "1")
                Array.Fill(k, site.Learners);
            else
            {
                string source = site.Path.Replace($"encoder_layer_{site.Layer}.", $"encoder_layer_{site.Layer * SourceLayers / layers}.");
                ReadOnlySpan<byte> counts = file.Get($"{budget}.{source}").Bytes;
                for (int t = 0; t < tokens; t++)
                    k[t] = counts[(TokensPerPicture + t) % counts.Length];
            }
            forced[site.Path] = k;
        }
        return forced;
    }
}
