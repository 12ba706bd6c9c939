using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// Chooses k for every ACM that reads one buffer, and sorts its rows by it. Folded gates are computed and decided row by row in one pass, and the
/// norm that makes the rows, where there is one, in the same pass before.
/// </summary>
internal sealed unsafe class RouteStep : CpuStep
{
    private const int RowsPerTask = 2 * FoldedGates.Rows;
    private readonly LayerNormStep? _norm;
    private readonly BufferSlot _in;
    private readonly int _tokens;
    private readonly FoldedGates? _folded;
    private readonly GatedSite[] _sites;

    /// <summary>An ACM's gate: which of the plan's sites, where its choices go, and its logits' column among the folded ones, or its own chain.</summary>
    private sealed record GatedSite(AcmSite Site, int Choice, int Index, int Column, GateChain? Chain);

    /// <param name="op">The gates.</param>
    /// <param name="norm">What makes their input, if that is for this step to run.</param>
    /// <param name="backend">Owns the weights.</param>
    public RouteStep(Route op, LayerNormStep? norm, CpuBackend backend)
    {
        _norm = norm;
        (_in, _tokens) = (backend.Slot(op.In), backend.Space(backend.Plan.Tokens));
        _sites = new GatedSite[op.Gates.Count];
        var folding = new List<Gate>();
        int column = 0;
        for (int i = 0; i < _sites.Length; i++)
        {
            var (site, k) = op.Gates[i];
            bool folds = !backend.UnfoldedGates && (site.Gate.Layers.Count == 1 || site.Gate.Activation == Activation.Identity);
            _sites[i] = new GatedSite(site, backend.Slot(k), IndexOf(backend.Plan, site), column, folds ? null : new GateChain(site.Gate, backend));
            if (!folds)
                continue;
            folding.Add(site.Gate);
            column += Outputs(site);
        }
        _folded = folding.Count > 0 ? new FoldedGates(folding, backend) : null;
    }

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int rows = forward.Rows(_in.Rows), lanes = Lanes.Count(rows, forward.Threads);
        bool gates = false;
        foreach (GatedSite site in _sites)
        {
            forward.Choice(site.Choice).Need(rows, site.Site.Learners, lanes);
            gates |= site.Chain is null && IsFree(site, run.Routing);
        }
        if (gates || _norm is not null)
            forward.Parallel(this, gates ? 1 : 0, (rows + RowsPerTask - 1) / RowsPerTask);
        foreach (GatedSite site in _sites)
        {
            Choices choices = forward.Choice(site.Choice);
            if (run.Routing.FixedLearners is { } width)
                new Span<int>(choices.K, rows).Fill(Math.Min(width, site.Site.Learners));
            else if (run.Routing.Forced?[site.Index] is { } forced)
                Force(forced.Span, forward.Starts(_tokens), forward.Starts(_in.Rows), choices.K);
            else if (site.Chain is { } chain)
                Choose(chain.Logits(forward, forward.Buffer(_in), _in.Width, rows), Outputs(site.Site), rows, site.Site.MinK, run.Routing.Lambda, Outputs(site.Site), choices.K);
            choices.Sort(rows, lanes);
            if (!run.Choices.IsEmpty)
                new ReadOnlySpan<int>(choices.K, rows).CopyTo(run.Choices[(site.Index * forward.Rows(_tokens))..]);
        }
    }

    /// <summary>Norm, gates (phase 1) and choices of a few rows.</summary>
    [SkipLocalsInit]
    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int row = task * RowsPerTask, end = Math.Min(row + RowsPerTask, forward.Rows(_in.Rows));
        _norm?.Normalize(forward, row, end);
        if (phase == 0)
            return;
        float* logits = stackalloc float[FoldedGates.Rows * _folded!.Width];
        for (; row < end; row += FoldedGates.Rows)
        {
            int rows = Math.Min(FoldedGates.Rows, end - row);
            _folded.Logits(forward.Buffer(_in) + (nint)row * _in.Width, _in.Width, rows, logits);
            foreach (GatedSite site in _sites)
                if (site.Chain is null && IsFree(site, forward.Routing))
                    Choose(logits + site.Column, _folded.Width, rows, site.Site.MinK, forward.Routing.Lambda, Outputs(site.Site), forward.Choice(site.Choice).K + row);
        }
    }

    // Forced for every token; of a sequence that has fewer rows here, its first ones count.
    private static void Force(ReadOnlySpan<int> forced, ReadOnlySpan<int> tokens, ReadOnlySpan<int> rows, int* k)
    {
        for (int s = 0; s + 1 < rows.Length; s++)
            forced.Slice(tokens[s], rows[s + 1] - rows[s]).CopyTo(new Span<int>(k + rows[s], rows[s + 1] - rows[s]));
    }

    private static int Outputs(AcmSite site) => site.Learners + 1 - site.MinK;

    private static bool IsFree(GatedSite site, in RoutingRule rule) => rule.FixedLearners is null && rule.Forced?[site.Index] is null;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Choose(float* logits, int width, int rows, int leastK, double lambda, int outputs, int* k)
    {
        for (int row = 0; row < rows; row++, logits += width)
        {
            int best = 0;
            double highest = double.NegativeInfinity;
            for (int i = 0; i < outputs; i++)
            {
                double score = logits[i] - lambda * (i + leastK);
                if (double.IsNaN(score))
                {
                    best = 0;
                    break;
                }
                if (score > highest)
                    (best, highest) = (i, score);
            }
            k[row] = best + leastK;
        }
    }

    private static int IndexOf(ForwardPlan plan, AcmSite site)
    {
        for (int i = 0; i < plan.Sites.Count; i++)
            if (ReferenceEquals(plan.Sites[i], site))
                return i;
        throw new InvalidOperationException($"The ACM {site.Path} is not among the plan's sites.");
    }
}
