using Acm.Simulator.Counters;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>Every counter with a kernel whose counts are worked out by hand, in fast and in checked execution.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class CounterTests(bool isChecked)
{
    [Test]
    public void Instructions_by_class_and_active_lanes()
    {
        // Without a body the kernel is: 2 ld.param, 1 mov, 1 mul.wide, 2 add, 1 ret = 7 per warp. Three blocks of 40 threads: 6 warps.
        LaunchCounters c = Run("", grid: 3, block: 40);
        Assert.Multiple(() =>
        {
            Assert.That(c.Launches, Is.EqualTo(1));
            Assert.That(c.Blocks, Is.EqualTo(3));
            Assert.That(c.WarpInstructions, Is.EqualTo(7 * 6));
            Assert.That(c[InstructionClass.LoadConstant], Is.EqualTo(2 * 6));
            Assert.That(c[InstructionClass.Move], Is.EqualTo(1 * 6));
            Assert.That(c[InstructionClass.Integer], Is.EqualTo(3 * 6));
            Assert.That(c[InstructionClass.Control], Is.EqualTo(1 * 6));
            Assert.That(c.ActiveLanes, Is.EqualTo(7 * 40 * 3));
        });
    }

    [Test]
    public void Divergent_lanes_are_counted_where_they_run()
    {
        // Lanes 0..7 jump over two adds that the other 24 execute. Beside the 7 instructions of all lanes: setp and bra by 32, 2 adds by 24.
        LaunchCounters c = Run("setp.lt.u32 %c1, %me, 8; @%c1 bra L; add.u32 %r1, %me, 1; add.u32 %r2, %me, 2; L:");
        Assert.Multiple(() =>
        {
            Assert.That(c.DivergentBranches, Is.EqualTo(1));
            Assert.That(c[InstructionClass.Compare], Is.EqualTo(1));
            Assert.That(c[InstructionClass.Integer], Is.EqualTo(3 + 2));
            Assert.That(c.ActiveLanes, Is.EqualTo((9 * 32) + (2 * 24)));
        });
    }

    // A warp of 32 lanes; requests, sectors of 32 bytes, bytes asked for, different bytes.
    [TestCase("ld.global.u32 %r1, [%p4];", 1, 4, 128, 128, TestName = "neighbours: 128 bytes in 4 sectors")]
    [TestCase("ld.global.u32 %r1, [%p4+4];", 1, 5, 128, 128, TestName = "shifted by a word: 5 sectors")]
    [TestCase("ld.global.u32 %r1, [%p];", 1, 1, 128, 4, TestName = "all lanes one word: 1 sector")]
    [TestCase("mad.wide.u32 %d1, %me, 32, %p; ld.global.u32 %r1, [%d1];", 1, 32, 128, 128, TestName = "stride 32 bytes: 32 sectors")]
    [TestCase("mad.wide.u32 %d1, %me, 16, %p; ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d1];", 1, 16, 512, 512, TestName = "16 bytes per lane: 16 sectors")]
    [TestCase("and.b32 %r1, %me, 1; xor.b32 %r1, %r1, 1; mad.wide.u32 %d1, %r1, 32, %p; ld.global.u32 %r1, [%d1];", 1, 2, 128, 8, TestName = "two words in turn: 2 sectors")]
    [TestCase("setp.lt.u32 %c1, %me, 16; @%c1 ld.global.u32 %r1, [%p4];", 1, 2, 64, 64, TestName = "half of the lanes: 2 sectors")]
    [TestCase("setp.lt.u32 %c1, %me, 0; @%c1 ld.global.u32 %r1, [%p4];", 0, 0, 0, 0, TestName = "no lane: no request")]
    [TestCase("ld.global.u32 %r1, [%p4]; ld.global.u32 %r1, [%p4];", 2, 8, 256, 128, TestName = "twice the same: unique bytes once")]
    public void Global_loads(string body, int requests, int sectors, int bytes, int unique)
    {
        LaunchCounters c = Run(body);
        Assert.Multiple(() =>
        {
            Assert.That(c.GlobalLoadRequests, Is.EqualTo(requests), "requests");
            Assert.That(c.GlobalLoadSectors, Is.EqualTo(sectors), "sectors");
            Assert.That(c.GlobalLoadBytes, Is.EqualTo(bytes), "bytes");
            Assert.That(c.UniqueBytesRead, Is.EqualTo(unique), "unique");
            Assert.That(c.GlobalStoreRequests + c.GlobalStoreSectors + c.UniqueBytesWritten, Is.Zero);
        });
    }

    [Test]
    public void Global_stores_of_two_blocks()
    {
        // Each block of two warps stores 64 words behind p: per warp one request of 4 sectors. Both blocks the same words: unique once
        // (made by atomics in the second kernel, where equal stores of two blocks would be a race).
        LaunchCounters own = Run("mov.u32 %r1, %ctaid.x; mad.wide.u32 %d1, %r1, 256, %p4; st.global.u32 [%d1], %me;", grid: 2, block: 64);
        Assert.Multiple(() =>
        {
            Assert.That(own.GlobalStoreRequests, Is.EqualTo(4));
            Assert.That(own.GlobalStoreSectors, Is.EqualTo(16));
            Assert.That(own.GlobalStoreBytes, Is.EqualTo(512));
            Assert.That(own.UniqueBytesWritten, Is.EqualTo(512));
        });
        LaunchCounters atomics = Run("red.global.add.u32 [%p4], 1;", grid: 2, block: 64);
        Assert.Multiple(() =>
        {
            Assert.That(atomics.Atomics, Is.EqualTo(128));
            Assert.That(atomics[InstructionClass.Atomic], Is.EqualTo(4));
            Assert.That(atomics.UniqueBytesWritten, Is.EqualTo(256));
            Assert.That(atomics.UniqueBytesRead, Is.EqualTo(256));
        });
    }

    // Bytes that every lane reads of the 16 that it fills; lane 0 may ignore its source.
    [TestCase("16", 16, 512)]
    [TestCase("16, 4", 16, 128)]
    [TestCase("16, 0", 0, 0)]
    [TestCase("16, %c1", 16, 496)]
    public void Asynchronous_copies_count_what_they_read(string bytes, int sectors, int read)
    {
        LaunchCounters c = Run($"setp.eq.u32 %c1, %me, 0; mov.u32 %r3, s; mad.lo.u32 %r2, %me, 16, %r3; mad.wide.u32 %d1, %me, 16, %p; cp.async.ca.shared.global [%r2], [%d1], {bytes}; cp.async.wait_all;",
            shared: ".shared .align 16 .b8 s[512];");
        Assert.That((c.GlobalLoadSectors, c.GlobalLoadBytes, c.UniqueBytesRead, c.SharedRequests), Is.EqualTo(((long)sectors, (long)read, (long)read, 1L)));
    }

    [Test]
    public void Atomics_count_the_lanes_that_carry_them_out()
    {
        LaunchCounters c = Run("setp.lt.u32 %c1, %me, 5; @%c1 red.global.add.u32 [%p4], 1;");
        Assert.That((c.Atomics, c.GlobalStoreRequests, c.GlobalStoreBytes, c.UniqueBytesWritten), Is.EqualTo((5L, 1L, 20L, 20L)));
    }

    // s + tid * stride; an access of 4 bytes passes over the banks once, of 8 twice, of 16 four times when nothing conflicts.
    [TestCase("st.shared.u32 [%r2], %me;", 4, 1, 0, TestName = "shared: neighbours, no conflict")]
    [TestCase("st.shared.u32 [%r2], %me;", 8, 2, 1, TestName = "shared: every second word, two-way")]
    [TestCase("st.shared.u32 [%r2], %me;", 12, 1, 0, TestName = "shared: stride of three words, no conflict")]
    [TestCase("st.shared.u32 [%r2], %me;", 64, 16, 15, TestName = "shared: stride of 16 words, sixteen-way")]
    [TestCase("st.shared.u32 [%r2], %me;", 128, 32, 31, TestName = "shared: one bank, 32-way")]
    [TestCase("st.shared.u32 [%r2], %me;", 132, 1, 0, TestName = "shared: padded row, no conflict")]
    [TestCase("st.shared.v2.u32 [%r2], {%me, %me};", 8, 2, 0, TestName = "shared: 8 bytes per lane")]
    [TestCase("st.shared.v4.u32 [%r2], {%me, %me, %me, %me};", 16, 4, 0, TestName = "shared: 16 bytes per lane")]
    [TestCase("st.shared.v4.u32 [%r2], {%me, %me, %me, %me};", 128, 32, 28, TestName = "shared: 16 bytes per lane in rows of 128, eight-way")]
    [TestCase("and.b32 %r1, %me, 1; mad.lo.u32 %r2, %r1, 128, %r3; st.shared.u32 [%r2], 5;", 0, 2, 1, TestName = "shared: two words of one bank in turn, two-way")]
    [TestCase("and.b32 %r1, %me, 1; mad.lo.u32 %r2, %r1, 128, %r3; st.shared.v4.u32 [%r2], {5, 5, 5, 5};", 0, 8, 4, TestName = "shared: two rows of one group in turn, two-way")]
    public void Shared_memory(string access, int stride, int wavefronts, int excess)
    {
        LaunchCounters c = Run($"mov.u32 %r3, s; mad.lo.u32 %r2, %me, {stride}, %r3; {access}", shared: ".shared .align 16 .b8 s[8192];");
        Assert.Multiple(() =>
        {
            Assert.That(c.SharedRequests, Is.EqualTo(1));
            Assert.That(c.SharedWavefronts, Is.EqualTo(wavefronts), "wavefronts");
            Assert.That(c.SharedExcessWavefronts, Is.EqualTo(excess), "excess");
            Assert.That(c.SharedBytesPerBlock, Is.EqualTo(8192));
        });
    }

    [Test]
    public void Generic_accesses_are_counted_where_they_point()
    {
        LaunchCounters c = Run("mov.u32 %r1, s; cvt.u64.u32 %d1, %r1; cvta.shared.u64 %d1, %d1; st.u32 [%d1], 1; ld.u32 %r2, [%d1]; st.u32 [%p4], %r2;", shared: ".shared .align 16 .b8 s[64];");
        Assert.That((c[InstructionClass.StoreShared], c[InstructionClass.LoadShared], c[InstructionClass.StoreGlobal], c[InstructionClass.LoadGlobal]), Is.EqualTo((1L, 1L, 1L, 0L)));
        Assert.That((c.SharedRequests, c.GlobalStoreRequests), Is.EqualTo((2L, 1L)));
    }

    [Test]
    public void Broadcast_from_one_bank_is_one_wavefront()
    {
        // Lane 0 stores the word (1 wavefront), all lanes load it (1 wavefront).
        LaunchCounters c = Run("setp.eq.u32 %c1, %me, 0; @%c1 st.shared.u32 [s], 9; bar.warp.sync -1; ld.shared.u32 %r1, [s]; st.global.u32 [%p4], %r1;", shared: ".shared .align 16 .b8 s[64];");
        Assert.That((c.SharedRequests, c.SharedWavefronts, c.SharedExcessWavefronts), Is.EqualTo((2L, 2L, 0L)));
    }

    // 256 bytes are stored in two requests without conflicts.
    [TestCase(16, 3, 0), TestCase(32, 4, 1)]
    public void Rows_of_a_matrix(int stride, int wavefronts, int excess)
    {
        string body = $"mov.u32 %r3, s; mad.lo.u32 %r2, %me, 4, %r3; st.shared.u32 [%r2], 1; st.shared.u32 [%r2+128], 2; bar.warp.sync -1; "
            + $"and.b32 %r1, %me, 7; mad.lo.u32 %r2, %r1, {stride}, %r3; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {{%r4}}, [%r2];";
        LaunchCounters c = Run(body, shared: ".shared .align 16 .b8 s[256];");
        Assert.That((c.SharedRequests, c.SharedWavefronts, c.SharedExcessWavefronts), Is.EqualTo((3L, (long)wavefronts, (long)excess)));
    }

    [Test]
    public void A_barrier_that_waits_for_others_to_end_is_counted_once()
    {
        LaunchCounters c = Run("setp.lt.u32 %c1, %me, 16; @%c1 bra L; exit; L: bar.sync 0;");
        Assert.That((c.Barriers, c[InstructionClass.Barrier], c.WarpInstructions, c.ActiveLanes), Is.EqualTo((1L, 1L, 11L, (8L * 32) + (3 * 16))));
    }

    [Test]
    public void Matrix_products_barriers_and_memory()
    {
        // Two warps, each 3 mma.m16n8k16 (2 * 16 * 8 * 16 operations) and 2 barriers.
        string mma = string.Concat(Enumerable.Repeat("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f2,%f3,%f4,%f5}, {%r1,%r1,%r1,%r1}, {%r1,%r1}, {%f1,%f1,%f1,%f1};\n", 3));
        LaunchCounters c = Run("mov.u32 %r1, 0; mov.f32 %f1, 0f00000000; " + mma + "bar.sync 0; bar.sync 0;", block: 64);
        Assert.Multiple(() =>
        {
            Assert.That(c.MatrixFlops, Is.EqualTo(2 * 3 * 4096));
            Assert.That(c[InstructionClass.MatrixMultiply], Is.EqualTo(6));
            Assert.That(c.Barriers, Is.EqualTo(4));
            Assert.That(c[InstructionClass.Barrier], Is.EqualTo(4));
            Assert.That(c.PeakMemoryBytes, Is.EqualTo(4096 + 256), "the two buffers below");
        });
    }

    private LaunchCounters Run(string body, int grid = 1, int block = 32, string shared = "")
    {
        using PtxBench bench = new(new SimulatorOptions { Mode = isChecked ? ExecutionMode.Checked : ExecutionMode.Fast });
        ulong p = bench.Buffer("p", new uint[1024]), q = bench.Buffer("q", new uint[64]);
        return bench.Launch(PtxBench.Module(body, shared), grid, block, p, q).Counters;
    }
}
