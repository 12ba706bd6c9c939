using Acm.Simulator;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>Attention over packed sequences of unequal lengths against double; a NaN stays in its own sequence.</summary>
[TestFixture]
internal sealed class AttentionKernelTests
{
    private static readonly int[] Lengths = [1, 83, 16, 64, 33];

    private static IEnumerable<TestCaseData> Cases() =>
        from precision in Enum.GetValues<KernelPrecision>() from head in new[] { 16, 32, 64, 128 } select new TestCaseData(precision, head);

    [TestCaseSource(nameof(Cases))]
    public void EverySequenceAttendsToItselfOnly(object precisionOfCase, int head)
    {
        KernelPrecision precision = (KernelPrecision)precisionOfCase;
        const int Heads = 2, Broken = 3;
        int[] offsets = [0, .. Lengths.Select((_, i) => Lengths.Take(i + 1).Sum())];
        int tokens = offsets[^1], width = Heads * head, pitch = Elements.Pad64(width), size = Elements.Bytes(precision), keys = precision == KernelPrecision.TF32 ? 32 : 64;
        Values values = new(head);
        float[] q = Rounded(), k = Rounded(), v = Rounded();
        v[((offsets[Broken] + 5) * pitch) + 2] = float.NaN;

        float[]? first = null;
        foreach (int seed in new[] { 1, 2 })
        {
            using KernelRig rig = new(seed);
            ulong output = rig.Poisoned(tokens * pitch * size, "out");
            bool plain = precision == KernelPrecision.Float32;
            rig.Launch("attention.cu", "attention", precision, [$"HEAD={head}", $"KEYS={keys}"], new(plain ? (83 + 3) / 4 : 2, Heads, Lengths.Length), 128,
                plain ? 4 * (head + 32) * 4 : (64 + (4 * keys)) * head * size, Store(rig, q, "q"), Store(rig, k, "k"), Store(rig, v, "v"), output,
                rig.Upload<int>(offsets, "offsets"), pitch, pitch, (float)(Math.Log2(Math.E) / Math.Sqrt(head)));
            float[] got = Elements.Load(precision, rig.Read<byte>(output, tokens * pitch * size));
            first ??= got;
            Assert.That(got, Is.EqualTo(first), "bits depend on the order of blocks and warps");
        }

        RelativeError error = new();
        for (int s = 0; s < Lengths.Length; s++)
            for (int t = offsets[s]; t < offsets[s + 1]; t++)
            {
                for (int h = 0; h < Heads; h++)
                    CheckRow(s, t, h);
                Assert.That(first!.AsSpan((t * pitch) + width, pitch - width).ToArray(), Is.All.EqualTo(0f), "padding");
            }

        Assert.That(error.Value, Is.LessThan(Math.Max(2 * Elements.Rounding(precision), 2e-6)));

        float[] Rounded() => [.. values.Rows(tokens, width, pitch).Select(x => Elements.Round(precision, x))];
        ulong Store(KernelRig rig, float[] x, string name) => rig.Upload<byte>(Elements.Store(precision, x), name);

        void CheckRow(int s, int t, int h)
        {
            double[] p = [.. Enumerable.Range(offsets[s], Lengths[s]).Select(j =>
                Enumerable.Range(h * head, head).Sum(c => (double)q[(t * pitch) + c] * k[(j * pitch) + c]) / Math.Sqrt(head))];
            double highest = p.Max(), sum = p.Sum(x => Math.Exp(x - highest));
            for (int c = h * head; c < (h + 1) * head; c++)
            {
                double want = p.Select((x, j) => Math.Exp(x - highest) / sum * v[((offsets[s] + j) * pitch) + c]).Sum();
                if (double.IsNaN(want))
                    Assert.That(first![(t * pitch) + c], Is.NaN);
                else
                    error.Add(first![(t * pitch) + c], want);
            }
        }
    }
}
