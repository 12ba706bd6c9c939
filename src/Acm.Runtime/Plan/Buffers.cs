namespace Acm.Runtime.Plan;

/// <summary>
/// A way of cutting a batch into rows: every sequence of the batch owns a run of consecutive rows, and the runs of all
/// sequences are packed one after the other without padding. A ViT has 1 + patches rows an image, a text encoder one per
/// word piece, each convolution of Wav2Vec2 its own number of frames, and a pooled vector one row a sequence.
/// </summary>
/// <param name="Name">For messages and tables.</param>
/// <param name="RowsOf">Rows of a sequence, from its input length (images: 1, text: word pieces, speech: samples).</param>
internal sealed record RowSpace(string Name, Func<int, int> RowsOf)
{
    /// <summary>One row a sequence.</summary>
    public static RowSpace Sequence { get; } = new("sequence", static _ => 1);
}

/// <summary>A named matrix of the forward, [rows of <paramref name="Rows"/>, <paramref name="Width"/>], row-major.</summary>
internal sealed record Buffer(string Name, RowSpace Rows, int Width);

/// <summary>The learner counts an ACM's gate chose: int32, one per row of the ACM's input.</summary>
internal sealed record ChoiceBuffer(string Name, RowSpace Rows);
