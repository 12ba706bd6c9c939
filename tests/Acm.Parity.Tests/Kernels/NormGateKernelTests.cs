using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>norm_gate and route: norm, every k, permutation and counts against double; NaN rows, ties, forced k and fixed width.</summary>
[TestFixture]
internal sealed class NormGateKernelTests
{
    private const int Learners = 4;

    private static IEnumerable<TestCaseData> Cases() =>
        from norm in new[] { 0, 1, 2 }
        from precision in Enum.GetValues<KernelPrecision>()
        from size in new (int Tokens, int Width, int Gates, int MinK)[] { (1, 192, 3, 0), (203, 192, 3, 1), (61, 72, 1, 0), (30, 20, 0, 1) }
        where norm != 0 || size.Gates > 0
        select new TestCaseData(norm, precision, size.Tokens, size.Width, size.Gates, size.MinK);

    [TestCaseSource(nameof(Cases))]
    public void EveryRowIsNormalisedEveryTokenRoutedEveryListSorted(int norm, object precisionOfCase, int tokens, int width, int gates, int minK)
    {
        KernelPrecision precision = (KernelPrecision)precisionOfCase;
        Values values = new(tokens + norm);
        int pitch = Elements.Pad64(width), padded = (width + 127) / 128 * 128, outputs = Learners + 1 - minK, size = Elements.Bytes(precision);
        float[] x = values.Rows(tokens, width, pitch, float.NaN);
        if (norm == 0)
            x = [.. x.Select(v => Elements.Round(precision, v))];
        int broken = tokens > 20 ? 7 : -1;
        if (broken >= 0)
            x[(broken * pitch) + 3] = float.NaN;
        float[] gamma = [.. values.Many(width, 0.2).Select(v => 1 + v)], beta = values.Many(width, 0.2);
        float[][] w = [.. Enumerable.Range(0, 3).Select(_ => values.Rows(outputs, width, padded, 0, 0.2))], b = [.. Enumerable.Range(0, 3).Select(_ => values.Many(outputs, 0.2))];
        float[] lambda = [0.3f, 0, 0];
        int[] fixedK = [-1, -1, 2];

        using KernelRig rig = new(seed: tokens);
        ulong stream = norm == 0 ? rig.Upload<byte>(Elements.Store(precision, x), "x") : rig.Upload<float>(x, "x");
        ulong y = rig.Poisoned(tokens * pitch * size, "y"), finished = rig.Upload<int>([0], "finished"), count = rig.Upload<int>([tokens], "tokens");
        ulong[] k = new ulong[3], order = new ulong[3], counts = new ulong[3];
        List<object> arguments = [];
        for (int g = 0; g < 3; g++)
        {
            (k[g], order[g], counts[g]) = (rig.Poisoned(tokens, "k"), rig.Poisoned(tokens * 4, "order"), rig.Poisoned((Learners + 1) * 4, "counts"));
            ulong control = rig.Upload<int>([BitConverter.SingleToInt32Bits(lambda[g]), fixedK[g], 0, 0], "control");
            arguments.AddRange([rig.Upload<float>(w[g], "gate"), rig.Upload<float>(b[g], "gate bias"), 0UL, control, k[g], order[g], counts[g]]);
        }

        arguments.AddRange([stream, y, rig.Upload<float>(gamma, "gamma"), rig.Upload<float>(beta, "beta"), count, 0UL, finished,
            pitch, pitch, width, gates, outputs, Learners, minK, 1e-6f]);
        rig.Launch("norm_gate.cu", "norm_gate", precision, [$"NORM={norm}"], new(((tokens + 7) / 8) + 2), 256,
            8 * (padded + (gates * outputs)) * 4, [.. arguments]);

        Assert.That(rig.Read<int>(finished, 1)[0], Is.Zero, "the counter is 0 again");
        float[] written = norm == 0 ? [] : Elements.Load(precision, rig.Read<byte>(y, tokens * pitch * size));
        float[] inPlace = norm == 2 ? rig.Read<float>(stream, tokens * pitch) : [];
        byte[][] chosen = [.. Enumerable.Range(0, gates).Select(g => rig.Read<byte>(k[g], tokens))];
        RelativeError stored = new(), kept = new();
        for (int t = 0; t < tokens; t++)
        {
            double[] row = [.. x.Skip(t * pitch).Take(width).Select(v => (double)v)];
            if (norm != 0)
            {
                double mean = row.Average(), scale = 1 / Math.Sqrt(row.Sum(v => (v - mean) * (v - mean)) / width + 1e-6);
                for (int c = 0; c < width; c++)
                {
                    row[c] = ((row[c] - mean) * scale * gamma[c]) + beta[c];
                    if (t == broken)
                    {
                        Assert.That(written[(t * pitch) + c], Is.NaN);
                        continue;
                    }

                    stored.Add(written[(t * pitch) + c], row[c]);
                    if (norm == 2)
                        kept.Add(inPlace[(t * pitch) + c], row[c]);
                }

                Assert.That(written.AsSpan((t * pitch) + width, pitch - width).ToArray(), Is.All.EqualTo(0f), "padding");
            }

            for (int g = 0; g < gates; g++)
                CheckChoice(row, w[g], b[g], padded, minK, lambda[g], fixedK[g], chosen[g][t], t);
        }

        Assert.That(stored.Value, Is.LessThan(Math.Max(2 * Elements.Rounding(precision), 1e-6)));
        Assert.That(kept.Value, Is.LessThan(1e-6));
        for (int g = 0; g < gates; g++)
            CheckLists(chosen[g], rig.Read<int>(order[g], tokens), rig.Read<int>(counts[g], Learners + 1));
    }

    [Test]
    public void RouteTakesForcedKAndFixedWidth([Values(1, 45, 700)] int tokens, [Values(-1, 3)] int fixedK, [Values(0, 1)] int forced)
    {
        Values values = new(tokens);
        byte[] k = [.. Enumerable.Range(0, tokens).Select(_ => (byte)values.Below(Learners + 1))];
        using KernelRig rig = new(seed: 3);
        ulong ks = rig.Upload<byte>(k, "k"), order = rig.Poisoned(tokens * 4, "order"), counts = rig.Poisoned((Learners + 1) * 4, "counts");
        ulong control = rig.Upload<int>([0, fixedK, forced, 0], "control"), count = rig.Upload<int>([tokens], "tokens");
        rig.Launch("route.cu", "route", KernelPrecision.Float32, [], new(1), 256, 8 * (Learners + 1) * 4,
            ks, order, counts, ks, order, counts, ks, order, counts, control, control, control, count, Learners);
        byte[] want = forced == 0 && fixedK >= 0 ? [.. Enumerable.Repeat((byte)fixedK, tokens)] : k;
        Assert.That(rig.Read<byte>(ks, tokens), Is.EqualTo(want));
        CheckLists(want, rig.Read<int>(order, tokens), rig.Read<int>(counts, Learners + 1));
    }

    // A lane to a class makes the places, a warp to an ACM: as many learners as a model may have, and one more; and without the one numbered max(k).
    [Test]
    public void RouteSortsManyClassesAndLeavesOutTheMostLearners([Values(1, 33, 700)] int tokens, [Values(1, 16, 17, 31)] int learners, [Values(0, 1)] int offByOne)
    {
        Values values = new(tokens + learners);
        int most = Math.Max(0, learners - 2);
        byte[] k = [.. Enumerable.Range(0, tokens).Select(_ => (byte)values.Below(most + 1))];
        using KernelRig rig = new(seed: learners);
        ulong ks = rig.Upload<byte>(k, "k"), order = rig.Poisoned(tokens * 4, "order"), counts = rig.Poisoned((learners + 1) * 4, "counts");
        ulong control = rig.Upload<int>([0, -1, 1, offByOne], "control"), count = rig.Upload<int>([tokens], "tokens");
        rig.Launch("route.cu", "route", KernelPrecision.Float32, [], new(1), 256, 8 * (learners + 1) * 4,
            ks, order, counts, ks, order, counts, ks, order, counts, control, control, control, count, learners);
        int dropped = offByOne != 0 ? k.Max() : -1;
        Assert.That(rig.Read<int>(order, tokens), Is.EqualTo(Enumerable.Range(0, tokens).OrderByDescending(t => k[t])));
        Assert.That(rig.Read<int>(counts, learners + 1), Is.EqualTo(Enumerable.Range(0, learners + 1).Select(n => n > 0 && n == dropped ? 0 : k.Count(v => v >= n))));
    }

    private static void CheckChoice(double[] row, float[] w, float[] b, int padded, int minK, float lambda, int fixedK, int got, int token)
    {
        double[] logits = [.. b.Select((bias, c) => bias - ((double)lambda * (c + minK)) + row.Select((v, i) => v * w[(c * padded) + i]).Sum())];
        int best = 0;
        for (int c = 1; c < logits.Length; c++)
            if (logits[c] > logits[best])
                best = c;
        int want = fixedK >= 0 ? fixedK : best + minK;
        double lead = logits.Length < 2 ? 1 : logits.OrderDescending().Take(2).Aggregate((a, c) => a - c);
        if (fixedK >= 0 || !(lead < 1e-4))
            Assert.That(got, Is.EqualTo(want), $"k of token {token}, whose winner leads by {lead}");
    }

    private static void CheckLists(byte[] k, int[] order, int[] counts)
    {
        Assert.That(order, Is.EqualTo(Enumerable.Range(0, k.Length).OrderByDescending(t => k[t])), "tokens by descending k, stable");
        Assert.That(counts, Is.EqualTo(Enumerable.Range(0, counts.Length).Select(n => k.Count(v => v >= n))), "M_n");
    }
}
