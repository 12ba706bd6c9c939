using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Reference;

/// <summary>
/// The oracle: double precision, plain loops, one row at a time, no packing, no folding, no threads. It reads like the
/// maths and is never optimised.
/// </summary>
internal sealed class ReferenceBackend : IBackend
{
    private readonly ForwardPlan _plan;
    private readonly Dictionary<Weight, double[]> _values = new(ReferenceEqualityComparer.Instance);

    public ReferenceBackend(ForwardPlan plan)
    {
        _plan = plan;
        foreach (var weight in OpWeights.Of(plan))
        {
            double[] values = new double[weight.Count];
            weight.CopyTo(values);
            _values[weight] = values;
        }
    }

    public string Name => "reference";

    public string Description => "double precision, plain loops, one thread a run";

    public IForward CreateForward(int maxSequences, int maxLength) => new ReferenceForward(_plan, weight => _values[weight]);

    public void Dispose()
    {
    }
}
