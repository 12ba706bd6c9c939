using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Ops;

/// <summary>Neighbouring layers that read the same rows may be carried out together: each has the bits it has by itself, however unlike the others are.</summary>
public class TogetherTests
{
    private const int Width = 72;
    private static readonly int[] Lengths = [90, 1, 60];
    private readonly Random _random = new(5);

    [Test]
    public void Acms_of_any_shapes([ValueSource(nameof(Backends))] int backend, [Values] bool published, [Values] bool inOrder)
    {
        AcmSite[] sites =
        [
            Site("q", 4, 24, 64, Activation.Identity, true, false), Site("k", 1, 40, 33, Activation.Gelu, false, true),
            Site("v", 7, 8, 96, Activation.Relu, true, true), Site("w", 2, 96, 40, Activation.GeluTanh, false, false),
        ];
        int rows = Lengths.Sum();
        ReadOnlyMemory<int>?[] forced = [.. sites.Select((site, i) => (ReadOnlyMemory<int>?)Enumerable.Range(0, rows).Select(_ => inOrder ? Math.Max(0, site.Learners - i) : _random.Next(site.Learners + 1)).ToArray())];
        float[] input = Values(rows * Width);
        double[] Run(int output, bool together)
        {
            OpBench bench = new(Lengths);
            Buffer x = bench.Input("x", input, Width);
            ChoiceBuffer[] choices = [.. sites.Select(site => new ChoiceBuffer(site.Path, bench.Rows))];
            Buffer[] y = [.. sites.Select(site => new Buffer(site.Path, bench.Rows, site.OutputWidth))];
            bench.Add(new Route(x, [.. sites.Zip(choices)]));
            for (int i = 0; i < sites.Length; i++)
                if (together || i == output)
                    bench.Add(new AcmLayer(x, choices[i], y[i], sites[i]));
            return bench.Run(OpBench.Backends[backend].Make, y[output], new RoutingRule(0, null, forced), published, sites).Output;
        }
        for (int i = 0; i < sites.Length; i++)
        {
            double[] alone = Run(i, together: false);
            Assert.That(alone, Has.None.NaN.And.Not.All.EqualTo(0));
            Assert.That(Run(i, together: true), Is.EqualTo(alone), sites[i].Path);
        }
    }

    [Test]
    public void Dense_layers_of_any_widths([ValueSource(nameof(Backends))] int backend)
    {
        (int Width, Activation Activation, bool Bias)[] layers =
            [(64, Activation.Identity, true), (33, Activation.Gelu, false), (1024, Activation.Relu, true), (7, Activation.Identity, false), (32, Activation.Identity, true)];
        Weight[] weights = [.. layers.Select(layer => Weight("w", layer.Width, Width))], biases = [.. layers.Select(layer => Weight("b", layer.Width))];
        float[] input = Values(Lengths.Sum() * Width);
        double[] Run(int output, bool together)
        {
            OpBench bench = new(Lengths);
            Buffer x = bench.Input("x", input, Width);
            Buffer[] y = [.. layers.Select((layer, i) => new Buffer($"y{i}", bench.Rows, layer.Width))];
            for (int i = 0; i < layers.Length; i++)
                if (together || i == output)
                    bench.Add(new Linear(x, y[i], weights[i], layers[i].Bias ? biases[i] : null, layers[i].Activation));
            return bench.Run(OpBench.Backends[backend].Make, y[output]).Output;
        }
        for (int i = 0; i < layers.Length; i++)
        {
            double[] alone = Run(i, together: false);
            Assert.That(alone, Has.None.NaN.And.Not.All.EqualTo(0));
            Assert.That(Run(i, together: true), Is.EqualTo(alone), $"layer {i}");
        }
    }

    public static IEnumerable<int> Backends() => Enumerable.Range(0, OpBench.Backends.Count);

    private AcmSite Site(string path, int learners, int size, int outputs, Activation activation, bool bias1, bool bias2)
    {
        int units = learners * size;
        Gate gate = new([new GateLayer(Weight("gate", learners + 1, Width), Weight("gate bias", learners + 1))], Activation.Identity);
        return new(path, "mlp", 0, learners, size, 0, Width, outputs, activation,
            Weight("w1", Width, units), bias1 ? Weight("b1", units) : null, Weight("w2", units, outputs), bias2 ? Weight("b2", learners + 1, outputs) : null, gate);
    }

    private ArrayWeight Weight(string name, params int[] shape) => new(name, Values(shape.Aggregate(1, static (a, b) => a * b)), shape);

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * _random.NextSingle() - 1)];
}
