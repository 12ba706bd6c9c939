using Acm.Runtime.Plan;

namespace Acm.Runtime.Configuration;

/// <summary>The places of a transformer layer an ACM can stand at; named the same for every architecture.</summary>
internal enum AcmSiteKind { Mlp, QProj, KProj, VProj, OProj }

/// <summary>A gate's shape: <paramref name="Layers"/> Linear layers of <paramref name="HiddenSize"/> with <paramref name="Activation"/> between them.</summary>
internal sealed record GateConfig(int Layers, int HiddenSize, Activation Activation);

/// <summary>The ACMs at one site, the same in every layer that has one there.</summary>
/// <param name="Kind">The site.</param>
/// <param name="Learners">N, 1 to 16.</param>
/// <param name="LearnerSize">D: hidden units per learner.</param>
/// <param name="MinK">The smallest k the gate can choose.</param>
/// <param name="Activation">Between w1 and w2.</param>
/// <param name="Gate">The gate's shape.</param>
/// <param name="Layers">The transformer layers it stands in, ascending.</param>
internal sealed record AcmSiteConfig(
    AcmSiteKind Kind, int Learners, int LearnerSize, int MinK, Activation Activation, GateConfig Gate, IReadOnlyList<int> Layers)
{
    private const int MostLearners = 16;

    /// <summary>The gate's outputs: one per k it can choose.</summary>
    public int GateOutputs => Learners + 1 - MinK;

    /// <summary>The site's name in a config.</summary>
    public string Name => NameOf(Kind);

    /// <summary>A site's name in a config.</summary>
    public static string NameOf(AcmSiteKind kind) => kind switch
    {
        AcmSiteKind.Mlp => "mlp",
        AcmSiteKind.QProj => "q_proj",
        AcmSiteKind.KProj => "k_proj",
        AcmSiteKind.VProj => "v_proj",
        _ => "o_proj",
    };

    /// <summary>Reads the <c>acm</c> object; null stands for none.</summary>
    public static IReadOnlyDictionary<AcmSiteKind, AcmSiteConfig> ReadAll(ConfigNode? acm, int layers)
    {
        var sites = new Dictionary<AcmSiteKind, AcmSiteConfig>();
        foreach (string key in acm?.Keys ?? [])
        {
            var kind = Enum.GetValues<AcmSiteKind>().Where(kind => NameOf(kind) == key).Cast<AcmSiteKind?>().FirstOrDefault()
                ?? throw acm!.Wrong(key, "one of the sites mlp, q_proj, k_proj, v_proj, o_proj", "a site of another name");
            if (acm!.ObjectOrNull(key) is { } site)
            {
                sites.Add(kind, Read(kind, site, layers));
            }
        }
        return sites;
    }

    private static AcmSiteConfig Read(AcmSiteKind kind, ConfigNode site, int layers)
    {
        int learners = site.Int("learners", 1, MostLearners);
        var gate = site.Object("gate");
        int gateLayers = gate.Int("layers", 1, 16);
        // A gate of a single layer has no hidden units, so the key may be left out there.
        int gateHidden = gateLayers == 1 ? gate.Int("hidden_size", 0, Limits.Width, 0) : gate.Int("hidden_size", 1, Limits.Width);
        return new AcmSiteConfig(
            kind,
            learners,
            site.Int("learner_size", 1, Limits.Width),
            site.Int("min_k", 0, learners),
            Activations.Read(site, "activation"),
            new GateConfig(gateLayers, gateHidden, gateLayers == 1 && !gate.Has("activation") ? Activation.Identity : Activations.Read(gate, "activation")),
            ReadLayers(site, layers));
    }

    private static int[] ReadLayers(ConfigNode site, int layers)
    {
        if (!site.Has("layers"))
        {
            return [.. Enumerable.Range(0, layers)];
        }
        int[] named = site.Ints("layers", 0, layers - 1, layers);
        if (named.Distinct().Count() != named.Length)
        {
            throw site.Wrong("layers", "each layer once", $"[{string.Join(", ", named)}]");
        }
        return [.. named.Order()];
    }
}

/// <summary>Names of activations in a config.</summary>
internal static class Activations
{
    /// <summary>An ACM's or a gate's activation: also <c>identity</c>.</summary>
    public static Activation Read(ConfigNode node, string key) => node.Choice(
        key, ("gelu", Activation.Gelu), ("gelu_tanh", Activation.GeluTanh), ("relu", Activation.Relu), ("identity", Activation.Identity));

    /// <summary>A dense layer's activation: never <c>identity</c>.</summary>
    public static Activation ReadDense(ConfigNode node, string key) => node.Choice(
        key, ("gelu", Activation.Gelu), ("gelu_tanh", Activation.GeluTanh), ("relu", Activation.Relu));

    /// <summary>The name a config uses.</summary>
    public static string NameOf(Activation activation) => activation switch
    {
        Activation.Gelu => "gelu",
        Activation.GeluTanh => "gelu_tanh",
        Activation.Relu => "relu",
        _ => "identity",
    };
}

/// <summary>Sizes no model of these architectures comes near; beyond them a number is a mistake.</summary>
internal static class Limits
{
    /// <summary>Units of a layer.</summary>
    public const int Width = 1 << 17;

    /// <summary>Transformer layers.</summary>
    public const int Layers = 1024;

    /// <summary>Entries of a vocabulary, classes.</summary>
    public const int Entries = 1 << 24;

    /// <summary>Positions of a sequence; pixels of an image's side.</summary>
    public const int Length = 1 << 16;

    /// <summary>Numbers of one image: channels times height times width.</summary>
    public const int Pixels = 1 << 28;
}
