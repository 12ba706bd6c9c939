using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>
/// What a run gave. Made by <see cref="InferenceSession.CreateResult"/> and reused from run to run: it grows to the largest batch
/// it has seen and allocates nothing then. One run at a time; spans are valid until the next.
/// </summary>
public sealed class InferenceResult
{
    private readonly Dictionary<string, int> _sites;
    private readonly bool _hidden;
    private readonly bool _routing;
    private readonly bool _exact;
    private readonly int _hiddenWidth;
    private float[] _output = [];
    private float[] _states = [];
    private double[] _exactOutput = [];
    private double[] _exactStates = [];
    private int[] _k = [];
    private int[] _classes = [];
    private int[] _outputRows = [];
    private int[] _tokensOf = [];
    private int _totalOutputRows;
    private int _preparedTokens;
    private int _preparedRows;
    private int _preparedStates;
    private bool _classesOnly;

    internal InferenceResult(ForwardPlan plan, bool hidden, bool routing, bool exact)
    {
        Plan = plan;
        _hidden = hidden;
        _routing = routing;
        _exact = exact;
        _hiddenWidth = plan.Ops.OfType<Tap>().FirstOrDefault()?.In.Width ?? 0;
        _sites = plan.Sites.Select((site, index) => (site.Path, index)).ToDictionary(static pair => pair.Path, static pair => pair.index, StringComparer.Ordinal);
    }

    /// <summary>Sequences of the last run; 0 before the first, and after one that failed.</summary>
    public int Batch { get; private set; }

    /// <summary>Logits or embeddings, [rows of all sequences, <see cref="OutputWidth"/>], packed; empty after a run with <see cref="RunOptions.ClassesOnly"/>.</summary>
    public ReadOnlySpan<float> Output => _output.AsSpan(0, _classesOnly ? 0 : _totalOutputRows * OutputWidth);

    /// <summary>After a run with <see cref="RunOptions.ClassesOnly"/>, the index of each row's largest logit, the lowest on a tie, packed; else empty.</summary>
    public ReadOnlySpan<int> Classes => _classes.AsSpan(0, _classesOnly ? _totalOutputRows : 0);

    /// <summary>Classes, characters, or the embedding's width.</summary>
    public int OutputWidth => Plan.Output.Width;

    /// <summary><c>logits</c> or <c>embeddings</c>.</summary>
    public string OutputName => Plan.OutputName;

    /// <summary>Output rows of each sequence: 1, or a speech model's frames.</summary>
    public ReadOnlySpan<int> OutputRows => _outputRows.AsSpan(0, Batch);

    /// <summary>Tokens of all sequences.</summary>
    public int Tokens { get; private set; }

    /// <summary>Tokens of each sequence.</summary>
    public ReadOnlySpan<int> TokensOf => _tokensOf.AsSpan(0, Batch);

    /// <summary>Learners of each packed token at one ACM.</summary>
    /// <param name="site">Index in <see cref="AcmModel.Sites"/>.</param>
    /// <exception cref="InvalidOperationException">The result was made without routing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The model has no ACM of that index.</exception>
    public ReadOnlySpan<int> K(int site)
    {
        if (!_routing)
        {
            throw new InvalidOperationException("The result was made with routing: false and holds no k; one of CreateResult() does.");
        }
        ArgumentOutOfRangeException.ThrowIfNegative(site);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(site, Plan.Sites.Count);
        return _k.AsSpan(site * Tokens, Tokens);
    }

    /// <summary>Learners of each packed token at one ACM.</summary>
    /// <param name="path">The ACM's path.</param>
    /// <exception cref="InvalidOperationException">The result was made without routing.</exception>
    /// <exception cref="ArgumentException">The model has no ACM of that path.</exception>
    public ReadOnlySpan<int> K(string path) => _sites.TryGetValue(path, out int site)
        ? K(site)
        : throw new ArgumentException($"'{path}' is none of the model's {Plan.Sites.Count} ACMs.", nameof(path));

    /// <summary>Number of hidden states: 1 + the model's layers; 0 unless the result was made to hold them.</summary>
    public int HiddenCount => _hidden ? Plan.HiddenCount : 0;

    /// <summary>A hidden state, [tokens, width], packed: 0 is the embeddings' output, i what layer i - 1 puts out.</summary>
    /// <param name="index">0 to <see cref="HiddenCount"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The result holds no hidden state of that index; none at all unless it was made to.</exception>
    public ReadOnlySpan<float> Hidden(int index) => _states.AsSpan(StateStart(index), Tokens * _hiddenWidth);

    /// <summary>
    /// The cost-weighted share of all learners that ran, over the rows that were computed (<see cref="InferenceSession.CreateResult"/> says which);
    /// 1 where the model has none.
    /// </summary>
    public double LearnerFraction { get; private set; }

    /// <summary>Multiply-adds of the run: everything dense, the gates that ran, the learners each token got; of the rows that were computed.</summary>
    public long Macs { get; private set; }

    /// <summary>Multiply-adds of the dense model that the ACMs stand in for, on the same batch and the same rows.</summary>
    public long DenseMacs { get; private set; }

    /// <summary>What the run's budget came to.</summary>
    public AppliedBudget Budget { get; private set; }

    internal ForwardPlan Plan { get; }

    /// <summary>Whether it holds the output alone, so that rows which do not reach it need not be computed.</summary>
    internal bool OutputOnly => !_hidden && !_routing;

    /// <summary><see cref="Output"/> in double; empty unless Reference ran.</summary>
    internal ReadOnlySpan<double> ExactOutput => _exactOutput.AsSpan(0, _exact && !_classesOnly ? _totalOutputRows * OutputWidth : 0);

    /// <summary><see cref="Hidden"/> in double; empty unless Reference ran.</summary>
    internal ReadOnlySpan<double> ExactHidden(int index) => _exact ? _exactStates.AsSpan(StateStart(index), Tokens * _hiddenWidth) : default;

    /// <summary>Empties the result.</summary>
    internal void Clear()
    {
        (Batch, Tokens, _totalOutputRows) = (0, 0, 0);
        (Budget, Macs, DenseMacs, LearnerFraction) = (default, 0, 0, 0);
    }

    /// <summary>Makes room for a batch; until <see cref="Complete"/> the result counts as empty.</summary>
    /// <exception cref="ArgumentException">The batch gives more than an array holds; names both numbers.</exception>
    internal void Prepare(ReadOnlySpan<int> lengths, bool classesOnly = false)
    {
        _classesOnly = classesOnly;
        Grow(ref _outputRows, lengths.Length);
        Grow(ref _tokensOf, lengths.Length);
        long allTokens = 0, allRows = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            allTokens += _tokensOf[i] = Plan.Tokens.RowsOf(lengths[i]);
            allRows += _outputRows[i] = Plan.Output.Rows.RowsOf(lengths[i]);
        }
        int tokens = Size(allTokens, "tokens"), rows = Size(allRows, "output rows");
        int outputs = Size(allRows * OutputWidth, "numbers of output");
        int choices = Size(allTokens * Plan.Sites.Count, "choices of k");
        int states = _hidden ? Size(allTokens * Plan.HiddenCount * _hiddenWidth, "numbers of hidden states") : 0;
        Grow(ref _output, outputs);
        Grow(ref _k, choices);
        Grow(ref _classes, classesOnly ? rows : 0);
        Grow(ref _states, states);
        Grow(ref _exactOutput, _exact ? outputs : 0);
        Grow(ref _exactStates, _exact ? states : 0);
        (_preparedTokens, _preparedRows, _preparedStates) = (tokens, rows, states);
    }

    internal Span<float> OutputSpace => _output.AsSpan(0, _preparedRows * OutputWidth);

    internal Span<int> ClassSpace => _classes.AsSpan(0, _classesOnly ? _preparedRows : 0);

    /// <summary>Filled whether or not it may be looked at: multiply-adds are counted from it.</summary>
    internal Span<int> KSpace => _k.AsSpan(0, Plan.Sites.Count * _preparedTokens);

    internal Span<float> HiddenSpace => _states.AsSpan(0, _preparedStates);

    internal Span<double> ExactOutputSpace => _exactOutput.AsSpan(0, _exact ? _preparedRows * OutputWidth : 0);

    internal Span<double> ExactHiddenSpace => _exactStates.AsSpan(0, _exact ? _preparedStates : 0);

    internal int PreparedTokens => _preparedTokens;

    internal void Complete(int batch, AppliedBudget budget, long macs, long denseMacs, double fraction)
    {
        (Batch, Tokens, _totalOutputRows) = (batch, _preparedTokens, _preparedRows);
        (Budget, Macs, DenseMacs, LearnerFraction) = (budget, macs, denseMacs, fraction);
    }

    private int StateStart(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return index < HiddenCount
            ? index * Tokens * _hiddenWidth
            : throw new ArgumentOutOfRangeException(nameof(index), index, $"The result holds {HiddenCount} hidden states.");
    }

    private static int Size(long count, string what) => count <= Array.MaxLength
        ? (int)count
        : throw new ArgumentException($"The batch gives {count} {what}; a result holds at most {Array.MaxLength}.", "input");

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length)
        {
            array = new T[length];
        }
    }
}
