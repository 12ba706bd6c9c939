namespace Acm.Runtime;

/// <summary>What encoding a batch of texts took.</summary>
/// <param name="Texts">Texts encoded.</param>
/// <param name="Truncated">Texts that were longer than the model reads, and cut.</param>
/// <param name="Empty">Texts without a word piece: each got the vector of <c>[CLS] [SEP]</c>, as in sentence-transformers.</param>
/// <param name="WordPieces">Word pieces run.</param>
/// <param name="Macs">Multiply-adds, of the rows that were computed: with a vector made of the first token the last layer need not be for all.</param>
/// <param name="DenseMacs">The dense architecture's, of the same rows.</param>
/// <param name="Budget">The budget that was applied.</param>
public readonly record struct EncodingReport(int Texts, int Truncated, int Empty, long WordPieces, long Macs, long DenseMacs, AppliedBudget Budget);

/// <summary>
/// Text in, sentence vectors out. Texts are packed one after the other, so a batch of unequal lengths costs what its word
/// pieces cost. Thread-safe as its session is, but for one result buffer: use one encoder a thread.
/// </summary>
public sealed class SentenceEncoder
{
    private readonly InferenceSession _session;
    private readonly InferenceResult _result;
    private readonly WordPieceEncoder _pieces;
    private readonly int _mostTexts, _mostPieces;
    private readonly List<int> _ids = [], _lengths = [];

    /// <summary>An encoder over one session.</summary>
    /// <param name="model">A text model with its vocabulary.</param>
    /// <param name="session">A session of it.</param>
    /// <exception cref="ModelFormatException">The model is no text model or lacks its vocabulary.</exception>
    public SentenceEncoder(AcmModel model, InferenceSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        _pieces = WordPieceEncoder.For(model);
        (_session, _result) = (session, session.CreateResult(routing: false));
        (_mostTexts, _mostPieces) = (session.MaxBatch, session.MaxLength);
    }

    /// <summary>Numbers in one vector.</summary>
    public int Width => _result.OutputWidth;

    /// <summary>Encodes texts.</summary>
    /// <param name="texts">Any number: run in as many batches as the session's limits ask for. An empty one gets a vector too.</param>
    /// <param name="vectors">Receives [texts, <see cref="Width"/>].</param>
    /// <param name="run">Budget and cancellation.</param>
    /// <exception cref="ArgumentNullException"><paramref name="texts"/> is null, or one of them.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="vectors"/> is too small; or what <see cref="InferenceSession.Run"/> does not take: a text of more word pieces than
    /// <see cref="InferenceSession.MaxLength"/>, or <paramref name="run"/>. Texts before it may have their vectors.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="run"/> was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public EncodingReport Encode(IReadOnlyList<string> texts, Span<float> vectors, RunOptions? run = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (vectors.Length < (long)texts.Count * Width)
            throw new ArgumentException($"{texts.Count} vectors of {Width} need {(long)texts.Count * Width} numbers, got {vectors.Length}", nameof(vectors));
        // What a call left that ended before its texts were run.
        Clear();
        EncodingReport report = default;
        for (int next = 0, begun = 0; next < texts.Count;)
        {
            int[] ids = _pieces.Encode(texts[next], out bool truncated);
            if (_lengths.Count == _mostTexts || _ids.Count + ids.Length > _mostPieces && _lengths.Count > 0)
            {
                report = Flush(vectors[(begun * Width)..], report, run);
                begun = next;
            }
            _ids.AddRange(ids);
            _lengths.Add(ids.Length);
            report = report with { Truncated = report.Truncated + (truncated ? 1 : 0), Empty = report.Empty + (ids.Length == 2 ? 1 : 0) };
            if (++next == texts.Count)
                report = Flush(vectors[(begun * Width)..], report, run);
        }
        return report;
    }

    private EncodingReport Flush(Span<float> vectors, EncodingReport report, RunOptions? run)
    {
        try
        {
            _session.Run(
                ModelInput.Text(
                    System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids), System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_lengths)),
                _result, run);
            _result.Output.CopyTo(vectors);
            return report with
            {
                Texts = report.Texts + _lengths.Count,
                WordPieces = report.WordPieces + _ids.Count,
                Macs = report.Macs + _result.Macs,
                DenseMacs = report.DenseMacs + _result.DenseMacs,
                Budget = _result.Budget,
            };
        }
        finally
        {
            Clear();
        }
    }

    private void Clear()
    {
        _ids.Clear();
        _lengths.Clear();
    }
}
