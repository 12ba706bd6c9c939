using Acm.Runtime.Backends.Cuda;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>The kernels that only text and speech models need, against double: convolutions over packed sequences, channel norm, embedding, pooling, best class.</summary>
[TestFixture]
internal sealed class SpeechAndTextKernelTests
{
    private static readonly TileShape Shape = new(32, 64, 32, 32, 64, 2);

    /// <summary>A convolution: per group channels in and out.</summary>
    private sealed record Conv(string Name, int Groups, int In, int Out, int Taps, int Stride, int Padding, int Output, bool Samples = false)
    {
        public override string ToString() => Name;
    }

    private static readonly Conv[] Convs =
    [
        new("first layer", 1, 1, 12, 10, 5, 0, 1, Samples: true),
        new("odd channels", 1, 12, 20, 3, 2, 0, 0),
        new("positions, grouped, even kernel", 4, 16, 16, 6, 1, 3, 2),
        new("many channels", 1, 24, 256, 2, 1, 0, 0),
    ];

    // The small tile, then whatever a model may run it in: tensor cores' tiles where the group's columns fill them, the plain one for samples and float32.
    private static IEnumerable<TileShape> Shapes(Conv conv, KernelPrecision precision) =>
        [Shape, .. conv.Samples || precision == KernelPrecision.Float32 ? [TileShape.Plain] : TileShape.Candidates.Where(tile => Elements.Pad64(conv.Out) % tile.N == 0)];

    private static IEnumerable<TestCaseData> Cases() =>
        from conv in Convs
        from precision in Enum.GetValues<KernelPrecision>()
        from tile in Shapes(conv, precision)
        select new TestCaseData(conv, precision, tile).SetName($"{{m}}({conv}, {precision}, {tile.M} x {tile.N} in {tile.Stages} stages of {tile.StageBytes} bytes)");

    [TestCaseSource(nameof(Cases))]
    public void AConvolutionStaysWithinItsSequence(object convOfCase, object precisionOfCase, object tileOfCase)
    {
        (Conv conv, KernelPrecision precision, TileShape tile) = ((Conv)convOfCase, (KernelPrecision)precisionOfCase, (TileShape)tileOfCase);
        int[] lengths = conv.Samples ? [61, 10, 200] : [41, 7, 30];
        int[] outLengths = [.. lengths.Select(n => conv.Output == 2 ? n : ((n + (2 * conv.Padding) - conv.Taps) / conv.Stride) + 1)];
        int[] inOffsets = Offsets(lengths), outOffsets = Offsets(outLengths);
        int widthIn = conv.Groups * conv.In, widthOut = conv.Groups * conv.Out, pitchIn = conv.Samples ? 1 : Elements.Pad64(widthIn), pitchOut = Elements.Pad64(widthOut);
        int channels = conv.Samples ? 1 : (conv.In + 7) / 8 * 8, k = conv.Taps * channels, columns = (conv.Out + 7) / 8 * 8, padded = Elements.Pad64(conv.Out), size = Elements.Bytes(precision);
        Values values = new(conv.Taps);
        float[] x = Rounded(values.Rows(inOffsets[^1], widthIn, pitchIn)), w = Rounded(values.Many(widthOut * conv.In * conv.Taps, 0.2)), bias = values.Many(widthOut);
        float[] before = values.Rows(outOffsets[^1], widthOut, pitchOut);

        List<byte> packed = [];
        float[] padBias = new float[conv.Groups * padded];
        for (int g = 0; g < conv.Groups; g++)
        {
            float[] matrix = new float[k * conv.Out];
            for (int n = 0; n < conv.Out; n++)
            {
                padBias[(g * padded) + n] = bias[(g * conv.Out) + n];
                for (int j = 0; j < conv.Taps; j++)
                    for (int c = 0; c < conv.In; c++)
                        matrix[(((j * channels) + c) * conv.Out) + n] = Weight(g, n, c, j);
            }

            packed.AddRange(Elements.Pack(precision, matrix, k, conv.Out));
        }

        using KernelRig rig = new(conv.Taps);
        int cells = outOffsets[^1] * pitchOut;
        ulong output = conv.Output == 0 ? rig.Poisoned(cells * size, "out") : conv.Output == 1 ? rig.Poisoned(cells * 4, "out") : rig.Upload<float>(before, "stream");
        ulong input = conv.Samples ? rig.Upload<float>(x, "samples") : rig.Upload<byte>(Elements.Store(precision, x), "x");
        rig.Launch("conv1d.cu", "conv1d", precision, [.. tile.Defines, $"OUTPUT={conv.Output}", "ACTIVATION=1", $"SAMPLES={(conv.Samples ? 1 : 0)}"],
            new(((outOffsets[^1] + tile.M - 1) / tile.M) + 1, padded / tile.N, conv.Groups), tile.Threads, tile.SharedBytes,
            input, rig.Upload<byte>(packed.ToArray(), "w"), rig.Upload<float>(padBias, "b"), output, rig.Upload<int>(inOffsets, "in"), rig.Upload<int>(outOffsets, "out offsets"),
            lengths.Length, pitchIn, pitchOut, Elements.Pad64(k) * size / 32, channels, columns, conv.In, conv.Taps, conv.Stride, conv.Padding);
        float[] got = conv.Output == 0 ? Elements.Load(precision, rig.Read<byte>(output, cells * size)) : rig.Read<float>(output, cells);

        RelativeError error = new();
        for (int s = 0; s < lengths.Length; s++)
            for (int t = 0; t < outLengths[s]; t++)
                for (int o = 0; o < widthOut; o++)
                {
                    double sum = bias[o];
                    for (int j = 0; j < conv.Taps; j++)
                    {
                        int frame = (t * conv.Stride) - conv.Padding + j, g = o / conv.Out;
                        for (int c = 0; frame >= 0 && frame < lengths[s] && c < conv.In; c++)
                            sum += (double)x[((inOffsets[s] + frame) * pitchIn) + (g * conv.In) + c] * Weight(g, o % conv.Out, c, j);
                    }

                    int at = ((outOffsets[s] + t) * pitchOut) + o;
                    error.Add(got[at], (0.5 * sum * AcmKernelTests.Erfc(-sum / Math.Sqrt(2))) + (conv.Output == 2 ? before[at] : 0));
                }

        Assert.That(error.Value, Is.LessThan(conv.Output == 0 ? Math.Max(2 * Elements.Rounding(precision), 1e-6) : 1e-6));
        for (int t = 0; conv.Output == 0 && t < outOffsets[^1]; t++)
            Assert.That(got.AsSpan((t * pitchOut) + widthOut, pitchOut - widthOut).ToArray(), Is.All.EqualTo(0f), "padding");

        float[] Rounded(float[] many) => [.. many.Select(v => Elements.Round(precision, v))];
        float Weight(int g, int n, int c, int j) => w[((((g * conv.Out) + n) * conv.In) + c) * conv.Taps + j];
    }

    [Test]
    public void ChannelNormTakesEachChannelOverItsOwnTime([Values(0, 3)] int precisionNumber)
    {
        KernelPrecision precision = (KernelPrecision)precisionNumber;
        int[] lengths = [30, 1, 77], offsets = Offsets(lengths);
        int width = 12, pitch = 64, frames = offsets[^1], size = Elements.Bytes(precision);
        Values values = new(5);
        float[] x = values.Rows(frames, width, pitch, float.NaN), gamma = values.Many(width), beta = values.Many(width);
        using KernelRig rig = new(4);
        ulong y = rig.Poisoned(frames * pitch * size, "y");
        rig.Launch("channel_norm.cu", "channel_norm", precision, ["ACTIVATION=0"], new(2, lengths.Length), 256, 0,
            rig.Upload<float>(x, "x"), y, rig.Upload<float>(gamma, "gamma"), rig.Upload<float>(beta, "beta"), rig.Upload<int>(offsets, "offsets"), pitch, width, 1e-5f);
        float[] got = Elements.Load(precision, rig.Read<byte>(y, frames * pitch * size));
        RelativeError error = new();
        for (int s = 0; s < lengths.Length; s++)
            for (int c = 0; c < pitch; c++)
            {
                double[] row = [.. Enumerable.Range(offsets[s], lengths[s]).Select(t => c < width ? (double)x[(t * pitch) + c] : 0)];
                double mean = row.Average(), scale = 1 / Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + 1e-5);
                for (int t = 0; t < row.Length; t++)
                    error.Add(got[((offsets[s] + t) * pitch) + c], c < width ? ((row[t] - mean) * scale * gamma[c]) + beta[c] : 0);
            }

        Assert.That(error.Value, Is.LessThan(Math.Max(2 * Elements.Rounding(precision), 1e-6)));
    }

    [Test]
    public void TokensAreEmbeddedConvertedPooledAndDecided([Values] bool firstOnly, [Values] bool unitLength)
    {
        int[] lengths = [5, 1, 12], offsets = Offsets(lengths);
        int width = 44, pitch = 64, tokens = offsets[^1];
        Values values = new(9);
        float[] words = values.Many(50 * width), positions = values.Many(20 * width), types = values.Many(2 * width);
        int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => values.Below(50))], kinds = [.. ids.Select(i => i % 2)];
        int[] places = [.. lengths.SelectMany(n => Enumerable.Range(0, n))];
        using KernelRig rig = new(6);
        ulong x = rig.Poisoned(tokens * pitch * 4, "x"), y = rig.Poisoned(tokens * pitch * 2, "y"), pooled = rig.Poisoned(lengths.Length * width * 4, "pooled"), best = rig.Poisoned(tokens * 4, "best");
        ulong count = rig.Upload<int>([tokens], "tokens"), starts = rig.Upload<int>(offsets, "offsets");
        rig.Launch("text.cu", "embed", KernelPrecision.Float32, [], new(4), 256, 0, rig.Upload<float>(words, "words"), rig.Upload<float>(positions, "positions"), rig.Upload<float>(types, "types"),
            rig.Upload<int>(ids, "ids"), rig.Upload<int>(places, "places"), rig.Upload<int>(kinds, "kinds"), x, count, width, pitch);
        rig.Launch("convert.cu", "convert", KernelPrecision.Float16, [], new(4), 256, 0, x, y, count, width, pitch, pitch);
        rig.Launch("text.cu", "pool", KernelPrecision.Float32, [], new(lengths.Length), 256, 0, x, pooled, starts, width, pitch, width, firstOnly ? 1 : 0, unitLength ? 1 : 0);
        rig.Launch("text.cu", "best_class", KernelPrecision.Float32, [], new(1), 256, 0, x, best, count, width, pitch);

        float[] got = rig.Read<float>(x, tokens * pitch), vectors = rig.Read<float>(pooled, lengths.Length * width), stored = Elements.Load(KernelPrecision.Float16, rig.Read<byte>(y, tokens * pitch * 2));
        int[] decided = rig.Read<int>(best, tokens);
        for (int t = 0; t < tokens; t++)
        {
            float[] row = [.. Enumerable.Range(0, width).Select(c => words[(ids[t] * width) + c] + positions[(places[t] * width) + c] + types[(kinds[t] * width) + c])];
            Assert.That(got.AsSpan(t * pitch, width).ToArray(), Is.EqualTo(row));
            Assert.That(stored.AsSpan(t * pitch, pitch).ToArray(), Is.EqualTo(row.Select(v => (float)(Half)v).Concat(new float[pitch - width])));
            Assert.That(decided[t], Is.EqualTo(Array.IndexOf(row, row.Max())));
        }

        for (int s = 0; s < lengths.Length; s++)
        {
            int taken = firstOnly ? 1 : lengths[s];
            double[] mean = [.. Enumerable.Range(0, width).Select(c => Enumerable.Range(offsets[s], taken).Average(t => (double)got[(t * pitch) + c]))];
            double length = unitLength ? Math.Sqrt(mean.Sum(v => v * v)) : 1;
            for (int c = 0; c < width; c++)
                Assert.That(vectors[(s * width) + c], Is.EqualTo(mean[c] / length).Within(1e-6));
        }
    }

    private static int[] Offsets(int[] lengths) => [0, .. lengths.Select((_, i) => lengths.Take(i + 1).Sum())];
}
