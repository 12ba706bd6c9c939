using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
[NonParallelizable]
public sealed class CpuBackendTests
{
    private sealed class Unreadable(params int[] shape) : Weight
    {
        public override string Name => "unreadable";

        public override IReadOnlyList<int> Shape => shape;

        public override WeightPrecision StoredAs => WeightPrecision.Float32;

        public override void CopyTo(Span<float> destination, int start = 0) => throw new OutOfMemoryException();

        public override void CopyTo(Span<double> destination, int start = 0) => throw new OutOfMemoryException();
    }

    [Test]
    public void ABackendThatCannotPackItsWeightsKeepsNoPoolOpen()
    {
        // A pool of its own, without helpers.
        const int threads = 1;
        int[] cores = [0];
        Buffer input = new("in", RowSpace.Sequence, 1), output = new("out", RowSpace.Sequence, 5);
        ForwardPlan plan = new(InputKind.Samples, 1, [new LoadSamples(input), new Linear(input, output, new Unreadable(5, 1), null)],
            output, "out", [], RowSpace.Sequence, 0, false);
        WorkerPool pool = WorkerPool.Open(threads, cores);
        Assert.Throws<OutOfMemoryException>(() => new CpuBackend(plan, threads, cores: cores));
        Assert.That(pool.Slots.TryEnter(), Is.True, "its slot is free again");
        pool.Slots.Leave();
        pool.Close();
        WorkerPool next = WorkerPool.Open(threads, cores);
        Assert.That(next, Is.Not.SameAs(pool), "the last user closed it");
        next.Close();
    }
}
