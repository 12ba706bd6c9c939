using Acm.Simulator.Parser;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>What kernels do with a cluster of one block: its barrier, and addresses in it.</summary>
public sealed class ClusterTests
{
    private const string Shared = ".shared .align 16 .b8 s[1024];";

    private const string Write = "mov.u32 %r1, s; mad.lo.u32 %r1, %me, 4, %r1; st.shared.u32 [%r1], %me;\n";

    // Each thread reads what one of the next warp has written.
    private const string Read = "add.u32 %r2, %me, 32; and.b32 %r2, %r2, 127; mov.u32 %r1, s; mad.lo.u32 %r1, %r2, 4, %r1; ld.shared.u32 %r3, [%r1]; st.global.u32 [%q4], %r3;\n";

    [Test]
    public void What_was_written_before_its_barrier_is_read_behind_it(
        [Values("", ".release")] string release, [Values("", ".acquire")] string acquire, [Values("", ".aligned")] string aligned, [Range(0, 3)] int seed)
    {
        string sync = $"barrier.cluster.arrive{release}{aligned};\nbarrier.cluster.wait{acquire}{aligned};\n";
        uint[] want = [.. Enumerable.Range(0, 128).Select(static i => (uint)(i + 32) % 128)];
        foreach (ExecutionMode mode in Enum.GetValues<ExecutionMode>())
        {
            Assert.That(Run(Write + sync + Read, 128, mode, seed), Is.EqualTo(want));
            Assert.That(Run($"{sync}{Write}{sync}{Read}{sync}{Write}{sync}{Read}", 128, mode, seed), Is.EqualTo(want));
        }
    }

    [Test]
    public void Who_has_arrived_keeps_nobody_waiting([Range(0, 3)] int seed)
    {
        const string body = """
            setp.lt.u32 %c0, %me, 32;
            barrier.cluster.arrive;
            @%c0 bar.sync 1, 64;
            barrier.cluster.wait;
            @!%c0 bar.sync 1, 64;
            st.global.u32 [%q4], %me;
            """;
        Assert.That(Run(body, 64, ExecutionMode.Checked, seed), Is.EqualTo(Enumerable.Range(0, 64)));
    }

    [Test]
    public void Threads_that_exit_are_not_waited_for([Range(0, 3)] int seed)
    {
        const string body = "st.global.u32 [%q4], %me;\nsetp.gt.u32 %c0, %me, 40;\n@%c0 exit;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n";
        Assert.That(Run(body, 96, ExecutionMode.Checked, seed), Is.EqualTo(Enumerable.Range(0, 96)));
    }

    [TestCase("barrier.cluster.arrive.relaxed;\nbarrier.cluster.wait;\n", (int)FaultKind.SharedRace)]
    [TestCase("barrier.cluster.arrive;\n", (int)FaultKind.SharedRace)]
    [TestCase("barrier.cluster.wait;\n", (int)FaultKind.IllegalInstruction)]
    [TestCase("barrier.cluster.arrive;\nbarrier.cluster.arrive;\n", (int)FaultKind.IllegalInstruction)]
    [TestCase("setp.lt.u32 %c0, %me, 32;\nbarrier.cluster.arrive;\n@%c0 bar.sync 1, 64;\nbarrier.cluster.wait;\n", (int)FaultKind.Deadlock)]
    [TestCase("and.b32 %r9, %me, 16;\nsetp.eq.u32 %c0, %r9, 0;\n@%c0 barrier.cluster.arrive.aligned;\nbarrier.cluster.wait;\n", (int)FaultKind.BarrierUnderDivergence)]
    public void Its_misuse_is_found(string sync, int kind)
    {
        for (int seed = 0; seed < 4; seed++)
        {
            DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => Run($"{Write}bar.sync 0;\n{Write}{sync}{Read}", 128, ExecutionMode.Checked, seed))!;
            Assert.That(fault.Kind, Is.EqualTo((FaultKind)kind), fault.Message);
        }
    }

    [Test]
    public void The_only_block_has_its_own_addresses()
    {
        const string body = Write + """
            mapa.shared::cluster.u32 %r4, s, 0;
            getctarank.shared::cluster.u32 %r5, %r4;
            mad.lo.u32 %r4, %me, 4, %r4;
            ld.shared::cluster.u32 %r6, [%r4];
            cvt.u64.u32 %d1, %r4;
            cvta.shared::cluster.u64 %d1, %d1;
            mapa.u64 %d2, %d1, %r5;
            getctarank.u64 %r7, %d2;
            ld.u32 %r8, [%d2];
            mov.pred %c1, %is_explicit_cluster;
            selp.u32 %r9, 1000, 0, %c1;
            add.u32 %r6, %r6, %r8;
            add.u32 %r6, %r6, %r9;
            st.global.u32 [%q4], %r6;
            """;
        Assert.That(Run(body, 32, ExecutionMode.Checked, 0), Is.EqualTo(Enumerable.Range(0, 32).Select(static i => (uint)(2 * i))));
    }

    [TestCase("", 0), TestCase("\n.explicitcluster\n.reqnctapercluster 1, 1, 1", 1)]
    public void A_kernel_knows_whether_it_says_that_it_runs_in_clusters(string directives, int says)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        ulong q = bench.Buffer("q", 7);
        string ptx = PtxBench.Module("mov.pred %c1, %is_explicit_cluster;\nselp.u32 %r1, 1, 0, %c1;\nst.global.u32 [%q], %r1;").Replace("p1)", "p1)" + directives, StringComparison.Ordinal);
        bench.Launch(ptx, 1, 1, q, q);
        Assert.That(bench.Words(q, 1)[0], Is.EqualTo(says));
    }

    [Test]
    public void Another_block_of_the_cluster_has_no_address() => Assert.That(
        () => Run("mapa.shared::cluster.u32 %r4, s, 1;", 32, ExecutionMode.Fast, 0),
        Throws.TypeOf<DeviceFaultException>().With.Property(nameof(DeviceFaultException.Kind)).EqualTo(FaultKind.IllegalInstruction));

    [TestCase("barrier.cluster.arrive;"), TestCase("mapa.shared::cluster.u32 %r4, s, 0;"), TestCase("getctarank.shared::cluster.u32 %r4, %me;")]
    public void Clusters_of_several_blocks_are_refused(string instruction)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        string ptx = PtxBench.Module(instruction, Shared).Replace("p1)", "p1)\n.reqnctapercluster 2, 1, 1", StringComparison.Ordinal);
        Assert.That(() => bench.Device.Load(ptx).GetKernel("k"), Throws.TypeOf<PtxUnsupportedException>());
    }

    // Fences of the cluster's shared memory alone.
    [TestCase("fence.acquire.sync_restrict::shared::cluster.cluster;"), TestCase("fence.release.sync_restrict::shared::cta.cluster;")]
    [TestCase("fence.proxy.async::generic.acquire.sync_restrict::shared::cluster.cluster;")]
    [TestCase("fence.proxy.async::generic.release.sync_restrict::shared::cta.cluster;")]
    public void Fences_may_be_of_shared_memory_alone(string fence) =>
        Assert.That(Run($"{fence}\nst.global.u32 [%q4], %me;", 32, ExecutionMode.Checked, 0), Is.EqualTo(Enumerable.Range(0, 32)));

    private static uint[] Run(string body, int threads, ExecutionMode mode, int seed)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100, Mode = mode, Seed = seed });
        ulong p = bench.Buffer("p", 0), q = bench.Device.Allocate((ulong)threads * 4, "q");
        bench.Launch(PtxBench.Module(body, Shared), 1, threads, p, q);
        return bench.Words(q, threads);
    }
}
