using Acm.Runtime;
using Acm.Runtime.Backends;

namespace Acm.Bench.Parity;

/// <summary>A model, eight images and a routing.</summary>
/// <param name="Name">For the page.</param>
/// <param name="Load">The model.</param>
/// <param name="Pixels">Of eight images.</param>
/// <param name="Lambda">Of the free runs.</param>
/// <param name="Budget">Of shared/bench, forced; null: what the model's own gates choose in Reference at <paramref name="Lambda"/>.</param>
/// <param name="Alone">Which of the eight are also run alone, to be compared with their rows in the batch.</param>
/// <param name="FreeImages">Images of a run with free gates; 0: no such run.</param>
internal sealed record ParityCase(string Name, Func<AcmModel> Load, Func<float[]> Pixels, double Lambda, string? Budget, int[] Alone, int FreeImages)
{
    public const int Images = 8;

    /// <summary>vit-chars as it is, then ViT-B/16's shape at every budget of shared/bench.</summary>
    public static IEnumerable<ParityCase> All()
    {
        string golden = Path.Combine(Repo.Shared, "golden", "vit-chars", "golden.safetensors");
        yield return new("vit-chars", static () => AcmModel.Load(Path.Combine(Repo.Shared, "models", "vit-chars")), () => Stored(golden), 0, null, [.. Enumerable.Range(0, Images)], Images);
        VitShape shape = VitShape.Base;
        foreach (string budget in (string[])["0.44", "1", "0.25", "0.71"])
            yield return new(
                $"{shape.Name} at {double.Parse(budget, System.Globalization.CultureInfo.InvariantCulture):P0}".Replace(" %", "%"), () => AcmModel.Load(RandomVit.Package(shape, acm: true)), () => Random(shape), 0, budget,
                [0, Images - 1], budget == "0.44" ? 1 : 0);
    }

    /// <summary>k of all eight images by path, forced on every run but the free ones.</summary>
    public Dictionary<string, ReadOnlyMemory<int>> Routing(AcmModel model)
    {
        if (Budget is not null)
            return RealRouting.For(model, VitShape.Base.Layers, Budget, Images * VitShape.Base.Tokens)
                ?? throw new FileNotFoundException("Parity needs real routing: bench/k-vit-chars.safetensors in the shared folder (ACM_SHARED).");
        Oracle free = Oracle.Run(model.Plan, Pixels(), new RoutingRule(Lambda, null, null));
        return model.Sites.Select((site, s) => (site.Path, K: (ReadOnlyMemory<int>)free.K[s])).ToDictionary(static pair => pair.Path, static pair => pair.K);
    }

    private static float[] Random(VitShape shape)
    {
        Random random = new(3);
        return [.. Enumerable.Range(0, Images * shape.Pixels).Select(_ => (2 * random.NextSingle()) - 1)];
    }

    private static float[] Stored(string golden)
    {
        using var file = SafeTensorsFile.Open(golden);
        TensorView inputs = file.Get("inputs");
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(inputs.Bytes)[..(int)(inputs.ElementCount / inputs.Shape[0] * Images)].ToArray();
    }
}
