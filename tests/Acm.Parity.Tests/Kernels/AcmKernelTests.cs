using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>acm_up, acm_down and acm_project against the sums of DESIGN section 1 in double; same bits whatever the tile shape or the batch.</summary>
[TestFixture]
internal sealed class AcmKernelTests
{
    private static readonly TileShape[] Shapes =
        [new(64, 64, 32, 32, 128, 2), new(32, 64, 32, 32, 64, 4), new(128, 64, 64, 32, 64, 3), new(32, 64, 16, 32, 128, 3), new(64, 64, 64, 32, 128, 2)];

    /// <summary>Tokens, width, learners, learner size, k of a token.</summary>
    private sealed record Routing(string Name, int Tokens, int Width, int Learners, int LearnerSize, Func<Values, int> K, bool Bias2 = false)
    {
        public override string ToString() => Name;
    }

    private static readonly Routing[] Routings =
    [
        new("one token", 1, 128, 4, 64, _ => 3, true),
        new("ragged, mostly none", 77, 72, 4, 40, v => v.Below(10) < 8 ? 0 : v.Below(5)),
        new("projection-like, learners of 24", 61, 192, 4, 24, v => 1 + v.Below(4)),
        new("learners of 20", 70, 72, 3, 20, v => v.Below(4), true),
        new("all alike", 50, 128, 4, 64, _ => 2),
        new("an empty learner", 65, 128, 3, 64, v => v.Below(2) * 2, true),
        new("nobody gets any", 40, 64, 4, 64, _ => 0),
        new("deep, most get all", 100, 384, 4, 96, v => v.Below(8) < 7 ? 4 : v.Below(5), true),
    ];

    private static IEnumerable<TestCaseData> Cases() =>
        from routing in Routings
        from precision in Enum.GetValues<KernelPrecision>()
        where routing.LearnerSize * Elements.Bytes(precision) % 16 == 0
        from residual in new[] { true, false }
        select new TestCaseData(routing, precision, residual).SetName($"{{m}}({routing}, {precision}, {(residual ? "residual" : "store")})");

    [TestCaseSource(nameof(Cases))]
    public void UpAndDownGiveTheModulesValueAndTheSameBitsInEveryShape(object routing, object precision, bool residual)
    {
        Layer layer = new((Routing)routing, (KernelPrecision)precision, residual);
        float[]? first = null;
        foreach ((TileShape shape, int seed) in Shapes.Select((s, i) => (s, i + 1)))
        {
            if (layer.Precision == KernelPrecision.Float32 && seed > 2)
                continue;
            float[] got = layer.Run(shape, seed, fused: false);
            first ??= layer.Check(got);
            Assert.That(got, Is.EqualTo(first), $"{shape} gives other bits than {Shapes[0]}");
        }

        if (layer.Precision != KernelPrecision.Float32)
            foreach (TileShape shape in ProjectChoice.Candidates.Where(layer.Fits))
                Assert.That(layer.Run(shape, 7, fused: true), Is.EqualTo(first), $"acm_project in {shape} gives other bits than acm_up and acm_down");
    }

    [Test]
    public void ATokenAloneHasTheBitsItHasInABatch([Values] bool residual)
    {
        Layer layer = new(Routings[2], KernelPrecision.BFloat16, residual);
        float[] batch = layer.Run(Shapes[0], 1, fused: false);
        foreach (int token in new[] { 0, 17, 60 })
        {
            float[] alone = layer.Only(token).Run(Shapes[1], 2, fused: false);
            Assert.That(alone, Is.EqualTo(batch.AsSpan(token * alone.Length, alone.Length).ToArray()), $"token {token}");
        }
    }

    [Test]
    public void KernelsForTuringGiveTheModulesValue()
    {
        Layer layer = new(Routings[1], KernelPrecision.Float16, residual: true);
        layer.Check(layer.Run(Shapes[1] with { Stages = 2 }, 3, fused: false, DeviceProfile.T4));
    }

    /// <summary>One ACM with its tokens.</summary>
    private sealed class Layer
    {
        private readonly Routing _routing;
        private readonly bool _residual;
        private readonly int _hidden, _pitch;
        private readonly int[] _k;
        private readonly float[] _x, _w1, _b1, _w2, _b2, _before;

        public Layer(Routing routing, KernelPrecision precision, bool residual)
        {
            (_routing, Precision, _residual) = (routing, precision, residual);
            Values values = new(routing.Tokens);
            (_hidden, _pitch) = (routing.Learners * routing.LearnerSize, Elements.Pad64(routing.Width));
            _k = [.. Enumerable.Range(0, routing.Tokens).Select(_ => routing.K(values))];
            _x = Rounded(values.Rows(routing.Tokens, routing.Width, _pitch));
            _w1 = Rounded(values.Many(routing.Width * _hidden, 0.1));
            _w2 = Rounded(values.Many(_hidden * routing.Width, 0.1));
            _b1 = [.. values.Many(_hidden, 0.1), .. new float[Elements.Pad64(_hidden) - _hidden]];
            _b2 = values.Rows(routing.Learners + 1, routing.Width, _pitch);
            _before = values.Rows(routing.Tokens, routing.Width, _pitch);
        }

        private Layer(Layer all, int token)
            : this(all._routing with { Tokens = 1 }, all.Precision, all._residual)
        {
            int row = token * _pitch;
            (_w1, _b1, _w2, _b2) = (all._w1, all._b1, all._w2, all._b2);
            (_k, _x, _before) = ([all._k[token]], all._x[row..(row + _pitch)], all._before[row..(row + _pitch)]);
        }

        public KernelPrecision Precision { get; }

        /// <summary>Whether acm_project's block fits an A100 in a shape.</summary>
        public bool Fits(TileShape shape) => ProjectChoice.SharedBytes(shape, _routing.Width, _hidden, Elements.Bytes(Precision)) <= DeviceProfile.A100.SharedPerBlockOptIn;

        public Layer Only(int token) => new(this, token);

        private float[] Rounded(float[] values) => [.. values.Select(v => Elements.Round(Precision, v))];

        public float[] Run(TileShape shape, int seed, bool fused, DeviceProfile? profile = null)
        {
            using KernelRig rig = new(seed, profile: profile);
            int tokens = _routing.Tokens, size = Elements.Bytes(Precision), hiddenPitch = Elements.Pad64(_hidden);
            int[] order = [.. Enumerable.Range(0, tokens).OrderByDescending(t => _k[t])];
            int[] counts = [.. Enumerable.Range(0, _routing.Learners + 1).Select(n => _k.Count(k => k >= n))];
            ulong x = rig.Upload<byte>(Elements.Store(Precision, _x), "x"), b1 = rig.Upload<float>(_b1, "b1");
            ulong w1 = rig.Upload<byte>(Elements.Pack(Precision, _w1, _routing.Width, _hidden), "w1");
            ulong w2 = rig.Upload<byte>(Elements.Pack(Precision, _w2, _hidden, _routing.Width), "w2");
            ulong b2 = _routing.Bias2 ? rig.Upload<float>(_b2, "b2") : 0;
            ulong sorted = rig.Upload<int>(order, "order"), counted = rig.Upload<int>(counts, "counts");
            ulong hidden = rig.Poisoned(tokens * hiddenPitch * size, "hidden");
            ulong output = _residual ? rig.Upload<float>(_before, "stream") : rig.Poisoned(tokens * _pitch * size, "out");
            int steps1 = _pitch * size / 32, steps2 = hiddenPitch * size / 32, columns = _residual ? (_routing.Width + 7) / 8 * 8 : _pitch;
            string[] defines = [.. shape.Defines, "ACTIVATION=1", $"RESIDUAL={(_residual ? 1 : 0)}"];
            int blocks = ((tokens + shape.M - 1) / shape.M) + 1;
            if (fused)
            {
                object[] site = [x, w1, b1, w2, b2, sorted, counted, output];
                rig.Launch("acm_project.cu", "acm_project", Precision, defines, new(blocks), shape.Threads,
                    ProjectChoice.SharedBytes(shape, _routing.Width, _hidden, size),
                    [.. site, .. site, .. site, _pitch, hiddenPitch, _pitch, steps1, steps2, _routing.Learners, _routing.LearnerSize, columns]);
            }
            else
            {
                object[] up = [x, w1, b1, sorted, counted, hidden], down = [hidden, w2, b2, sorted, counted, output];
                rig.Launch("acm_up.cu", "acm_up", Precision, defines, new(blocks, hiddenPitch / shape.N), shape.Threads, shape.SharedBytes,
                    [.. up, .. up, .. up, _pitch, hiddenPitch, steps1, _routing.Learners, _routing.LearnerSize]);
                rig.Launch("acm_down.cu", "acm_down", Precision, defines, new(blocks, _pitch / shape.N), shape.Threads, shape.SharedBytes,
                    [.. down, .. down, .. down, hiddenPitch, _pitch, steps2, _routing.Learners, _routing.LearnerSize, columns]);
            }

            return _residual ? rig.Read<float>(output, tokens * _pitch) : Elements.Load(Precision, rig.Read<byte>(output, tokens * _pitch * size));
        }

        /// <summary>Against section 1 in double, within twice what rounding the hidden values and the result once each can make.</summary>
        public float[] Check(float[] got)
        {
            RelativeError error = new();
            for (int t = 0; t < _routing.Tokens; t++)
            {
                int used = _k[t] * _routing.LearnerSize;
                double[] hidden = new double[used];
                for (int j = 0; j < used; j++)
                {
                    double sum = _b1[j];
                    for (int c = 0; c < _routing.Width; c++)
                        sum += (double)_x[(t * _pitch) + c] * _w1[(c * _hidden) + j];
                    hidden[j] = 0.5 * sum * Erfc(-sum / Math.Sqrt(2));
                }

                for (int c = 0; c < _routing.Width; c++)
                {
                    double want = (_residual ? _before[(t * _pitch) + c] : 0) + (_routing.Bias2 ? _b2[(_k[t] * _pitch) + c] : 0);
                    for (int j = 0; j < used; j++)
                        want += hidden[j] * _w2[(j * _routing.Width) + c];
                    error.Add(got[(t * _pitch) + c], want);
                }

                for (int c = _routing.Width; !_residual && c < _pitch; c++)
                    Assert.That(got[(t * _pitch) + c], Is.Zero, $"padding of row {t}, column {c}");
            }

            Assert.That(error.Value, Is.LessThan(Math.Max(2 * Elements.Rounding(Precision), 2e-6)));
            return got;
        }
    }

    /// <summary>Complementary error function in double, by its series and its continued fraction.</summary>
    internal static double Erfc(double x)
    {
        if (x < 0)
            return 2 - Erfc(-x);
        if (x < 3)
        {
            double term = x, sum = x;
            for (int n = 1; n < 200; n++)
            {
                term *= -x * x / n;
                sum += term / ((2 * n) + 1);
            }

            return 1 - (2 / Math.Sqrt(Math.PI) * sum);
        }

        double fraction = 0;
        for (int n = 120; n > 0; n--)
            fraction = n / 2.0 / (x + fraction);
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
    }
}
