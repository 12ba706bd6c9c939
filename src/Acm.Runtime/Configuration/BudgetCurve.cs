using Acm.Runtime.Configuration;

namespace Acm.Runtime;

/// <summary>What a budget resolves to.</summary>
/// <param name="Lambda">Goes to the gates, as - lambda * k.</param>
/// <param name="Fraction">The share of the learners' cost that this lambda had on the calibration data.</param>
/// <param name="Clamped">True where the budget asked for lies outside the calibrated range and its nearest end is used.</param>
public readonly record struct BudgetPoint(double Lambda, double Fraction, bool Clamped);

/// <summary>The calibration of a model's run-time budget knob: which lambda gives which share of the learners' cost.</summary>
public sealed class BudgetCurve
{
    private const int MostPoints = 100_000;

    // Differences and interpolations of metrics stay finite.
    private const double MostOfMetric = 1e300;

    private readonly double[] _lambda;
    private readonly double[] _fraction;

    private BudgetCurve(double[] lambda, double[] fraction, string? metric, IReadOnlyDictionary<string, IReadOnlyList<double>> metrics)
    {
        _lambda = lambda;
        _fraction = fraction;
        Metric = metric;
        Metrics = metrics;
    }

    /// <summary>The calibrated lambdas, ascending.</summary>
    public IReadOnlyList<double> Lambda => _lambda;

    /// <summary>The share of the learners' cost at each lambda, 0 to 1.</summary>
    public IReadOnlyList<double> Fraction => _fraction;

    /// <summary>Which of <see cref="Metrics"/> says how good the model is; null where none does.</summary>
    public string? Metric { get; }

    /// <summary>What else was measured at each lambda, by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double>> Metrics { get; }

    /// <summary>The smallest lambda whose interpolated fraction is the one asked for; the nearest end outside the calibrated range.</summary>
    /// <param name="fraction">Share of the learners' cost, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is not from 0 to 1.</exception>
    public BudgetPoint Resolve(double fraction)
    {
        if (!(fraction >= 0 && fraction <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "A budget is a fraction from 0 to 1.");
        }
        // Measured curves may have a bump: the first crossing is the one that keeps the most trained behaviour.
        for (int i = 0; i < _fraction.Length; i++)
        {
            if (_fraction[i] == fraction)
            {
                return new BudgetPoint(_lambda[i], fraction, Clamped: false);
            }
            if (i + 1 < _fraction.Length && (_fraction[i] - fraction) * (_fraction[i + 1] - fraction) < 0)
            {
                double share = (_fraction[i] - fraction) / (_fraction[i] - _fraction[i + 1]);
                return new BudgetPoint(_lambda[i] + share * (_lambda[i + 1] - _lambda[i]), fraction, Clamped: false);
            }
        }
        double nearest = fraction > _fraction.Max() ? _fraction.Max() : _fraction.Min();
        return new BudgetPoint(_lambda[Array.IndexOf(_fraction, nearest)], nearest, Clamped: true);
    }

    /// <summary>The interpolated fraction at a lambda; that of the nearest end outside the calibrated range.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lambda"/> is NaN.</exception>
    public double FractionAt(double lambda) => Interpolate(_fraction, lambda);

    /// <summary>The interpolated value of one of <see cref="Metrics"/> at a lambda; that of the nearest end outside the calibrated range.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="metric"/> is null.</exception>
    /// <exception cref="KeyNotFoundException"><see cref="Metrics"/> has no such name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lambda"/> is NaN.</exception>
    public double MetricAt(string metric, double lambda) => Interpolate([.. Metrics[metric]], lambda);

    private double Interpolate(double[] values, double lambda)
    {
        if (double.IsNaN(lambda))
        {
            throw new ArgumentOutOfRangeException(nameof(lambda), lambda, "Lambda is a number.");
        }
        if (lambda <= _lambda[0])
        {
            return values[0];
        }
        for (int i = 1; i < _lambda.Length; i++)
        {
            if (lambda <= _lambda[i])
            {
                double share = (lambda - _lambda[i - 1]) / (_lambda[i] - _lambda[i - 1]);
                return values[i - 1] + share * (values[i] - values[i - 1]);
            }
        }
        return values[^1];
    }

    internal static BudgetCurve? Read(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }
        double[] lambda = node.Numbers("lambda", MostPoints, least: -1e6, most: 1e6);
        double[] fraction = node.Numbers("fraction", MostPoints, least: 0, most: 1);
        if (lambda.Length == 0)
        {
            throw node.Wrong("lambda", "at least one number", "an empty array");
        }
        if (fraction.Length != lambda.Length)
        {
            throw node.Wrong("fraction", $"{lambda.Length} numbers, as in lambda", $"{fraction.Length}");
        }
        string? named = node.TextOrNull("metric");
        foreach (string key in new[] { named, "accuracy" }.OfType<string>())
        {
            if (node.Has(key) && !node.HoldsNumbers(key, lambda.Length))
            {
                throw node.Wrong(key, $"{lambda.Length} numbers, as in lambda", "something else");
            }
        }
        int[] order = [.. Enumerable.Range(0, lambda.Length).OrderBy(i => lambda[i])];
        var metrics = node.Keys
            .Where(key => key is not ("lambda" or "fraction") && node.HoldsNumbers(key, lambda.Length))
            .ToDictionary(key => key, key => Ordered(node.Numbers(key, MostPoints, -MostOfMetric, MostOfMetric)), StringComparer.Ordinal);
        var ascending = Ordered(lambda);
        for (int i = 1; i < ascending.Count; i++)
        {
            if (ascending[i] == ascending[i - 1])
            {
                throw node.Wrong("lambda", "each lambda once", $"{ascending[i]} twice");
            }
        }
        string? metric = named is not null && metrics.ContainsKey(named) ? named : metrics.ContainsKey("accuracy") ? "accuracy" : null;
        return new BudgetCurve([.. ascending], [.. Ordered(fraction)], metric, metrics);

        IReadOnlyList<double> Ordered(double[] values) => [.. order.Select(i => values[i])];
    }
}
