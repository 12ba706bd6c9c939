using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed class DenseLayersTests
{
    private sealed class Values(float[] values, params int[] shape) : Weight
    {
        public override string Name => "values";

        public override IReadOnlyList<int> Shape => shape;

        public override WeightPrecision StoredAs => WeightPrecision.Float32;

        public override void CopyTo(Span<float> destination, int start = 0) => values.AsSpan(start, destination.Length).CopyTo(destination);

        public override void CopyTo(Span<double> destination, int start = 0)
        {
            for (int i = 0; i < destination.Length; i++)
                destination[i] = values[start + i];
        }
    }

    // Hidden widths at and beside a page, where rows are laid further apart.
    [Test]
    public void HiddenUnitsOfAnyWidthAgreeWithReference([Values(31, 1023, 1024, 1040, 2048, 3072)] int hidden, [Values(1, 29)] int rows)
    {
        var random = new Random(hidden + rows);
        var space = new RowSpace("samples", static length => length);
        Buffer input = new("in", space, 1), units = new("hidden", space, hidden), output = new("out", space, 5);
        var plan = new ForwardPlan(InputKind.Samples, 1,
        [
            new LoadSamples(input),
            new Linear(input, units, Random(hidden, hidden, 1), Random(hidden, hidden), Activation.Gelu),
            new Linear(units, output, Random(5 * hidden, 5, hidden), Random(5, 5)),
        ], output, "out", [], space, 0, false);
        float[] samples = [.. Enumerable.Range(0, rows).Select(_ => 2 * random.NextSingle() - 1)];
        float[] expected = Run(new ReferenceBackend(plan), samples, 5 * rows), actual = Run(new CpuBackend(plan, 2), samples, 5 * rows);
        for (int i = 0; i < expected.Length; i++)
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(2e-5));

        Values Random(int count, params int[] shape) => new([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)], shape);
    }

    private static float[] Run(IBackend backend, float[] samples, int outputs)
    {
        float[] result = new float[outputs];
        using (backend)
        using (IForward forward = backend.CreateForward(1, samples.Length))
            forward.Run(new ForwardRun { Lengths = [samples.Length], Values = samples, Routing = RoutingRule.AsTrained, Output = result });
        return result;
    }
}
