using Acm.Runtime.Plan;

namespace Acm.Runtime.Models;

/// <summary>A tensor of the package, or equal consecutive parts of one along its first dimension.</summary>
internal sealed class TensorWeight(TensorView view, int[] shape, long first) : Weight
{
    public override string Name => view.Name;

    public override IReadOnlyList<int> Shape => shape;

    public override WeightPrecision StoredAs => Precision(view.DType);

    public override void CopyTo(Span<float> destination, int start = 0) =>
        view.CopyTo(first + start, destination[..Math.Min(destination.Length, Count - start)]);

    public override void CopyTo(Span<double> destination, int start = 0) =>
        view.CopyTo(first + start, destination[..Math.Min(destination.Length, Count - start)]);

    /// <summary>The precision a package's type stands for.</summary>
    public static WeightPrecision Precision(TensorDType type) => type switch
    {
        TensorDType.F16 => WeightPrecision.Float16,
        TensorDType.BF16 => WeightPrecision.BFloat16,
        _ => WeightPrecision.Float32,
    };
}
