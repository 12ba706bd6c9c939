namespace Acm.Runtime.Plan;

/// <summary>
/// A parameter of the model as the forward wants it: a tensor of the package, a slice of one (torchvision's packed
/// <c>in_proj_weight</c>), or one composed from several (weight norm). Row-major; backends copy or pack it once at load.
/// </summary>
internal abstract class Weight
{
    /// <summary>The tensor's name in the package, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Row-major shape.</summary>
    public abstract IReadOnlyList<int> Shape { get; }

    /// <summary>The precision the package stores it in: what <c>Precision.Auto</c> follows.</summary>
    public abstract WeightPrecision StoredAs { get; }

    /// <summary>The narrowest precision that holds every value as it is: the stored one, unless the values are computed from it.</summary>
    public virtual WeightPrecision HeldBy => StoredAs;

    /// <summary>Number of elements.</summary>
    public int Count => Shape.Aggregate(1, static (product, size) => checked(product * size));

    /// <summary>Copies elements <paramref name="start"/>.. in row-major order, widened or rounded to nearest.</summary>
    public abstract void CopyTo(Span<float> destination, int start = 0);

    /// <summary>Copies elements <paramref name="start"/>.. in row-major order, widened exactly.</summary>
    public abstract void CopyTo(Span<double> destination, int start = 0);
}

/// <summary>The element type a weight was stored with.</summary>
internal enum WeightPrecision { Float32, Float16, BFloat16 }
