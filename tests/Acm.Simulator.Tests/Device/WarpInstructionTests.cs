using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>What the threads of a warp or a block find out together.</summary>
public sealed class WarpInstructionTests
{
    // The own lane where the source lies outside the bounds that the third operand gives.
    [TestCase("up", 1, 5, 4, 4)]
    [TestCase("up", 1, 0x1800, 9, 8)]
    [TestCase("down", 1, 20, 20, 20)]
    [TestCase("down", 2, 0x181f, 5, 7)]
    [TestCase("bfly", 16, 15, 3, 3)]
    [TestCase("idx", 11, 0x181f, 17, 19)]
    [TestCase("idx", 35, 31, 17, 3)]
    public void A_shuffle_stays_inside_its_bounds(string mode, int b, int c, int lane, int want) =>
        Assert.That(Run($"shfl.sync.{mode}.b32 %r1, %me, {b}, {c}, -1;", 32)[lane], Is.EqualTo(want));

    [Test]
    public void A_shuffle_tells_which_lanes_had_a_source()
    {
        uint[] got = Run("shfl.sync.up.b32 %r2|%c1, %me, 1, 5, -1; selp.u32 %r1, 1, 0, %c1;", 32);
        Assert.That(got, Is.EqualTo(Enumerable.Range(0, 32).Select(static lane => lane >= 6 ? 1u : 0)));
    }

    [TestCase("eq", 0x80u), TestCase("lt", 0x7fu), TestCase("le", 0xffu), TestCase("gt", 0xffffff00u), TestCase("ge", 0xffffff80u)]
    public void Masks_of_lanes_below_and_above(string relation, uint want) =>
        Assert.That(Run($"mov.u32 %r1, %lanemask_{relation};", 32)[7], Is.EqualTo(want));

    [Test]
    public void The_lowest_member_is_elected()
    {
        string body = "mov.u32 %r1, 99; setp.lt.u32 %c1, %me, 7; @%c1 bra L; elect.sync %r2|%c2, 0xffffff80; selp.u32 %r1, 100, 0, %c2; add.u32 %r1, %r1, %r2; L:";
        Assert.That(Run(body, 32), Is.EqualTo(Enumerable.Range(0, 32).Select(static lane => lane < 7 ? 99u : lane == 7 ? 107u : 7u)));
    }

    [TestCase(63, 0u, 1u, 63u), TestCase(64, 1u, 1u, 64u), TestCase(0, 0u, 0u, 0u)]
    public void A_barrier_joins_the_predicates_of_all_threads(int below, uint all, uint any, uint count)
    {
        string set = $"setp.lt.u32 %c1, %me, {below}; ";
        Assert.That(Run(set + "bar.red.and.pred %c2, 0, %c1; selp.u32 %r1, 1, 0, %c2;", 64), Is.All.EqualTo(all));
        Assert.That(Run(set + "bar.red.or.pred %c2, 0, %c1; selp.u32 %r1, 1, 0, %c2;", 64), Is.All.EqualTo(any));
        Assert.That(Run(set + "bar.red.popc.u32 %r1, 0, %c1;", 64), Is.All.EqualTo(count));
        Assert.That(Run(set + "bar.red.and.pred %c2, 0, !%c1; selp.u32 %r1, 1, 0, %c2;", 64), Is.All.EqualTo(1 - any));
    }

    [Test]
    public void A_barrier_leaves_out_the_predicates_of_threads_that_have_ended()
    {
        uint[] got = Run("setp.ge.u32 %c1, %me, 0; st.global.u32 [%q4], %me; setp.ge.u32 %c2, %me, 40; @%c2 exit; bar.red.popc.u32 %r1, 0, %c1;", 64);
        Assert.That(got, Is.EqualTo(Enumerable.Range(0, 64).Select(static thread => thread < 40 ? 40u : (uint)thread)));
    }

    // What was in memory, the operand, what is there then.
    [TestCase("inc.u32", 5u, 5u, 0u), TestCase("inc.u32", 4u, 5u, 5u), TestCase("inc.u32", 9u, 5u, 0u)]
    [TestCase("dec.u32", 0u, 5u, 5u), TestCase("dec.u32", 5u, 5u, 4u), TestCase("dec.u32", 9u, 5u, 5u)]
    [TestCase("min.s32", 1u, 0xffffffffu, 0xffffffffu), TestCase("min.u32", 1u, 0xffffffffu, 1u)]
    [TestCase("max.s32", 1u, 0xffffffffu, 1u), TestCase("max.u32", 1u, 0xffffffffu, 0xffffffffu)]
    [TestCase("exch.b32", 1u, 7u, 7u), TestCase("xor.b32", 5u, 3u, 6u), TestCase("and.b32", 5u, 3u, 1u), TestCase("or.b32", 5u, 3u, 7u)]
    public void Atomics_change_a_word_and_give_what_it_was(string operation, uint was, uint operand, uint want)
    {
        foreach (string space in new[] { "global", "shared" })
        {
            string at = space == "global" ? "%p" : "s";
            string body = $"st.{space}.u32 [{at}], {was}; atom.{space}.{operation} %r2, [{at}], {operand}; ld.{space}.u32 %r3, [{at}]; setp.eq.u32 %c1, %r2, {was}; selp.u32 %r1, %r3, 77, %c1;";
            Assert.That(Run(body, 1)[0], Is.EqualTo(want), space);
        }
    }

    // PTX ISA: in global memory devices add float32 without subnormals, operands and results, in shared memory with them.
    [TestCase("0f00800001", "0f80800000", 1u, 0u), TestCase("0f80800001", "0f00800000", 0x80000001u, 0x80000000u)]
    [TestCase("0f00000001", "0f00800000", 0x00800001u, 0x00800000u), TestCase("0f00800000", "0f80000001", 0x007fffffu, 0x00800000u)]
    public void Atomic_sums_are_flushed_in_global_memory_alone(string was, string operand, uint shared, uint global)
    {
        foreach ((string space, string at, uint want) in new[] { ("shared", "s", shared), ("global", "%p", global) })
            Assert.That(Run($"st.{space}.f32 [{at}], {was}; red.{space}.add.f32 [{at}], {operand}; ld.{space}.u32 %r1, [{at}];", 1)[0], Is.EqualTo(want), space);
    }

    [TestCase("min.s64", "-1", "-1"), TestCase("min.u64", "-1", "1"), TestCase("max.s64", "-1", "1"), TestCase("max.u64", "-1", "-1")]
    [TestCase("add.u64", "0xffffffff", "0x100000000"), TestCase("cas.b64", "1, 6", "6"), TestCase("cas.b64", "0x100000001, 6", "1")]
    public void Atomics_change_64_bits(string operation, string operands, string want) => Assert.That(
        Run($"mov.b64 %d1, 1; st.shared.b64 [s], %d1; atom.shared.{operation} %d2, [s], {operands}; ld.shared.b64 %d3, [s]; setp.eq.b64 %c1, %d3, {want}; setp.eq.and.b64 %c1, %d2, 1, %c1; selp.u32 %r1, 1, 0, %c1;", 1)[0],
        Is.EqualTo(1));

    [TestCase(0, "-1", 0x12340005u), TestCase(0, "0xfffe", 0x1234ffffu), TestCase(2, "0x1234", 0x0005ffffu), TestCase(2, "-1", 0x1234ffffu)]
    public void Atomics_change_one_half_of_a_word(int at, string compare, uint want) => Assert.That(
        Run($".reg .b16 %h<4>; st.global.u32 [%p], 0x1234ffff; mov.b16 %h2, {compare}; mov.b16 %h3, 5; atom.global.cas.b16 %h1, [%p+{at}], %h2, %h3; ld.global.u32 %r1, [%p];", 1)[0],
        Is.EqualTo(want));

    [TestCase("ld.global.s32 %d1, [%p];", 0xffffffff80008181ul), TestCase("ld.global.u32 %d1, [%p];", 0x80008181ul)]
    [TestCase("ld.global.s16 %d1, [%p];", 0xffffffffffff8181ul), TestCase("ld.global.s8 %d1, [%p];", 0xffffffffffffff81ul), TestCase("ld.global.u8 %d1, [%p];", 0x81ul)]
    public void Loads_are_extended_to_their_register(string load, ulong want) => Assert.That(
        Run($"st.global.u32 [%p], 0x80008181; {load} setp.eq.b64 %c1, %d1, 0x{want:x}; selp.u32 %r1, 1, 0, %c1;", 1)[0], Is.EqualTo(1));

    private static uint[] Run(string body, int threads)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100, Mode = ExecutionMode.Checked, Seed = 1 });
        ulong p = bench.Buffer("p", 0), q = bench.Device.Allocate((ulong)threads * 4, "q");
        bench.Launch(PtxBench.Module($"{body}\nst.global.u32 [%q4], %r1;", ".shared .align 16 .b8 s[64];"), 1, threads, p, q);
        return bench.Words(q, threads);
    }
}
