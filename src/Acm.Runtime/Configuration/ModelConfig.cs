using Acm.Runtime.Plan;

namespace Acm.Runtime.Configuration;

/// <summary>A package's <c>config.json</c>, with the label or vocabulary file beside it: typed, and consistent with itself.</summary>
/// <remarks>Every size is within <see cref="Limits"/> and nothing has been allocated by one; whether the weights agree is the plan builder's check.</remarks>
internal sealed class ModelConfig
{
    /// <summary>The newest <c>format_version</c> this reader knows.</summary>
    public const int FormatVersion = 1;

    /// <summary>The configuration's file, for messages.</summary>
    public required string File { get; init; }

    public required Architecture Architecture { get; init; }

    public required int HiddenSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    /// <summary>Width of a dense layer's hidden units.</summary>
    public required int IntermediateSize { get; init; }

    public required double LayerNormEpsilon { get; init; }

    /// <summary>Of the dense MLPs.</summary>
    public required Activation HiddenActivation { get; init; }

    /// <summary>Where ACMs stand; a site that is not here is dense.</summary>
    public required IReadOnlyDictionary<AcmSiteKind, AcmSiteConfig> Sites { get; init; }

    public required AcmSemantics Semantics { get; init; }

    /// <summary>Null where the model was not calibrated.</summary>
    public BudgetCurve? Budget { get; init; }

    /// <summary>Not null for <see cref="Architecture.Vit"/> only.</summary>
    public VitConfig? Vit { get; init; }

    /// <summary>Not null for <see cref="Architecture.Bert"/> only.</summary>
    public BertConfig? Bert { get; init; }

    /// <summary>Not null for <see cref="Architecture.Wav2Vec2"/> only.</summary>
    public Wav2Vec2Config? Wav2Vec2 { get; init; }

    /// <summary>Null where the package does not say how its pixels are made.</summary>
    public ImagePreprocessing? Image { get; init; }

    /// <summary>Not null for <see cref="Architecture.Bert"/> only.</summary>
    public TextPreprocessing? Text { get; init; }

    /// <summary>Not null for <see cref="Architecture.Wav2Vec2"/> only.</summary>
    public AudioPreprocessing? Audio { get; init; }

    /// <summary><c>labels.txt</c> or <c>vocab.txt</c> by id; null where the package has none.</summary>
    public IReadOnlyList<string>? Entries { get; init; }

    /// <summary>Width of one attention head.</summary>
    public int HeadSize => HiddenSize / Heads;

    /// <summary>The ACM at a site of a layer, or null where that layer is dense there.</summary>
    public AcmSiteConfig? SiteAt(AcmSiteKind kind, int layer) =>
        Sites.TryGetValue(kind, out var site) && site.Layers.Contains(layer) ? site : null;

    /// <summary>Reads a package's configuration.</summary>
    /// <param name="folder">The package.</param>
    /// <exception cref="ModelFormatException">A file is missing or wrong, or contradicts itself.</exception>
    public static ModelConfig Load(string folder) => Parse(ConfigNode.Read(Path.Combine(folder, "config.json")), folder);

    /// <summary>Reads a configuration that is already in memory, and labels or vocabulary from <paramref name="folder"/> unless that is null.</summary>
    public static ModelConfig Parse(ConfigNode root, string? folder)
    {
        root.Int("format_version", 1, FormatVersion);
        var architecture = root.Choice(
            "architecture", ("vit", Architecture.Vit), ("bert", Architecture.Bert), ("wav2vec2", Architecture.Wav2Vec2));
        int hidden = root.Int("hidden_size", 1, Limits.Width);
        int layers = root.Int("num_hidden_layers", 1, Limits.Layers);
        int heads = root.Int("num_attention_heads", 1, hidden);
        if (hidden % heads != 0)
        {
            throw root.Wrong("num_attention_heads", $"a divisor of hidden_size {hidden}", $"{heads}");
        }
        var vit = architecture == Architecture.Vit ? VitConfig.Read(root) : null;
        var bert = architecture == Architecture.Bert ? BertConfig.Read(root) : null;
        var wav2Vec2 = architecture == Architecture.Wav2Vec2 ? Wav2Vec2Config.Read(root, hidden) : null;
        var preprocessing = root.ObjectOrNull("preprocessing");
        return new ModelConfig
        {
            File = root.File,
            Architecture = architecture,
            HiddenSize = hidden,
            Layers = layers,
            Heads = heads,
            IntermediateSize = root.Int("intermediate_size", 1, Limits.Width),
            LayerNormEpsilon = root.Number("layer_norm_eps", 1e-30, 1),
            HiddenActivation = Activations.ReadDense(root, "hidden_act"),
            Sites = AcmSiteConfig.ReadAll(root.ObjectOrNull("acm"), layers),
            Semantics = root.Has("acm_semantics")
                ? root.Choice("acm_semantics", ("paper", AcmSemantics.Paper), ("published_code", AcmSemantics.PublishedCode))
                : AcmSemantics.Paper,
            Budget = BudgetCurve.Read(root.ObjectOrNull("budget")),
            Vit = vit,
            Bert = bert,
            Wav2Vec2 = wav2Vec2,
            Image = vit is null ? null : ImagePreprocessing.Read(preprocessing, vit),
            Text = bert is null ? null : TextPreprocessing.Read(preprocessing, bert),
            Audio = wav2Vec2 is null ? null : AudioPreprocessing.Read(preprocessing),
            Entries = folder is null ? null : ReadEntries(folder, vit?.Labels, bert?.VocabSize, wav2Vec2?.VocabSize),
        };
    }

    private static string[]? ReadEntries(string folder, int? labels, int? wordPieces, int? characters)
    {
        string path = Path.Combine(folder, labels is null ? "vocab.txt" : "labels.txt");
        string[]? entries = Vocabulary.ReadIfThere(path);
        if (entries is null)
        {
            return null;
        }
        // Embedding tables are often padded to a round size; outputs without a name would be a mistake.
        if (wordPieces is { } most ? entries.Length > most : entries.Length != (labels ?? characters))
        {
            string expected = labels is { } classes ? $"{classes} lines, as num_labels says"
                : wordPieces is { } pieces ? $"at most {pieces} lines, as vocab_size says"
                : $"{characters} lines, as vocab_size says";
            throw new ModelFormatException(path, null, expected, $"{entries.Length}");
        }
        return entries;
    }
}
