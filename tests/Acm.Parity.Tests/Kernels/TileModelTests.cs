using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Counters;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>What the choice of a tile counts, next to what a launch in that tile does.</summary>
[TestFixture]
internal sealed class TileModelTests
{
    private const int Inner = 320, Width = 256;

    [Test]
    public void SharedMemoryIsReadAndWrittenAsOftenAsTheChoiceCounts(
        [ValueSource(typeof(TileShape), nameof(TileShape.Candidates))] object shapeOfCase, [Values(KernelPrecision.BFloat16, KernelPrecision.TF32)] object precisionOfCase)
    {
        (TileShape shape, KernelPrecision precision) = ((TileShape)shapeOfCase, (KernelPrecision)precisionOfCase);
        double counted = TileChoice.Wavefronts(shape, TileChoice.Steps(Inner, Elements.Bytes(precision)));
        LaunchCounters whole = Run(256, shape, precision), ragged = Run(256 - 19, shape, precision);
        Assert.That(whole.SharedWavefronts, Is.EqualTo(counted * (256 / shape.M) * (Width / shape.N)), "whole tiles");
        // Warps without rows read nothing; rows that are not there are written once, as zeros.
        Assert.That(ragged.SharedWavefronts, Is.InRange(0.8 * whole.SharedWavefronts, 1.0 * whole.SharedWavefronts), "19 rows short");
    }

    private static LaunchCounters Run(int tokens, TileShape shape, KernelPrecision precision)
    {
        using KernelRig rig = new(1, ExecutionMode.Fast);
        int size = Elements.Bytes(precision);
        object[] site =
        [
            rig.Upload<byte>(new byte[tokens * Inner * size], "x"), rig.Upload<byte>(new byte[Inner * Width * size], "w"),
            rig.Upload<float>(new float[Width], "b"), rig.Poisoned(tokens * Width * size, "out"),
        ];
        return rig.Launch("dense.cu", "dense", precision, [.. shape.Defines, "OUTPUT=0"], new((tokens + shape.M - 1) / shape.M, Width / shape.N), shape.Threads, shape.SharedBytes,
            [.. site, .. site, .. site, rig.Upload<int>([tokens], "tokens"), Inner, Width, Inner * size / 32, Width]).Counters;
    }
}
