using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Ops;

/// <summary>Gates and ACMs by themselves, against golden/ops and the published class, on every backend.</summary>
public class AdaptiveOpTests
{
    private static readonly double[] Lambdas = [0, 0.25, -0.25, 2];

    [TestCaseSource(nameof(Gates))]
    public void Gate(object given)
    {
        var test = (OpCase)given;
        using var golden = OpCases.Tensors("gate");
        int[] shape = golden.Shape($"{test.Name}/x");
        int minK = int.Parse(test.Name.Split("_min")[1].Split('_')[0]);
        var layers = new List<GateLayer>();
        for (int i = 0; golden.Has($"{test.Name}/net.{i}.weight"); i++)
        {
            layers.Add(new GateLayer(Weight(golden, $"{test.Name}/net.{i}.weight"), Weight(golden, $"{test.Name}/net.{i}.bias")));
        }
        int outputs = layers[^1].Bias.Count;
        var site = Site(outputs - 1 + minK, 1, minK, shape[1], shape[1], Activation.Identity, new Gate(layers, Activation.Identity));
        var bench = new OpBench(shape[0]);
        var x = bench.Input("x", golden.Floats($"{test.Name}/x"), shape[1]);
        var k = new ChoiceBuffer("k", bench.Rows);
        bench.Add(new Route(x, [(site, k)]));
        foreach (double lambda in Lambdas)
        {
            string suffix = FormattableString.Invariant($"lambda{lambda}");
            int[] got = bench.Run(test.Backend, x, new RoutingRule(lambda, null, null), sites: site).K, want = golden.Ints($"{test.Name}/k_{suffix}");
            double[] lead = golden.Doubles($"{test.Name}/lead_{suffix}");
            // An exact tie has lead 0 and goes to the lower index in any arithmetic that treats equal rows alike; a near one may flip in float32.
            for (int row = 0; row < want.Length; row++)
            {
                bool excused = !test.IsReference && lead[row] > 0 && lead[row] < 5e-6;
                Assert.That(got[row] == want[row] || excused, $"{suffix}, row {row}: k = {got[row]}, wanted {want[row]}, lead {lead[row]:E2}");
            }
        }
    }

    [TestCaseSource(nameof(Acms))]
    public void Acm(object given)
    {
        var test = (OpCase)given;
        using var golden = OpCases.Tensors("acm");
        int learners = test.Int("learners"), size = test.Int("learner_size"), minK = test.Int("min_k"), inputs = test.Int("d_in"), outputs = test.Int("d_out");
        var activation = test.Settings.GetProperty("activation").GetString() switch
        {
            "gelu" => Activation.Gelu,
            "gelu_tanh" => Activation.GeluTanh,
            "relu" => Activation.Relu,
            _ => Activation.Identity,
        };
        var site = Site(learners, size, minK, inputs, outputs, activation, Any(learners + 1 - minK, inputs)) with
        {
            W1 = Weight(golden, $"{test.Name}/w1"),
            W2 = Weight(golden, $"{test.Name}/w2"),
            B1 = test.Settings.GetProperty("b1").GetBoolean() ? Weight(golden, $"{test.Name}/b1") : null,
            B2 = test.Settings.GetProperty("b2").GetBoolean() ? Weight(golden, $"{test.Name}/b2") : null,
        };
        float[] x = golden.Floats($"{test.Name}/x");
        int[] random = golden.Ints($"{test.Name}/k_random");
        double[] yRandom = golden.Doubles($"{test.Name}/y_random"), yAll = golden.Doubles($"{test.Name}/y_all"), yLeast = golden.Doubles($"{test.Name}/y_least");
        foreach (int tokens in new[] { 1, 5, 17, 128, 197 })
        {
            Check(tokens, random[..tokens], yRandom.AsSpan(0, tokens * outputs));
            Check(tokens, Filled(tokens, learners), yAll.AsSpan(0, tokens * outputs));
            Check(tokens, Filled(tokens, minK), yLeast.AsSpan(0, tokens * outputs));
            int hot = Math.Min(65, tokens - 1);
            int[] k = Filled(tokens, minK);
            k[hot] = learners;
            double[] want = yLeast[..(tokens * outputs)];
            yAll.AsSpan(hot * outputs, outputs).CopyTo(want.AsSpan(hot * outputs));
            Check(tokens, k, want);
        }
        for (int k = 0; golden.Has($"{test.Name}/prefixes") && k <= learners; k++)
        {
            double[] prefixes = golden.Doubles($"{test.Name}/prefixes"), want = new double[5 * outputs];
            for (int token = 0; token < 5; token++)
            {
                prefixes.AsSpan((token * (learners + 1) + k) * outputs, outputs).CopyTo(want.AsSpan(token * outputs));
            }
            Check(5, Filled(5, k), want);
        }

        void Check(int tokens, int[] k, ReadOnlySpan<double> want)
        {
            var bench = new OpBench(tokens);
            var input = bench.Input("x", x[..(tokens * inputs)], inputs);
            var choice = new ChoiceBuffer("k", bench.Rows);
            var y = new Buffer("y", bench.Rows, outputs);
            bench.Add(new Route(input, [(site, choice)]));
            bench.Add(new AcmLayer(input, choice, y, site));
            var outcome = bench.Run(test.Backend, y, new RoutingRule(0, null, [k]), sites: site);
            Assert.That(outcome.K, Is.EqualTo(k), "k as forced");
            test.Check(outcome.Output, want, 5e-6);
        }
    }

    [Test]
    public void The_published_class_with_and_without_its_off_by_one(
        [Range(0, 2)] int backend, [Values("both", "hidden_only", "out_only", "none")] string bias, [Values("mixed", "low", "all4", "all1", "all0")] string set)
    {
        using var golden = new Golden("golden", "published-checkpoint", "acm-class.safetensors");
        var (name, make) = OpBench.Backends[backend];
        int[] shape = golden.Shape($"{bias}.x");
        var site = Site(4, 6, 0, shape[1], shape[1], Activation.Gelu, Any(5, shape[1])) with
        {
            W1 = Doubles($"{bias}.w1"),
            W2 = Doubles($"{bias}.w2"),
            B1 = golden.Has($"{bias}.b1") ? Doubles($"{bias}.b1") : null,
            B2 = golden.Has($"{bias}.b2") ? Doubles($"{bias}.b2") : null,
        };
        int[] k = golden.Ints($"{bias}.{set}.k");
        foreach (bool published in new[] { false, true })
        {
            var bench = new OpBench(shape[0]);
            // The stored x is float64 and no float32 number: it comes in as a weight, which keeps all its digits for Reference.
            var x = new Buffer("x", bench.Rows, shape[1]);
            bench.Add(new TokenEmbed(x, Doubles($"{bias}.x"), new ArrayWeight("positions", new double[shape[0] * shape[1]], shape), new ArrayWeight("types", new double[shape[1]], 1, shape[1])));
            var choice = new ChoiceBuffer("k", bench.Rows);
            var y = new Buffer("y", bench.Rows, shape[1]);
            bench.Add(new Route(x, [(site, choice)]));
            bench.Add(new AcmLayer(x, choice, y, site));
            var outcome = bench.Run(make, y, new RoutingRule(0, null, [k]), published, site);
            double[] want = golden.Doubles($"{bias}.{set}.{(published ? "published" : "paper")}");
            Assert.That(Golden.RelativeError(outcome.Output, want), Is.LessThan(name == "reference" ? 1e-12 : 2e-6), published ? "published" : "paper");
            int[] chosen = outcome.K;
            Assert.That(chosen, Is.EqualTo(k), "what is reported is the choice");
        }

        ArrayWeight Doubles(string tensor) => new(tensor, golden.Doubles(tensor), golden.Shape(tensor));
    }

    public static IEnumerable<object> Gates() => OpCases.Of("gate");

    public static IEnumerable<object> Acms() => OpCases.Of("acm");

    private static int[] Filled(int count, int value)
    {
        int[] values = new int[count];
        Array.Fill(values, value);
        return values;
    }

    private static Gate Any(int outputs, int inputs) =>
        new([new GateLayer(new ArrayWeight("gate", new double[outputs * inputs], outputs, inputs), new ArrayWeight("gate bias", new double[outputs], outputs))], Activation.Identity);

    private static AcmSite Site(int learners, int size, int minK, int inputs, int outputs, Activation activation, Gate gate) => new(
        "acm", "mlp", 0, learners, size, minK, inputs, outputs, activation,
        new ArrayWeight("w1", new double[inputs * learners * size], inputs, learners * size), null,
        new ArrayWeight("w2", new double[learners * size * outputs], learners * size, outputs), null, gate);

    private static ArrayWeight Weight(Golden golden, string name) => new(name, golden.Floats(name), golden.Shape(name));
}
