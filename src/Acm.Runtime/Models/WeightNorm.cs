using Acm.Runtime.Plan;

namespace Acm.Runtime.Models;

/// <summary>
/// Weight normalisation over the last dimension, composed once in double:
/// <c>weight[o, c, j] = g[j] * v[o, c, j] / |v[:, :, j]|</c>.
/// </summary>
internal sealed class WeightNorm : Weight
{
    private readonly double[] _values;

    public WeightNorm(Weight magnitude, Weight direction)
    {
        Name = direction.Name;
        Shape = direction.Shape;
        StoredAs = direction.StoredAs;
        int taps = direction.Shape[^1];
        double[] g = new double[taps], squares = new double[taps];
        _values = new double[direction.Count];
        magnitude.CopyTo(g);
        direction.CopyTo(_values);
        for (int i = 0; i < _values.Length; i++)
        {
            squares[i % taps] += _values[i] * _values[i];
        }
        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] *= g[i % taps] / Math.Sqrt(squares[i % taps]);
        }
    }

    public override string Name { get; }

    public override IReadOnlyList<int> Shape { get; }

    public override WeightPrecision StoredAs { get; }

    public override WeightPrecision HeldBy => WeightPrecision.Float32;

    /// <summary>False where a direction has no length, or a tap overflowed.</summary>
    public bool AllFinite => Array.TrueForAll(_values, double.IsFinite);

    public override void CopyTo(Span<float> destination, int start = 0)
    {
        for (int i = 0; i < Math.Min(destination.Length, _values.Length - start); i++)
        {
            destination[i] = (float)_values[start + i];
        }
    }

    public override void CopyTo(Span<double> destination, int start = 0) =>
        _values.AsSpan(start, Math.Min(destination.Length, _values.Length - start)).CopyTo(destination);
}
