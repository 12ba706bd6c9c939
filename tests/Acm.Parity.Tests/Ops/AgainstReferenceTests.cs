using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Ops;

/// <summary>Ops in settings that golden/ops does not have: every other backend against Reference.</summary>
public class AgainstReferenceTests
{
    private static readonly int[] Lengths = [90, 1, 60];
    private readonly Random _random = new(7);

    [Test]
    public void Every_channel_of_a_channel_norm_is_activated([ValueSource(nameof(Backends))] int backend, [Values(1, 32, 33, 70)] int channels) =>
        Check(backend, channels, (bench, x) =>
        {
            var y = new Buffer("y", bench.Rows, channels);
            bench.Add(new ChannelNorm(x, y, Weight("weight", channels), Weight("bias", channels), 1e-5, Activation.Gelu));
            return y;
        });

    /// <summary>A hidden layer of a page's width, whose rows may lie further apart where nothing but dense layers' products reads them.</summary>
    [Test]
    public void A_dense_layers_residual_may_be_another_dense_layers_output([ValueSource(nameof(Backends))] int backend, [Values(1023, 1024, 2048)] int width) =>
        Check(backend, 5, (bench, x) =>
        {
            Buffer hidden = new("hidden", bench.Rows, width), sum = new("sum", bench.Rows, width), y = new("y", bench.Rows, 3);
            bench.Add(new Linear(x, hidden, Weight("w", width, 5), Weight("b", width), Activation.Relu));
            bench.Add(new Linear(x, sum, Weight("w", width, 5), null, Residual: hidden));
            bench.Add(new Linear(sum, y, Weight("w", 3, width), null));
            return y;
        });

    /// <summary>Only what gates or a caller chose for each token falls short by one in the published code: a fixed width is run in full.</summary>
    [Test]
    public void A_fixed_width_is_run_in_full_by_published_code_too([ValueSource(nameof(Backends))] int backend, [Values] bool published, [Range(0, 4)] int learners)
    {
        const int inputs = 24, outputs = 20, size = 8, most = 3;
        Gate gate = new([new GateLayer(Weight("gate", most + 1, inputs), Weight("gate bias", most + 1))], Activation.Identity);
        AcmSite site = new("acm", "mlp", 0, most, size, 0, inputs, outputs, Activation.Gelu, Weight("w1", inputs, most * size), null, Weight("w2", most * size, outputs), null, gate);
        Check(backend, inputs, (bench, x) =>
        {
            var k = new ChoiceBuffer("k", bench.Rows);
            var y = new Buffer("y", bench.Rows, outputs);
            bench.Add(new Route(x, [(site, k)]));
            bench.Add(new AcmLayer(x, k, y, site));
            return y;
        }, new RoutingRule(0, learners, null), published, site);
    }

    public static IEnumerable<int> Backends() => Enumerable.Range(1, OpBench.Backends.Count - 1);

    private void Check(int backend, int inputs, Func<OpBench, Buffer, Buffer> add, RoutingRule routing = default, bool published = false, params AcmSite[] sites)
    {
        var bench = new OpBench(Lengths);
        Buffer y = add(bench, bench.Input("x", Values(Lengths.Sum() * inputs), inputs));
        double[] expected = bench.Run(OpBench.Backends[0].Make, y, routing, published, sites).Output;
        Assert.That(bench.Run(OpBench.Backends[backend].Make, y, routing, published, sites).Output, Is.EqualTo(expected).Within(1e-3));
    }

    private ArrayWeight Weight(string name, params int[] shape) => new(name, Values(shape.Aggregate(1, static (a, b) => a * b)), shape);

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * _random.NextSingle() - 1)];
}
