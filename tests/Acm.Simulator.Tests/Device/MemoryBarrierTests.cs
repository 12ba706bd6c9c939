using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>mbarrier objects by one thread: phases, counts and bytes.</summary>
public sealed class MemoryBarrierTests
{
    // What is asked for last goes to q; %r1 is the object.
    private const string Init = "mov.u32 %r1, s; mbarrier.init.shared.b64 [%r1], 2;\n";

    private const string Arrive = "mbarrier.arrive.shared.b64 _, [%r1];\n";

    [TestCase("", 0, false), TestCase("", 1, true)]
    [TestCase(Arrive, 0, false)]
    [TestCase(Arrive + Arrive, 0, true), TestCase(Arrive + Arrive, 1, false)]
    [TestCase(Arrive + Arrive + Arrive, 1, false), TestCase(Arrive + Arrive + Arrive + Arrive, 1, true), TestCase(Arrive + Arrive + Arrive + Arrive, 0, false)]
    [TestCase("mbarrier.arrive.release.cta.shared::cta.b64 %d1, [%r1], 2;\n", 0, true)]
    [TestCase("mbarrier.arrive.expect_tx.shared.b64 _, [%r1], 16;\n" + Arrive, 0, false)]
    [TestCase("mbarrier.arrive.expect_tx.shared.b64 _, [%r1], 16;\n" + Arrive + "mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%r1], 16;\n", 0, true)]
    [TestCase("mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%r1], 16;\n" + Arrive + Arrive, 0, false)]
    [TestCase("mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%r1], 16;\n" + Arrive + "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%r1], 16;\n", 0, true)]
    [TestCase("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r1], 8;\n" + Arrive + Arrive, 0, false)]
    [TestCase("mbarrier.arrive_drop.shared.b64 _, [%r1];\n" + Arrive + Arrive, 1, true)] // one is expected from the second phase on
    [TestCase("mbarrier.arrive.noComplete.shared.b64 %d1, [%r1], 1;\n" + Arrive, 0, true)]
    [TestCase("cp.async.mbarrier.arrive.shared.b64 [%r1];\n" + Arrive, 0, false)] // raises what it lowers
    [TestCase("cp.async.mbarrier.arrive.noinc.shared.b64 [%r1];\n" + Arrive, 0, true)]
    public void A_phase_is_over_when_all_have_arrived_and_all_bytes_have_come(string before, int parity, bool over)
    {
        string[] tests = ["test_wait.parity.shared.b64 %c1, [%r1], %r2", "try_wait.parity.acquire.cta.shared::cta.b64 %c1, [%r1], %r2", "try_wait.parity.shared::cta.b64 %c1, [%r1], %r2, 1000"];
        foreach (string test in tests)
            Assert.That(Run($"{Init}{before}mov.u32 %r2, {parity};\nmbarrier.{test};\nselp.u32 %r3, 1, 0, %c1;\n"), Is.EqualTo(over ? 1 : 0), test);
    }

    [TestCase("", 0), TestCase(Arrive, 1), TestCase(Arrive + Arrive, 1)]
    public void A_state_tells_its_own_phase(string after, int over) => Assert.That(
        Run($"{Init}mbarrier.arrive.shared.b64 %d1, [%r1];\n{after}mbarrier.test_wait.shared.b64 %c1, [%r1], %d1;\nselp.u32 %r3, 1, 0, %c1;\n"), Is.EqualTo(over));

    [Test]
    public void A_state_tells_how_many_were_missing_before() =>
        Assert.That(Run($"{Init}{Arrive}mbarrier.arrive.shared.b64 %d1, [%r1];\nmbarrier.pending_count.b64 %r3, %d1;\n"), Is.EqualTo(1));

    [TestCase("mbarrier.arrive.shared.b64 %d1, [%r1], 3;"), TestCase("mbarrier.arrive.noComplete.shared.b64 %d1, [%r1], 2;"), TestCase("mbarrier.init.shared.b64 [%r1], 0;")]
    public void Counts_that_cannot_be_are_found(string operation) => Assert.That(
        () => Run($"{Init}{operation}\n"), Throws.TypeOf<DeviceFaultException>().With.Property(nameof(DeviceFaultException.Kind)).EqualTo(FaultKind.IllegalInstruction));

    [Test]
    public void What_is_not_initialised_is_no_object() => Assert.That(
        () => Run($"{Init}mbarrier.inval.shared.b64 [%r1];\n{Arrive}"), Throws.TypeOf<DeviceFaultException>().With.Property(nameof(DeviceFaultException.Kind)).EqualTo(FaultKind.UninitialisedShared));

    private static uint Run(string body)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100, Mode = ExecutionMode.Checked });
        ulong p = bench.Buffer("p", 0), q = bench.Buffer("q", 0);
        bench.Launch(PtxBench.Module($"mov.u32 %r3, 7;\n{body}st.global.u32 [%q], %r3;\n", ".shared .align 8 .b8 s[8];"), 1, 1, p, q);
        return bench.Words(q, 1)[0];
    }
}
