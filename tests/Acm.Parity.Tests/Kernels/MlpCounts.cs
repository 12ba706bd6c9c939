using System.Text;
using System.Text.Json;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Counters;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>The MLP of ViT-B/16 with the routing a trained model chose (shared/bench): what the kernels issue and move, next to what they must. Counts, not times.</summary>
[TestFixture]
internal sealed class MlpCounts
{
    private const int Width = 768, Learners = 4, LearnerSize = 768, Hidden = Learners * LearnerSize;

    private static IEnumerable<TestCaseData> Cases() =>
        from budget in new[] { "0.25", "0.44", "0.71", "1" } from batch in new[] { 1, 8 } select new TestCaseData(budget, batch);

    [TestCaseSource(nameof(Cases))]
    public void WhatIsIssuedAndMovedStaysNearWhatIsNeeded(string budget, int batch)
    {
        int tokens = 197 * batch;
        TileShape shape = batch == 1 ? new(32, 64, 32, 32, 128, 4) : new(64, 128, 32, 64, 128, 3);
        long useful = 0, issued = 0;
        foreach (int layer in budget == "1" ? new[] { 0 } : [0, 3, 5])
        {
            int[] k = Routing(budget, layer, tokens);
            long needed = k.Sum(n => (long)n) * LearnerSize * Width * 2 * 2;
            (LaunchCounters up, LaunchCounters down) = Run(k, shape);
            useful += needed;
            issued += up.MatrixFlops + down.MatrixFlops;

            // Every token's chosen columns and every weight some token needs, once.
            int most = k.Max(), pairs = k.Sum();
            long weights = 2L * most * LearnerSize * Width, some = k.Count(n => n > 0);
            long upNeeds = weights + (some * Width * 2) + (some * 4) + ((long)pairs * LearnerSize * 2), upMoves = up.UniqueBytesRead + up.UniqueBytesWritten;
            long downNeeds = weights + ((long)pairs * LearnerSize * 2) + (some * 4) + (2L * some * Width * 4), downMoves = down.UniqueBytesRead + down.UniqueBytesWritten;
            TestContext.Out.WriteLine($"layer {layer}: rows per learner {string.Join(' ', Enumerable.Range(1, 4).Select(n => k.Count(v => v >= n)))}; mma useful/issued {needed / (double)Math.Max(1, up.MatrixFlops + down.MatrixFlops):F3}; " +
                $"unique/compulsory up {upMoves / (double)Math.Max(1, upNeeds):F3}, down {downMoves / (double)Math.Max(1, downNeeds):F3}; sectors*32/bytes asked up {Sectors(up):F3}, down {Sectors(down):F3}; " +
                $"excess wavefronts {up.SharedExcessWavefronts} {down.SharedExcessWavefronts}; warp instructions {up.WarpInstructions} {down.WarpInstructions}");

            Assert.That(up.SharedExcessWavefronts + down.SharedExcessWavefronts, Is.Zero, "bank conflicts");
            Assert.That(up.Atomics + down.Atomics, Is.Zero);
            Assert.That(upMoves, Is.LessThanOrEqualTo((1.10 * upNeeds) + 65536), "bytes of acm_up");
            Assert.That(downMoves, Is.LessThanOrEqualTo((1.10 * downNeeds) + 65536), "bytes of acm_down");
            Assert.That(Sectors(up), Is.LessThanOrEqualTo(1.10), "sectors that acm_up asks for but does not use");
            Assert.That(Sectors(down), Is.LessThanOrEqualTo(1.10), "sectors that acm_down asks for but does not use");
        }

        TestContext.Out.WriteLine($"all: mma useful/issued {useful / (double)issued:F3}");
        if (budget != "0.25")
            Assert.That(useful / (double)issued, Is.GreaterThanOrEqualTo(batch == 1 ? 0.80 : 0.95));
    }

    private static double Sectors(LaunchCounters c) =>
        c.GlobalLoadBytes + c.GlobalStoreBytes == 0 ? 1 : 32.0 * (c.GlobalLoadSectors + c.GlobalStoreSectors) / (c.GlobalLoadBytes + c.GlobalStoreBytes);

    private static (LaunchCounters Up, LaunchCounters Down) Run(int[] k, TileShape shape)
    {
        const KernelPrecision Precision = KernelPrecision.BFloat16;
        int tokens = k.Length;
        using KernelRig rig = new(1, ExecutionMode.Fast);
        int[] order = [.. Enumerable.Range(0, tokens).OrderByDescending(t => k[t])], counts = [.. Enumerable.Range(0, Learners + 1).Select(n => k.Count(v => v >= n))];
        ushort[] weights = new ushort[Width * Hidden];
        Array.Fill(weights, (ushort)0x3C01);
        ulong x = rig.Upload<ushort>(weights.AsSpan(0, tokens * Width), "x"), w1 = rig.Upload<ushort>(weights, "w1"), w2 = rig.Upload<ushort>(weights, "w2");
        ulong b1 = rig.Upload<float>(new float[Hidden], "b1"), stream = rig.Upload<float>(new float[tokens * Width], "stream"), hidden = rig.Poisoned(tokens * Hidden * 2, "hidden");
        ulong sorted = rig.Upload<int>(order, "order"), counted = rig.Upload<int>(counts, "counts");
        object[] up = [x, w1, b1, sorted, counted, hidden], down = [hidden, w2, 0UL, sorted, counted, stream];
        string[] defines = [.. shape.Defines, "ACTIVATION=1", "RESIDUAL=1"];
        int blocks = (tokens + shape.M - 1) / shape.M;
        return (rig.Launch("acm_up.cu", "acm_up", Precision, defines, new(blocks, Hidden / shape.N), shape.Threads, shape.SharedBytes,
                [.. up, .. up, .. up, Width, Hidden, Width * 2 / 32, Learners, LearnerSize]).Counters,
            rig.Launch("acm_down.cu", "acm_down", Precision, defines, new(blocks, Width / shape.N), shape.Threads, shape.SharedBytes,
                [.. down, .. down, .. down, Hidden, Width, Hidden * 2 / 32, Learners, LearnerSize, Width]).Counters);
    }

    /// <summary>As shared/bench/README.md says: layer i takes the counts of layer i / 2.</summary>
    private static int[] Routing(string budget, int layer, int tokens)
    {
        if (budget == "1")
            return [.. Enumerable.Repeat(Learners, tokens)];
        byte[] file = File.ReadAllBytes(SharedFolder.Need("bench", "k-vit-chars.safetensors"));
        int length = (int)BitConverter.ToInt64(file);
        using JsonDocument header = JsonDocument.Parse(Encoding.UTF8.GetString(file, 8, length));
        JsonElement offsets = header.RootElement.GetProperty($"{budget}.encoder.layers.encoder_layer_{layer / 2}.mlp").GetProperty("data_offsets");
        return [.. file.AsSpan(8 + length + offsets[0].GetInt32(), tokens).ToArray().Select(b => (int)b)];
    }
}
