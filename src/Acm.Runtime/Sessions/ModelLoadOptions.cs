namespace Acm.Runtime;

/// <summary>How a model package is read.</summary>
public sealed class ModelLoadOptions
{
    /// <summary>Accept weights that hold NaN or infinity. They are refused otherwise.</summary>
    public bool AllowNonFinite { get; init; }

    /// <summary>Which definition of an ACM's output to follow; null: the one the package names.</summary>
    public AcmSemantics? Semantics { get; init; }
}
