using Acm.Runtime.Plan;

namespace Acm.Testing;

/// <summary>A weight that is an array of doubles, for plans that tests write by hand.</summary>
internal sealed class ArrayWeight(string name, double[] values, params int[] shape) : Weight
{
    /// <summary>A weight of float32 values.</summary>
    public ArrayWeight(string name, float[] values, params int[] shape)
        : this(name, Array.ConvertAll(values, static value => (double)value), shape)
    {
    }

    public override string Name => name;

    public override IReadOnlyList<int> Shape => shape;

    public override WeightPrecision StoredAs => WeightPrecision.Float32;

    public override void CopyTo(Span<float> destination, int start = 0)
    {
        for (int i = 0; i < Math.Min(destination.Length, values.Length - start); i++)
        {
            destination[i] = (float)values[start + i];
        }
    }

    public override void CopyTo(Span<double> destination, int start = 0) =>
        values.AsSpan(start, Math.Min(destination.Length, values.Length - start)).CopyTo(destination);
}
