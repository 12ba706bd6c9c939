using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>
/// Every check of the device: a kernel that must be stopped, and its twin that must run. The line marked <c>//!</c> is the one to blame;
/// it stands behind <c>.loc 1 42</c>.
/// </summary>
public sealed class FaultTests
{
    /// <summary>One check: the kernel with the fault, the kernel without, and where the fault is.</summary>
    public sealed class Check
    {
        internal FaultKind Kind { get; init; }

        internal string Name { get; init; } = "";

        internal string Faulty { get; init; } = "";

        internal string Sound { get; init; } = "";

        internal string Shared { get; init; } = "";

        internal int Grid { get; init; } = 1;

        internal int Block { get; init; } = 32;

        /// <summary>Thread to blame, -1 where any may be.</summary>
        internal int Thread { get; init; } = -1;

        /// <summary>Block to blame, -1 where either may be.</summary>
        internal int InBlock { get; init; }

        /// <summary>Byte offset of the address in p or q or shared memory; null where none is concerned.</summary>
        internal int? Offset { get; init; }

        /// <summary>Buffer that the report must name, and that <see cref="Offset"/> counts from.</summary>
        internal string? Buffer { get; init; }

        public override string ToString() => Name;
    }

    private const string At = "\n.loc 1 42 3\n";

    /// <summary>All checks.</summary>
    public static IEnumerable<Check> Checks()
    {
        yield return new Check
        {
            Name = "load beyond a buffer", Kind = FaultKind.OutOfBounds, Thread = 31, Offset = 256, Buffer = "p",
            Faulty = At + "ld.global.u32 %r1, [%p4+132]; //!", Sound = "ld.global.u32 %r1, [%p4+128];",
        };
        yield return new Check
        {
            Name = "store before a buffer", Kind = FaultKind.OutOfBounds, Thread = 0, Offset = -4, Buffer = "before p",
            Faulty = At + "st.global.u32 [%p4+-4], %me; //!", Sound = "st.global.u32 [%p4], %me;",
        };
        yield return new Check
        {
            Name = "store beyond shared memory", Kind = FaultKind.OutOfBounds, Thread = 31, Offset = 128, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r2, %r2, %r3;" + At + "st.shared.u32 [%r2+4], %me; //!",
            Sound = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r2, %r2, %r3; st.shared.u32 [%r2], %me;",
        };
        yield return new Check
        {
            Name = "misaligned load", Kind = FaultKind.Misaligned, Thread = 0, Offset = 2, Buffer = "p",
            Faulty = At + "ld.global.u32 %r1, [%p4+2]; //!", Sound = "ld.global.u16 %r1, [%p4+2];",
        };
        yield return new Check
        {
            Name = "misaligned vector load", Kind = FaultKind.Misaligned, Thread = 1, Offset = 4, Buffer = "p",
            Faulty = At + "ld.global.v2.u32 {%r1, %r2}, [%p4]; //!", Sound = "add.s64 %d1, %p4, %tid4; ld.global.v2.u32 {%r1, %r2}, [%d1];",
        };
        yield return new Check
        {
            Name = "global memory that nobody wrote", Kind = FaultKind.UninitialisedGlobal, Thread = 0, Offset = 0, Buffer = "q",
            Faulty = At + "ld.global.u32 %r1, [%q4]; //!", Sound = "st.global.u32 [%q4], %me; ld.global.u32 %r1, [%q4];",
        };
        yield return new Check
        {
            Name = "half of a vector in global memory that nobody wrote", Kind = FaultKind.UninitialisedGlobal, Thread = 0, Offset = 8, Buffer = "q",
            Faulty = "st.global.v2.u32 [%q], {1, 2};" + At + "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%q]; //!",
            Sound = "st.global.v2.u32 [%q], {1, 2}; st.global.v2.u32 [%q+8], {3, 4}; ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%q];",
        };
        yield return new Check
        {
            Name = "shared memory that nobody wrote", Kind = FaultKind.UninitialisedShared, Thread = 0, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = At + "ld.shared.u32 %r1, [s+64]; //!", Sound = "st.shared.u32 [s+64], 7; ld.shared.u32 %r1, [s+64];",
        };
        yield return new Check
        {
            Name = "register that nobody wrote", Kind = FaultKind.UninitialisedRegister, Thread = 0,
            Faulty = At + "st.global.u32 [%p4], %r9; //!", Sound = "mov.u32 %r9, 5; st.global.u32 [%p4], %r9;",
        };
        yield return new Check
        {
            Name = "register written in some lanes only", Kind = FaultKind.UninitialisedRegister, Thread = 16,
            Faulty = "setp.lt.u32 %c1, %me, 16; @%c1 mov.u32 %r9, 5;" + At + "st.global.u32 [%p4], %r9; //!",
            Sound = "setp.lt.u32 %c1, %me, 16; @%c1 mov.u32 %r9, 5; @%c1 st.global.u32 [%p4], %r9;",
        };
        yield return new Check
        {
            Name = "register that nobody wrote, selected", Kind = FaultKind.UninitialisedRegister, Thread = 0,
            Faulty = "setp.lt.u32 %c1, %me, 99; selp.u32 %r1, %r9, 5, %c1;" + At + "st.global.u32 [%p4], %r1; //!",
            Sound = "setp.lt.u32 %c1, %me, 99; selp.u32 %r1, 5, %r9, %c1; st.global.u32 [%p4], %r1;",
        };
        const string exchange = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r4, %r2, %r3; xor.b32 %r2, %r2, 128; add.u32 %r5, %r2, %r3; st.shared.u32 [%r4], %r3; bar.sync 0;";
        yield return new Check
        {
            Name = "shared memory exchanged between warps without a barrier", Kind = FaultKind.SharedRace, Block = 64, Shared = ".shared .align 4 .b8 s[256];",
            // Which of the two comes too late for the other depends on the schedule.
            Faulty = exchange + At + "st.shared.u32 [%r4], %me; ld.shared.u32 %r6, [%r5]; //!",
            Sound = exchange + "st.shared.u32 [%r4], %me; bar.sync 0; ld.shared.u32 %r6, [%r5];",
        };
        yield return new Check
        {
            Name = "two warps write one shared word", Kind = FaultKind.SharedRace, Block = 64, Shared = ".shared .align 4 .b8 s[256];",
            Faulty = At + "st.shared.u32 [s], %me; //!", Sound = "setp.eq.u32 %c1, %me, 0; @%c1 st.shared.u32 [s], %me;",
        };
        const string filled = "setp.lt.u32 %c1, %me, 32; setp.eq.u32 %c2, %me, 0; @%c2 st.shared.u32 [s], 9; bar.sync 0;";
        yield return new Check
        {
            Name = "shared word read by one warp and then written by another", Kind = FaultKind.SharedRace, Block = 64, Shared = ".shared .align 8 .b8 s[16];",
            Faulty = filled + At + "@%c1 ld.shared.u32 %r6, [s]; @!%c1 st.shared.u32 [s], 5; //!",
            Sound = filled + "@%c1 ld.shared.u32 %r6, [s]; bar.sync 0; @!%c1 st.shared.u32 [s], 5;",
        };
        yield return new Check
        {
            Name = "second word of a wide shared store written by another warp", Kind = FaultKind.SharedRace, Block = 64, Shared = ".shared .align 8 .b8 s[16];",
            Faulty = "setp.lt.u32 %c1, %me, 32; mov.b64 %d1, 0x700000003;" + At + "@%c1 st.shared.u64 [s], %d1; @!%c1 st.shared.u32 [s+4], 5; //!",
            Sound = "setp.lt.u32 %c1, %me, 32; mov.b64 %d1, 0x700000003; @%c1 st.shared.u64 [s], %d1; @!%c1 st.shared.u32 [s+8], 5;",
        };
        yield return new Check
        {
            Name = "two warps write pairs of which one word differs", Kind = FaultKind.SharedRace, Block = 64, Shared = ".shared .align 8 .b8 s[16];",
            Faulty = "shr.u32 %r2, %me, 5; mov.u32 %r1, 1;" + At + "st.shared.v2.u32 [s], {%r1, %r2}; //!",
            Sound = "mov.u32 %r1, 1; st.shared.v2.u32 [s], {%r1, %r1};",
        };
        yield return new Check
        {
            Name = "lanes of a warp write one shared word", Kind = FaultKind.SharedRace, Thread = 0, Shared = ".shared .align 8 .b8 s[16];",
            Faulty = At + "st.shared.u32 [s], %me; //!", Sound = "st.shared.u32 [s], 5;",
        };
        yield return new Check
        {
            Name = "lanes of a warp write one global word", Kind = FaultKind.GlobalRace, Thread = 0, Offset = 0, Buffer = "p",
            Faulty = At + "st.global.u32 [%p], %me; //!", Sound = "st.global.u32 [%p], 5;",
        };
        yield return new Check
        {
            Name = "global word read by one warp and then written by another", Kind = FaultKind.GlobalRace, Block = 64, Offset = 0, Buffer = "p",
            Faulty = "setp.lt.u32 %c1, %me, 32;" + At + "@%c1 ld.global.u32 %r1, [%p]; @!%c1 st.global.u32 [%p], 5; //!",
            Sound = "setp.lt.u32 %c1, %me, 32; @%c1 ld.global.u32 %r1, [%p]; bar.sync 0; @!%c1 st.global.u32 [%p], 5;",
        };
        yield return new Check
        {
            Name = "global word of which another warp writes a byte", Kind = FaultKind.GlobalRace, Block = 64, Offset = 0, Buffer = "p",
            Faulty = "setp.lt.u32 %c1, %me, 32;" + At + "@%c1 st.global.u32 [%p], 7; @!%c1 st.global.u8 [%p], 9; //!",
            Sound = "setp.lt.u32 %c1, %me, 32; @%c1 st.global.u32 [%p], 7; bar.sync 0; @!%c1 st.global.u8 [%p], 9;",
        };
        yield return new Check
        {
            Name = "two blocks write one global word", Kind = FaultKind.GlobalRace, Grid = 2, Block = 1, InBlock = -1, Offset = 0, Buffer = "p",
            Faulty = "mov.u32 %r1, %ctaid.x;" + At + "st.global.u32 [%p], %r1; //!", Sound = "mov.u32 %r1, %ctaid.x; atom.global.add.u32 %r2, [%p], %r1;",
        };
        yield return new Check
        {
            Name = "barrier for half a warp", Kind = FaultKind.BarrierUnderDivergence,
            Faulty = "setp.lt.u32 %c1, %me, 16; @!%c1 bra L;" + At + "bar.sync 0; //!\nL: st.global.u32 [%p4], %me;",
            Sound = "setp.lt.u32 %c1, %me, 16; @!%c1 bra L; st.global.u32 [%p4], %me; L: bar.sync 0;",
        };
        const string copy = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r4, %r2, %r3; cp.async.ca.shared.global [%r4], [%p4], 4; cp.async.commit_group;";
        yield return new Check
        {
            Name = "cp.async data read before its wait", Kind = FaultKind.AsyncCopyNotWaitedFor, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = copy + At + "ld.shared.u32 %r6, [%r4]; //!", Sound = copy + "cp.async.wait_group 0; ld.shared.u32 %r6, [%r4];",
        };
        yield return new Check
        {
            Name = "cp.async waited for, one group too few", Kind = FaultKind.AsyncCopyNotWaitedFor, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = copy + "cp.async.wait_group 1;" + At + "ld.shared.u32 %r6, [%r4]; //!",
            Sound = copy + "cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 %r6, [%r4];",
        };
        yield return new Check
        {
            Name = "shuffle by half of its members", Kind = FaultKind.PartialCollective,
            Faulty = "setp.lt.u32 %c1, %me, 16; @!%c1 bra L;" + At + "shfl.sync.bfly.b32 %r1, %me, 1, 31, -1; //!\nL: st.global.u32 [%p4], %me;",
            Sound = "setp.lt.u32 %c1, %me, 16; @!%c1 bra L; shfl.sync.bfly.b32 %r1, %me, 1, 31, 65535; L: st.global.u32 [%p4], %me;",
        };
        yield return new Check
        {
            Name = "lane outside its own member mask", Kind = FaultKind.PartialCollective, Thread = 1,
            Faulty = At + "shfl.sync.bfly.b32 %r1, %me, 1, 31, 1; //!", Sound = "shfl.sync.bfly.b32 %r1, %me, 1, 31, -1;",
        };
        yield return new Check
        {
            Name = "barrier of a number that there is not", Kind = FaultKind.IllegalInstruction, Thread = 0,
            Faulty = "mov.u32 %r1, 16;" + At + "bar.sync %r1; //!", Sound = "mov.u32 %r1, 15; bar.sync %r1;",
        };
        yield return new Check
        {
            Name = "barrier for a part of a warp", Kind = FaultKind.IllegalInstruction, Block = 64,
            Faulty = At + "bar.sync 1, 33; //!", Sound = "bar.sync 1, 64;",
        };
        yield return new Check
        {
            Name = "barrier that two warps ask for with different counts", Kind = FaultKind.Deadlock, Block = 64,
            Faulty = "and.b32 %r1, %me, 32; add.u32 %r1, %r1, 64;" + At + "bar.sync 1, %r1; //!", Sound = "mov.u32 %r1, 64; bar.sync 1, %r1;",
        };
        yield return new Check
        {
            Name = "cp.async that is to read more than it copies", Kind = FaultKind.IllegalInstruction, Thread = 0, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r4, %r2, %r3; mov.u32 %r5, 5;" + At + "cp.async.ca.shared.global [%r4], [%p4], 4, %r5; //!",
            Sound = "cvt.u32.u64 %r2, %tid4; mov.u32 %r3, s; add.u32 %r4, %r2, %r3; mov.u32 %r5, 4; cp.async.ca.shared.global [%r4], [%p4], 4, %r5;",
        };
        yield return new Check
        {
            Name = "cp.async waited for by another thread", Kind = FaultKind.AsyncCopyNotWaitedFor, Thread = 1, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = copy + "setp.eq.u32 %c1, %me, 0; @%c1 cp.async.wait_all;" + At + "ld.shared.u32 %r6, [%r4]; //!",
            Sound = copy + "setp.le.u32 %c1, %me, 31; @%c1 cp.async.wait_all; ld.shared.u32 %r6, [%r4];",
        };
        yield return new Check
        {
            Name = "store over cp.async data before its wait", Kind = FaultKind.AsyncCopyNotWaitedFor, Thread = 0, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = copy + At + "st.shared.u32 [%r4], %me; //!", Sound = copy + "cp.async.wait_all; st.shared.u32 [%r4], %me;",
        };
        yield return new Check
        {
            Name = "byte stored beyond shared memory", Kind = FaultKind.OutOfBounds, Thread = 0, Offset = 128, Shared = ".shared .align 4 .b8 s[128];",
            Faulty = "mov.u32 %r2, s;" + At + "st.shared.u8 [%r2+128], 1; //!", Sound = "mov.u32 %r2, s; st.shared.u8 [%r2+127], 1;",
        };
        yield return new Check
        {
            Name = "store beyond local memory", Kind = FaultKind.OutOfBounds, Thread = 0, Offset = 16, Shared = ".local .align 4 .b8 words[16];",
            Faulty = "mov.u64 %d1, words;" + At + "st.local.u32 [%d1+16], %me; //!", Sound = "mov.u64 %d1, words; st.local.u32 [%d1+12], %me;",
        };
        yield return new Check
        {
            Name = "load beyond the parameters", Kind = FaultKind.OutOfBounds, Thread = 0, Offset = 16,
            Faulty = "mov.b64 %d1, p1;" + At + "ld.param.u64 %d2, [%d1+8]; //!", Sound = "mov.b64 %d1, p1; ld.param.u64 %d2, [%d1];",
        };
        const string product = "mov.u32 %r1, 0; mov.u32 %r2, 0; mov.u32 %r3, 0; mov.u32 %r4, 0; mov.u32 %r5, 0; mov.u32 %r6, 0; mov.f32 %f1, 0f00000000;";
        const string multiply = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f2,%f3,%f4,%f5}, {%r1,%r2,%r3,%r4}, {%r5,%r6}, {%f1,%f1,%f1,%f1};";
        yield return new Check
        {
            Name = "mma by half a warp", Kind = FaultKind.PartialCollective,
            Faulty = product + "setp.lt.u32 %c1, %me, 16; @!%c1 bra L;" + At + multiply + " //!\nL: st.global.u32 [%p4], %me;",
            Sound = product + multiply + "st.global.f32 [%p4], %f2;",
        };
        yield return new Check
        {
            Name = "barrier that half of its threads never reach", Kind = FaultKind.Deadlock, Block = 64,
            Faulty = "setp.ge.u32 %c1, %me, 32; @%c1 bra L;" + At + "bar.sync 1, 64; //!\nL: st.global.u32 [%p4], %me;",
            Sound = "bar.sync 1, 64; st.global.u32 [%p4], %me;",
        };
        yield return new Check
        {
            Name = "bit field that nobody set", Kind = FaultKind.UninitialisedRegister, Thread = 0, Shared = ".local .align 4 .b8 word[4];",
            Faulty = "ld.local.u32 %r1, [word]; and.b32 %r2, %r1, 7;" + At + "st.global.u32 [%q4], %r2; //!",
            Sound = """
                ld.local.u32 %r1, [word]; and.b32 %r2, %r1, -8; and.b32 %r3, %me, 7; or.b32 %r4, %r2, %r3; st.local.u32 [word], %r4;
                ld.local.u32 %r5, [word]; and.b32 %r6, %r5, 7; st.global.u32 [%q4], %r6;
                """,
        };
        yield return new Check
        {
            Name = "copy of local memory that nobody wrote", Kind = FaultKind.UninitialisedRegister, Thread = 0, Shared = ".local .align 4 .b8 gap[4];",
            Faulty = "ld.local.u32 %r1, [gap];" + At + "st.global.u32 [%q4], %r1; //!",
            Sound = ".pragma \"used_bytes_mask 0\";\nld.local.u32 %r1, [gap]; st.global.u32 [%q4], %r1;",
        };
        yield return new Check
        {
            Name = "trap", Kind = FaultKind.Trap, Thread = 3,
            Faulty = "setp.eq.u32 %c1, %me, 3;" + At + "@%c1 trap; //!", Sound = "setp.eq.u32 %c1, %me, 77; @%c1 trap;",
        };
    }

    [TestCaseSource(nameof(Checks))]
    public void The_faulty_kernel_is_stopped_and_the_report_says_where(Check check)
    {
        string ptx = PtxBench.Module(check.Faulty, check.Shared);
        for (int seed = 0; seed < 4; seed++)
        {
            using PtxBench bench = New(seed);
            (ulong p, ulong q) = Buffers(bench);
            DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => bench.Launch(ptx, check.Grid, check.Block, p, q))!;
            string[] lines = ptx.Split('\n');
            int marked = Array.FindIndex(lines, l => l.Contains("//!")) + 1;
            Assert.Multiple(() =>
            {
                Assert.That(fault.Kind, Is.EqualTo(check.Kind), fault.Message);
                Assert.That(fault.Kernel, Is.EqualTo("k"));
                Assert.That(fault.PtxLine, Is.EqualTo(marked), fault.Message);
                Assert.That(fault.SourceLine, Is.EqualTo("kernel.cu:42"), fault.Message);
                if (check.InBlock >= 0)
                    Assert.That(fault.Block.X, Is.EqualTo(check.InBlock), fault.Message);
                if (check.Thread >= 0)
                    Assert.That(fault.Thread.X, Is.EqualTo(check.Thread), fault.Message);
                ulong start = check.Buffer is null ? 0 : check.Buffer.EndsWith('q') ? q : p;
                if (check.Offset is { } offset)
                    Assert.That(fault.Address, Is.EqualTo(start + (ulong)(long)offset), fault.Message);
                if (check.Buffer is not null)
                    Assert.That(fault.Buffer, Does.Contain(check.Buffer), fault.Message);
            });
        }
    }

    [TestCaseSource(nameof(Checks))]
    public void The_sound_twin_runs(Check check)
    {
        for (int seed = 0; seed < 4; seed++)
        {
            using PtxBench bench = New(seed);
            (ulong p, ulong q) = Buffers(bench);
            Assert.That(() => bench.Launch(PtxBench.Module(check.Sound, check.Shared), check.Grid, check.Block, p, q), Throws.Nothing);
        }
    }

    [Test]
    public void A_freed_buffer_is_known_as_such()
    {
        using PtxBench bench = New(0);
        (ulong p, ulong q) = Buffers(bench);
        string ptx = PtxBench.Module("ld.global.u32 %r1, [%q4]; //!");
        bench.Device.Free(q);
        DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => bench.Launch(ptx, 1, 32, p, q))!;
        Assert.Multiple(() =>
        {
            Assert.That(fault.Kind, Is.EqualTo(FaultKind.AfterFree));
            Assert.That(fault.Address, Is.EqualTo(q));
            Assert.That(fault.Buffer, Does.Contain("q"));
        });
    }

    [Test]
    public void A_spin_that_nobody_ends_is_a_livelock_and_one_that_ends_is_not()
    {
        string ptx = PtxBench.Module("L:\nld.volatile.global.u32 %r1, [%p];\nsetp.eq.u32 %c1, %r1, 0;\n@%c1 bra L;");
        foreach (bool ends in new[] { false, true })
        {
            using PtxBench bench = new(new SimulatorOptions { Mode = ExecutionMode.Checked, IssueBudget = 10000 });
            ulong p = bench.Buffer("p", ends ? 1u : 0u), q = bench.Buffer("q", 0);
            if (ends)
            {
                Assert.That(() => bench.Launch(ptx, 1, 32, p, q), Throws.Nothing);
                continue;
            }

            DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => bench.Launch(ptx, 1, 32, p, q))!;
            Assert.That(fault.Kind, Is.EqualTo(FaultKind.Livelock));
            Assert.That(fault.Message, Does.Contain("warp 0"));
        }
    }

    [Test]
    public void A_deadlock_tells_where_each_warp_stands()
    {
        string ptx = PtxBench.Module("setp.ge.u32 %c1, %me, 32;\n@%c1 bra L;\nbar.sync 1, 96;\nL: bar.sync 2, 96;");
        int first = Array.FindIndex(ptx.Split('\n'), l => l.Contains("bar.sync 1")) + 1, second = Array.FindIndex(ptx.Split('\n'), l => l.Contains("bar.sync 2")) + 1;
        using PtxBench bench = New(3);
        (ulong p, ulong q) = Buffers(bench);
        DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => bench.Launch(ptx, 1, 64, p, q))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Deadlock));
        Assert.That(fault.Message, Does.Contain($"line {first}").And.Contain($"line {second}").And.Contain("warp 0").And.Contain("warp 1"));
    }

    private static PtxBench New(int seed) => new(new SimulatorOptions { Mode = ExecutionMode.Checked, Seed = seed, Threads = 1 });

    private static (ulong P, ulong Q) Buffers(PtxBench bench) => (bench.Buffer("p", new uint[64]), bench.Device.Allocate(256, "q"));
}
