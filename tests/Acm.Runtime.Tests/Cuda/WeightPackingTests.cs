using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Acm.Runtime.Backends.Cuda;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cuda;

public class WeightPackingTests
{
    /// <summary>Reads a packed matrix the way a warp's lanes do, and finds every element at the place mma.sync's operand layout asks for.</summary>
    [TestCase(64, 64), TestCase(40, 70), TestCase(192, 96), TestCase(1, 1)]
    public void A_lane_finds_its_operands(int depth, int columns)
    {
        foreach (bool half in new[] { true, false })
        {
            ElementType type = half ? ElementType.Float16 : ElementType.Float32;
            byte[] packed = WeightPacking.Pack((k, n) => k + 1 + 256 * n, depth, columns, type);
            int step = half ? 16 : 8, steps = WeightPacking.Steps(depth, type), seen = 0;
            Assert.That(packed, Has.Length.EqualTo(WeightPacking.Pad64(depth) * WeightPacking.Pad64(columns) * type.Bytes()));
            for (int q = 0; q < WeightPacking.Pad64(columns) / 16; q++)
                for (int s = 0; s < steps; s++)
                    for (int lane = 0; lane < 32; lane++)
                    {
                        // A group of eight lanes reads eight chunks that lie in eight different banks.
                        int place = lane ^ (lane >> 3 & 3);
                        ReadOnlySpan<byte> chunk = packed.AsSpan((q * steps + s) * 512 + place * 16, 16);
                        for (int h = 0; h < 2; h++)
                            for (int i = 0; i < (half ? 4 : 2); i++)
                            {
                                int k = s * step + (half ? lane % 4 * 2 + i % 2 + i / 2 * 8 : lane % 4 + i * 4);
                                // Of 32 columns, a lane quad's accumulators are to be 8 neighbours: columns 8t .. 8t + 7.
                                int tile = (q % 2 * 2) + h, g = lane / 4;
                                int n = q / 2 * 32 + g / 2 * 8 + tile * 2 + g % 2;
                                float got = half ? (float)BinaryPrimitives.ReadHalfLittleEndian(chunk[((h * 4 + i) * 2)..])
                                    : BinaryPrimitives.ReadSingleLittleEndian(chunk[((h * 2 + i) * 4)..]);
                                float want = k < depth && n < columns ? (half ? (float)(Half)(k + 1 + 256 * n) : k + 1 + 256 * n) : 0;
                                Assert.That(got, Is.EqualTo(want), $"k {k}, column {n}");
                                seen += k < depth && n < columns ? 1 : 0;
                            }
                    }
            Assert.That(seen, Is.EqualTo(depth * columns), "every element once");
        }
    }

    [Test]
    public void Parameter_structs_have_the_sizes_of_their_C_declarations()
    {
        Assert.That(Unsafe.SizeOf<RoutingControl>(), Is.EqualTo(16));
        Assert.That(Unsafe.SizeOf<NormGateArgs>(), Is.EqualTo(3 * 56 + 7 * 8 + 8 * 4));
        Assert.That(Unsafe.SizeOf<UpArgs>(), Is.EqualTo(3 * 48 + 5 * 4 + 4));
        Assert.That(Unsafe.SizeOf<DownArgs>(), Is.EqualTo(3 * 48 + 6 * 4));
        Assert.That(Unsafe.SizeOf<DenseArgs>(), Is.EqualTo(3 * 32 + 8 + 4 * 4));
        Assert.That(Unsafe.SizeOf<AttentionArgs>(), Is.EqualTo(5 * 8 + 3 * 4 + 4));
        Assert.That(Unsafe.SizeOf<PatchArgs>(), Is.EqualTo(5 * 8 + 5 * 4 + 4));
    }
}
