using Acm.Runtime.Backends.Cuda;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>Patch embedding and plain linear layers against double.</summary>
[TestFixture]
internal sealed class PatchAndDenseKernelTests
{
    private static readonly TileShape[] Shapes = [new(32, 64, 32, 32, 64, 2), new(64, 64, 32, 32, 128, 2), new(64, 64, 64, 32, 128, 2)];

    private static IEnumerable<TestCaseData> Cases() =>
        from precision in Enum.GetValues<KernelPrecision>() from value in new[] { 0, 1, 2 } select new TestCaseData(precision, value);

    [TestCaseSource(nameof(Cases))]
    public void PatchesBecomeTokensBehindAClassToken(object precisionOfCase, int which)
    {
        KernelPrecision precision = (KernelPrecision)precisionOfCase;
        int patch = new[] { 8, 14, 16 }[which], size = patch * 3, sequence = 10, images = 4, tokens = images * sequence, width = 72, pitch = 128, k = 3 * patch * patch;
        Values values = new(patch);
        float[] pixels = [.. values.Many(images * 3 * size * size).Select(v => Elements.Round(precision, v))];
        float[] w = [.. values.Many(k * width, 0.1).Select(v => Elements.Round(precision, v))], table = values.Rows(sequence, width, pitch);
        float[]? first = null;
        foreach (TileShape shape in Shapes)
        {
            using KernelRig rig = new(shape.M);
            ulong x = rig.Poisoned(tokens * pitch * 4, "x");
            rig.Launch("patch.cu", "patch", precision, [.. shape.Defines, $"PATCH_SIZE={patch}"], new(((tokens + shape.M - 1) / shape.M) + 1, pitch / shape.N), shape.Threads, shape.SharedBytes,
                rig.Upload<float>(pixels, "pixels"), rig.Upload<byte>(Elements.Pack(precision, w, k, width), "w"), rig.Upload<float>(table, "table"), x,
                rig.Upload<int>([tokens], "tokens"), pitch, width, Elements.Pad64(k) * Elements.Bytes(precision) / 32, 3, size);
            float[] got = rig.Read<float>(x, tokens * pitch);
            first ??= got;
            for (int t = 0; t < tokens; t++)
                Assert.That(got.AsSpan(t * pitch, width).SequenceEqual(first.AsSpan(t * pitch, width)), $"token {t} has other bits in {shape}");
        }

        RelativeError error = new();
        for (int t = 0; t < tokens; t++)
            for (int c = 0; c < width; c++)
            {
                double want = table[(t % sequence * pitch) + c];
                int p = (t % sequence) - 1;
                for (int i = 0; p >= 0 && i < k; i++)
                {
                    int channel = i / (patch * patch), y = (p / 3 * patch) + (i / patch % patch), across = (p % 3 * patch) + (i % patch);
                    want += (double)pixels[((((t / sequence * 3) + channel) * size) + y) * size + across] * w[(i * width) + c];
                }

                error.Add(first![(t * pitch) + c], want);
            }

        Assert.That(error.Value, Is.LessThan(3e-6), "products of what was rounded, summed in fp32");
    }

    [TestCaseSource(nameof(Cases))]
    public void ALinearLayerStoresOrAdds(object precisionOfCase, int output)
    {
        KernelPrecision precision = (KernelPrecision)precisionOfCase;
        const int Tokens = 70, Inner = 100, Width = 34;
        int pitch = Elements.Pad64(Inner), outPitch = 64, bytes = Elements.Bytes(precision);
        Values values = new(output);
        float[] x = [.. values.Rows(Tokens, Inner, pitch).Select(v => Elements.Round(precision, v))], w = [.. values.Many(Inner * Width, 0.1).Select(v => Elements.Round(precision, v))];
        float[] bias = [.. values.Many(Width), .. new float[64 - Width]], before = values.Rows(Tokens, Width, outPitch);
        RelativeError error = new();
        using KernelRig rig = new(output);
        ulong result = output == 0 ? rig.Poisoned(Tokens * outPitch * bytes, "out") : output == 1 ? rig.Poisoned(Tokens * outPitch * 4, "out") : rig.Upload<float>(before, "stream");
        object[] site = [rig.Upload<byte>(Elements.Store(precision, x), "x"), rig.Upload<byte>(Elements.Pack(precision, w, Inner, Width), "w"), rig.Upload<float>(bias, "b"), result];
        rig.Launch("dense.cu", "dense", precision, [.. Shapes[0].Defines, $"OUTPUT={output}", "ACTIVATION=3"], new(4, 1), Shapes[0].Threads, Shapes[0].SharedBytes,
            [.. site, .. site, .. site, rig.Upload<int>([Tokens], "tokens"), pitch, outPitch, pitch * bytes / 32, output == 0 ? outPitch : 40]);
        float[] got = output == 0 ? Elements.Load(precision, rig.Read<byte>(result, Tokens * outPitch * bytes)) : rig.Read<float>(result, Tokens * outPitch);
        for (int t = 0; t < Tokens; t++)
            for (int c = 0; c < Width; c++)
            {
                double sum = bias[c];
                for (int i = 0; i < Inner; i++)
                    sum += (double)x[(t * pitch) + i] * w[(i * Width) + c];
                error.Add(got[(t * outPitch) + c], Math.Max(sum, 0) + (output == 2 ? before[(t * outPitch) + c] : 0));
            }

        Assert.That(error.Value, Is.LessThan(output == 0 ? Math.Max(2 * Elements.Rounding(precision), 1e-6) : 1e-6));
    }
}
