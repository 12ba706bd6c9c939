using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>One batch, in the caller's memory: sequences packed one after the other, without padding.</summary>
public readonly ref struct ModelInput
{
    internal InputKind Kind { get; private init; }

    internal ReadOnlySpan<float> Values { get; private init; }

    internal ReadOnlySpan<int> Ids { get; private init; }

    internal ReadOnlySpan<int> TypeIds { get; private init; }

    internal ReadOnlySpan<int> Lengths { get; private init; }

    /// <summary>Images for a vision model.</summary>
    /// <param name="pixels">[batch, channels, size, size], as the model's preprocessing makes them; the batch follows from the length.</param>
    public static ModelInput Pixels(ReadOnlySpan<float> pixels) => new() { Kind = InputKind.Pixels, Values = pixels };

    /// <summary>Texts for a text encoder.</summary>
    /// <param name="ids">Word-piece ids of all texts, packed.</param>
    /// <param name="lengths">Word pieces of each text, at least 1.</param>
    /// <param name="typeIds">Token type ids, packed likewise; empty: all 0.</param>
    public static ModelInput Text(ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, ReadOnlySpan<int> typeIds = default) =>
        new() { Kind = InputKind.WordPieces, Ids = ids, Lengths = lengths, TypeIds = typeIds };

    /// <summary>Recordings for a speech model.</summary>
    /// <param name="samples">Samples of all recordings at the model's rate, packed, normalised if the model's preprocessing says so.</param>
    /// <param name="lengths">Samples of each recording, at least as many as one frame takes.</param>
    public static ModelInput Samples(ReadOnlySpan<float> samples, ReadOnlySpan<int> lengths) =>
        new() { Kind = InputKind.Samples, Values = samples, Lengths = lengths };
}

/// <summary>Like <see cref="ModelInput"/>, for runs that go on after the call returns: leave the memory alone until then.</summary>
public readonly struct ModelInputMemory
{
    private InputKind Kind { get; init; }

    private ReadOnlyMemory<float> Values { get; init; }

    private ReadOnlyMemory<int> Ids { get; init; }

    private ReadOnlyMemory<int> TypeIds { get; init; }

    private ReadOnlyMemory<int> Lengths { get; init; }

    /// <summary>As <see cref="ModelInput.Pixels"/>.</summary>
    /// <param name="pixels">[batch, channels, size, size].</param>
    public static ModelInputMemory Pixels(ReadOnlyMemory<float> pixels) => new() { Kind = InputKind.Pixels, Values = pixels };

    /// <summary>As <see cref="ModelInput.Text"/>.</summary>
    /// <param name="ids">Word-piece ids of all texts, packed.</param>
    /// <param name="lengths">Word pieces of each text.</param>
    /// <param name="typeIds">Token type ids, packed likewise; empty: all 0.</param>
    public static ModelInputMemory Text(ReadOnlyMemory<int> ids, ReadOnlyMemory<int> lengths, ReadOnlyMemory<int> typeIds = default) =>
        new() { Kind = InputKind.WordPieces, Ids = ids, Lengths = lengths, TypeIds = typeIds };

    /// <summary>As <see cref="ModelInput.Samples"/>.</summary>
    /// <param name="samples">Samples of all recordings, packed.</param>
    /// <param name="lengths">Samples of each recording.</param>
    public static ModelInputMemory Samples(ReadOnlyMemory<float> samples, ReadOnlyMemory<int> lengths) =>
        new() { Kind = InputKind.Samples, Values = samples, Lengths = lengths };

    internal ModelInput Input => Kind switch
    {
        InputKind.Pixels => ModelInput.Pixels(Values.Span),
        InputKind.WordPieces => ModelInput.Text(Ids.Span, Lengths.Span, TypeIds.Span),
        _ => ModelInput.Samples(Values.Span, Lengths.Span),
    };
}
