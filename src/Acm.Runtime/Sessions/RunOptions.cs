namespace Acm.Runtime;

/// <summary>How one run spends compute. At most one of <see cref="Budget"/>, <see cref="Lambda"/> and <see cref="FixedLearners"/>; none: the model as trained.</summary>
public sealed class RunOptions
{
    /// <summary>Share of the learners' cost to aim at, 0 to 1; needs a calibrated model.</summary>
    public double? Budget { get; init; }

    /// <summary>What a learner costs, in the gates' logits: higher means fewer. 0 is the model as trained; from -1e37 to 1e37.</summary>
    public double? Lambda { get; init; }

    /// <summary>Every token gets this many learners in every ACM (all of them, where an ACM has fewer); the gates are skipped.</summary>
    public int? FixedLearners { get; init; }

    /// <summary>Learner counts to use instead of the gates', by the ACM's path: one per packed token, 0 to the ACM's N. <see cref="FixedLearners"/> goes before it.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<int>>? ForcedK { get; init; }

    /// <summary>
    /// Of models that give logits, only the best class of each row (<see cref="InferenceResult.Classes"/>): <see cref="InferenceResult.Output"/> stays empty, and from a
    /// device come back 4 bytes a row in place of all logits.
    /// </summary>
    public bool ClassesOnly { get; init; }

    /// <summary>Ends the run early, between two steps of the forward.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>What a run's budget came to.</summary>
/// <param name="Requested">The share asked for; null where none was.</param>
/// <param name="Lambda">What the gates got.</param>
/// <param name="Fraction">The share of the learners' cost that lambda had on the calibration data; null where there is none for it, and at a fixed width.</param>
/// <param name="OutsideCalibration">True where the calibration does not reach what was asked for: of a budget its nearest end was used, a lambda as it is.</param>
/// <param name="FixedLearners">The fixed width; null where the gates chose.</param>
public readonly record struct AppliedBudget(double? Requested, double Lambda, double? Fraction, bool OutsideCalibration, int? FixedLearners)
{
    /// <summary>True where a budget lies outside the calibrated range and its nearest end was used.</summary>
    public bool Clamped => Requested is not null && OutsideCalibration;
}
