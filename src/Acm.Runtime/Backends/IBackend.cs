using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends;

/// <summary>
/// A plan made ready for one kind of machine: weights packed once, shared by all its forwards. Thread-safe.
/// </summary>
internal interface IBackend : IDisposable
{
    /// <summary><c>reference</c>, <c>cpu</c>, <c>cuda</c>, <c>simulator</c>.</summary>
    string Name { get; }

    /// <summary>One line for people: instruction set and threads, or device and compiler.</summary>
    string Description { get; }

    /// <summary>What it carries out for a run of <see cref="ForwardRun.OutputOnly"/>, where that is less than its plan; null: the plan.</summary>
    ForwardPlan? OutputPlan => null;

    /// <summary>A workspace for one run at a time, able to hold <paramref name="maxSequences"/> sequences of <paramref name="maxLength"/> input units in all.</summary>
    /// <param name="maxSequences">Most sequences of a batch.</param>
    /// <param name="maxLength">Longest total input length of a batch (sum over its sequences: images, word pieces, samples).</param>
    IForward CreateForward(int maxSequences, int maxLength);

    /// <summary>
    /// Waits, in turn, until a run may begin, before it takes a workspace: where runs would only be in each other's way, there are no more workspaces than
    /// runs that can go on at once. Followed by one <see cref="Leave"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited: there is nothing to leave.</exception>
    void Enter(CancellationToken cancellation)
    {
    }

    /// <summary>Ends what began with <see cref="Enter"/>.</summary>
    void Leave()
    {
    }
}

/// <summary>A workspace that carries out one run at a time. Not thread-safe: the session lends it to one caller.</summary>
internal interface IForward : IDisposable
{
    /// <summary>Whether it can carry out another run; one that cannot is disposed of, and the next run gets a new one.</summary>
    bool IsUsable => true;

    /// <summary>Whether <see cref="Run"/> fills <see cref="ForwardRun.Classes"/> and then leaves <see cref="ForwardRun.Output"/> alone.</summary>
    bool FillsClasses => false;

    /// <summary>Runs the plan, between <see cref="IBackend.Enter"/> and <see cref="IBackend.Leave"/>. Everything in <paramref name="run"/> has been checked; throws OperationCanceledException between ops.</summary>
    void Run(in ForwardRun run);
}

/// <summary>One run: inputs, routing, and where the results go. Spans belong to the caller and outlive the call.</summary>
internal readonly ref struct ForwardRun
{
    /// <summary>Input length of each sequence (images: 1 each; text: word pieces; speech: samples); all at least 1.</summary>
    public required ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>Pixels or samples, sequences packed one after the other.</summary>
    public ReadOnlySpan<float> Values { get; init; }

    /// <summary>Word piece ids, packed.</summary>
    public ReadOnlySpan<int> Ids { get; init; }

    /// <summary>Token type ids, packed, or empty for all 0.</summary>
    public ReadOnlySpan<int> TypeIds { get; init; }

    /// <summary>How k is chosen.</summary>
    public required RoutingRule Routing { get; init; }

    /// <summary>Receives the output buffer: [rows, width], packed.</summary>
    public required Span<float> Output { get; init; }

    /// <summary>Where classes are asked for in place of logits, receives the best of each output row from a forward that fills them; else empty.</summary>
    public Span<int> Classes { get; init; }

    /// <summary>
    /// Receives k: for site s, from s * tokens on, of each row that the site ran on (all tokens, or under <see cref="OutputOnly"/> maybe one a
    /// sequence), packed; or empty.
    /// </summary>
    public Span<int> Choices { get; init; }

    /// <summary>Receives the hidden states: [taps, tokens, width], or empty.</summary>
    public Span<float> Hidden { get; init; }

    /// <summary>Like <see cref="Output"/>, in double: only Reference fills it, for parity; or empty.</summary>
    public Span<double> ExactOutput { get; init; }

    /// <summary>Like <see cref="Hidden"/>, in double: only Reference fills it; or empty.</summary>
    public Span<double> ExactHidden { get; init; }

    /// <summary>Rows that the output does not need may be left out: nobody looks at hidden states, or at k beyond counting it.</summary>
    public bool OutputOnly { get; init; }

    /// <summary>Looked at between ops.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>How k is chosen: by the gates with lambda, at a fixed width, or as given.</summary>
/// <param name="Lambda">Subtracted from the gates' logits as lambda * k.</param>
/// <param name="FixedLearners">If not null: k of every row, capped by the site's N and nothing else (0 runs no learner, whatever MinK); gates skipped.</param>
/// <param name="Forced">If not null: per site of the plan, k (0..N) of each packed token row, or a null entry for a site that is free.</param>
/// <remarks>
/// Under <c>PublishedCode</c> the off-by-one applies to chosen and forced k alike, as in the released gated forward; a fixed width
/// is not gated and runs what it says. What is reported as k is always the choice, not what the off-by-one left of it.
/// </remarks>
internal readonly record struct RoutingRule(double Lambda, int? FixedLearners, IReadOnlyList<ReadOnlyMemory<int>?>? Forced)
{
    /// <summary>As trained.</summary>
    public static RoutingRule AsTrained => default;
}
