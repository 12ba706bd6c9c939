using System.Runtime.CompilerServices;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>From a caller's options to the rule a backend follows.</summary>
internal sealed class RoutingResolver(ForwardPlan plan, BudgetCurve? curve)
{
    // Devices compute lambda times learners in float32: beyond it scores are infinite and equal, and the gates' choice is that of a tie.
    private const double MostLambda = 1e37;

    private static readonly RunOptions AsTrained = new();

    private readonly int _mostLearners = plan.Sites.Select(static site => site.Learners).DefaultIfEmpty(0).Max();

    /// <summary>Resolves and checks.</summary>
    /// <param name="options">The caller's; null: as trained.</param>
    /// <param name="tokens">Rows of the batch at the ACMs.</param>
    /// <param name="forced">Room for one entry per site.</param>
    /// <exception cref="ArgumentException">The options contradict each other, the model or the batch.</exception>
    public (RoutingRule Rule, AppliedBudget Applied) Resolve(RunOptions? options, int tokens, ReadOnlyMemory<int>?[] forced)
    {
        options ??= AsTrained;
        int asked = (options.Budget is null ? 0 : 1) + (options.Lambda is null ? 0 : 1) + (options.FixedLearners is null ? 0 : 1);
        if (asked > 1)
        {
            throw new ArgumentException($"At most 1 of Budget, Lambda and FixedLearners can be given; {asked} are.", nameof(options));
        }
        bool anyForced = Force(options.ForcedK, tokens, forced);
        var applied = Apply(options);
        return (new RoutingRule(applied.Lambda, applied.FixedLearners, anyForced ? forced : null), applied);
    }

    private AppliedBudget Apply(RunOptions options)
    {
        if (options.FixedLearners is { } width)
        {
            return new AppliedBudget(null, 0, null, false, Width(width));
        }
        if (options.Budget is { } budget)
        {
            if (!(budget >= 0 && budget <= 1))
            {
                throw new ArgumentOutOfRangeException(nameof(options), budget, "A budget is a share from 0 to 1.");
            }
            if (curve is null || plan.Sites.Count == 0)
            {
                throw new ArgumentException($"A budget of {budget} was asked for, but the model has {(curve is null ? "no calibration" : "no ACMs")}.", nameof(options));
            }
            var point = curve.Resolve(budget);
            return new AppliedBudget(budget, point.Lambda, point.Fraction, point.Clamped, null);
        }
        double lambda = options.Lambda ?? 0;
        if (!(Math.Abs(lambda) <= MostLambda))
        {
            throw new ArgumentOutOfRangeException(nameof(options), lambda, "Lambda is a finite number from -1e37 to 1e37.");
        }
        bool outside = curve is not null && (lambda < curve.Lambda[0] || lambda > curve.Lambda[^1]);
        return new AppliedBudget(null, lambda, outside ? null : curve?.FractionAt(lambda), outside, null);
    }

    private int Width(int width) => width >= 0 && width <= _mostLearners
        ? width
        : throw new ArgumentOutOfRangeException(nameof(width), width, $"The model's ACMs have at most {_mostLearners} learners; the fixed width lies between 0 and that.");

    private bool Force(IReadOnlyDictionary<string, ReadOnlyMemory<int>>? given, int tokens, ReadOnlyMemory<int>?[] forced)
    {
        Array.Clear(forced);
        if (given is null || given.Count == 0)
        {
            return false;
        }
        int found = 0;
        for (int s = 0; s < forced.Length; s++)
        {
            if (given.TryGetValue(plan.Sites[s].Path, out var k))
            {
                CheckForced(plan.Sites[s], k.Span, tokens);
                forced[s] = k;
                found++;
            }
        }
        if (found != given.Count)
        {
            string unknown = given.Keys.First(path => plan.Sites.All(site => site.Path != path));
            throw new ArgumentException($"k is forced for '{unknown}', which is none of the model's {plan.Sites.Count} ACMs.", nameof(given));
        }
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CheckForced(AcmSite site, ReadOnlySpan<int> k, int tokens)
    {
        if (k.Length != tokens)
        {
            throw new ArgumentException($"k is forced for {k.Length} tokens at {site.Path}; the batch has {tokens}.", nameof(k));
        }
        for (int i = 0; i < k.Length; i++)
        {
            if ((uint)k[i] > (uint)site.Learners)
            {
                throw new ArgumentException($"k = {k[i]} is forced for token {i} at {site.Path}, which has 0 to {site.Learners} learners to run.", nameof(k));
            }
        }
    }
}
