using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Parser;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>wgmma in every type, layout and form: a matrix product.</summary>
public sealed class WarpGroupTests
{
    private static readonly (MmaType D, MmaType A, MmaType B)[] s_types =
    [
        (MmaType.F32, MmaType.F16, MmaType.F16), (MmaType.F16, MmaType.F16, MmaType.F16), (MmaType.F32, MmaType.Bf16, MmaType.Bf16), (MmaType.F32, MmaType.Tf32, MmaType.Tf32),
        (MmaType.F32, MmaType.E4M3, MmaType.E5M2), (MmaType.F16, MmaType.E5M2, MmaType.E4M3), (MmaType.S32, MmaType.S8, MmaType.U8), (MmaType.S32, MmaType.U8, MmaType.S8), (MmaType.S32, MmaType.B1, MmaType.B1),
    ];

    [Test]
    public void Products_are_products([Range(0, 8)] int types, [Values(0, 32, 64, 128)] int width, [Values] bool isAInRegisters)
    {
        (MmaType d, MmaType a, MmaType b) = s_types[types];
        var random = new Random((types * 1000) + width + (isAInRegisters ? 1 : 0));
        int[] sizes = d == MmaType.S32 ? [8, 24, 32, 48, 112, 256] : [8, 24, 40, 64, 128, 256];
        bool mayTurn = MmaShape.BitsOf(a) == 16;
        foreach (int n in sizes)
        {
            WarpGroupCase it = new(
                random, d, a, b, n, isAInRegisters ? new(-1, false) : new(Width(), mayTurn && random.Next(2) > 0), new(width, mayTurn && random.Next(2) > 0))
            {
                Adds = random.Next(3) > 0, SignA = Sign(), SignB = Sign(), Saturates = d == MmaType.S32 && a != MmaType.B1 && random.Next(2) > 0,
            };
            foreach (SimulatorOptions options in (SimulatorOptions[])[Options(ExecutionMode.Fast, 0), Options(ExecutionMode.Checked, random.Next(100))])
                Assert.That(it.Run(options), Is.Null, $"n{n} {options.Mode}");
        }

        int Width() => random.Next(4) switch { 0 => 0, int w => 16 << w };

        int Sign() => d == MmaType.S32 || random.Next(2) > 0 ? 1 : -1;
    }

    [Test]
    public void Exact_arithmetic_multiplies_too()
    {
        WarpGroupCase it = new(new Random(1), MmaType.F32, MmaType.F16, MmaType.F16, 64, new(128, false), new(64, true));
        Assert.That(it.Run(Options(ExecutionMode.Fast, 0) with { Arithmetic = MatrixArithmetic.Exact }), Is.Null);
    }

    [Test]
    public void Each_warp_counts_its_part()
    {
        using SimulatedDevice device = new(Options(ExecutionMode.Fast, 0));
        LaunchReport report = Launch(device, WarpGroupKernel.Sound, 128);
        Assert.Multiple(() =>
        {
            Assert.That(report.Counters.MatrixFlops, Is.EqualTo(2L * 64 * 8 * 16));
            Assert.That(report.Counters.Classes[(int)InstructionClass.MatrixMultiply], Is.EqualTo(4));
        });
    }

    [TestCase("m64n12k16.f32.f16.f16"), TestCase("m64n264k16.f32.f16.f16"), TestCase("m64n8k8.f32.f16.f16"), TestCase("m64n8k16.f16.bf16.bf16")]
    public void Forms_that_PTX_has_not_are_refused(string form)
    {
        using SimulatedDevice device = new(Options(ExecutionMode.Fast, 0));
        string ptx = WarpGroupKernel.Module(WarpGroupKernel.Sound.Replace("m64n8k16.f32.f16.f16", form, StringComparison.Ordinal));
        Assert.That(() => device.Load(ptx).GetKernel("k"), Throws.InstanceOf<PtxUnsupportedException>().With.Message.Contains("wgmma"));
    }

    [Test]
    public void Only_sums_of_8_bit_integers_saturate([Range(0, 8)] int types)
    {
        (MmaType d, MmaType a, MmaType b) = s_types[types];
        WarpGroupCase it = new(new Random(1), d, a, b, 8, new(128, false), new(128, false)) { Saturates = true };
        Assert.That(() => it.Run(Options(ExecutionMode.Fast, 0)), a is MmaType.S8 or MmaType.U8 ? Is.Null : Throws.InstanceOf<PtxUnsupportedException>().With.Message.Contains("satfinite"));
    }

    [Test]
    public void Only_sm_90a_has_it()
    {
        using SimulatedDevice device = new(Options(ExecutionMode.Fast, 0));
        string ptx = WarpGroupKernel.Module(WarpGroupKernel.Sound).Replace("sm_90a", "sm_90", StringComparison.Ordinal);
        Assert.That(() => device.Load(ptx).GetKernel("k"), Throws.InstanceOf<PtxException>().With.Message.Contains("sm_90a"));
    }

    [Test]
    public void Only_Hopper_has_it()
    {
        using SimulatedDevice device = new(Options(ExecutionMode.Fast, 0) with { Profile = DeviceProfile.A100 });
        Assert.That(() => device.Load(WarpGroupKernel.Module(WarpGroupKernel.Sound)).GetKernel("k"), Throws.InstanceOf<PtxException>().With.Message.Contains("capability 9.0"));
    }

    /// <summary>A kernel that must be stopped: what is done otherwise than in the sound one, by how many threads.</summary>
    public static IEnumerable<TestCaseData> Faults()
    {
        yield return Fault("read before the wait", "wgmma.wait_group.sync.aligned 0;", "add.f32 %f0, %f1, %f1;\nwgmma.wait_group.sync.aligned 0;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("stored before the wait", "wgmma.wait_group.sync.aligned 0;", "st.global.f32 [%q4], %f0;\nwgmma.wait_group.sync.aligned 0;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("written before the wait", "wgmma.wait_group.sync.aligned 0;", "mov.f32 %f2, 0f00000000;\nwgmma.wait_group.sync.aligned 0;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("stored to shared memory by its generic address", "wgmma.wait_group.sync.aligned 0;",
            "cvt.u64.u32 %own, %at;\ncvta.shared.u64 %own, %own;\nst.f32 [%own+4096], %f1;\nwgmma.wait_group.sync.aligned 0;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("an operand in registers changed before the wait", WarpGroupKernel.Product, WarpGroupKernel.OfRegisters + "add.u32 %x2, %x2, 1;\n", FaultKind.MatrixNotWaitedFor);
        yield return Fault("another group waited for", "wgmma.wait_group.sync.aligned 0;", "wgmma.wait_group.sync.aligned 1;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("never committed", "wgmma.commit_group.sync.aligned;", "", FaultKind.MatrixNotWaitedFor);
        yield return Fault("no fence", "wgmma.fence.sync.aligned;", "", FaultKind.MatrixNotWaitedFor);
        yield return Fault("operands overwritten by another warp", "wgmma.wait_group.sync.aligned 0;", "bar.sync 0;\nst.shared.b32 [%at], %me;\nwgmma.wait_group.sync.aligned 0;", FaultKind.MatrixNotWaitedFor);
        yield return Fault("operands overwritten after the wait, with no barrier", "wgmma.wait_group.sync.aligned 0;", "wgmma.wait_group.sync.aligned 0;\nst.shared.b32 [%at], %me;", FaultKind.SharedRace);
        yield return Fault("operands that nobody wrote", "mov.b64 %da, 0x0000000800080000;", "mov.b64 %da, 0x0000000800080100;", FaultKind.UninitialisedShared);
        yield return Fault("operands beyond shared memory", "mov.b64 %db, 0x0000000800080000;", "mov.b64 %db, 0x0000000800083ff0;", FaultKind.OutOfBounds);
        yield return Fault("sums that nobody wrote", "mov.f32 %f3, 0f00000000;", "", FaultKind.UninitialisedRegister);
        yield return Fault("another descriptor a lane", "mov.b64 %db, 0x0000000800080000;", "cvt.u64.u32 %db, %me;", FaultKind.IllegalInstruction);
        yield return Fault("a base offset", "mov.b64 %db, 0x0000000800080000;", "mov.b64 %db, 0x4002000800080000;", FaultKind.IllegalInstruction);
        yield return Fault("lanes that differ in adding", "setp.eq.u32 %adds, 0, 0;", "setp.eq.u32 %adds, %me, 5;", FaultKind.IllegalInstruction);
        yield return Fault("a part of a warp", "wgmma.fence.sync.aligned;", "setp.eq.u32 %c0, %me, 5;\n@%c0 bra END;\nwgmma.fence.sync.aligned;", FaultKind.PartialCollective);
        yield return Fault("one warp leaves another out", "wgmma.fence.sync.aligned;", "setp.ge.u32 %c0, %me, 96;\n@%c0 bra END;\nwgmma.fence.sync.aligned;", FaultKind.PartialCollective);
        yield return Fault("one warp fences twice", "wgmma.fence.sync.aligned;", "setp.ge.u32 %c0, %me, 96;\n@%c0 wgmma.fence.sync.aligned;\nwgmma.fence.sync.aligned;", FaultKind.PartialCollective);
        yield return Fault("three warps", "", "", FaultKind.PartialCollective, 96);
        yield return Fault("sums of which some are another product's", "wgmma.commit_group.sync.aligned;",
            "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f1, %f2, %f3, %f4}, %da, %db, %adds, 1, 1, 0, 0;\nwgmma.commit_group.sync.aligned;", FaultKind.MatrixNotWaitedFor);

        static TestCaseData Fault(string name, string sound, string faulty, object kind, int threads = 128) =>
            new TestCaseData(sound, faulty, kind, threads).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Faults))]
    public void Faults_are_found(string sound, string faulty, object kind, int threads)
    {
        string body = Changed(sound, faulty);
        for (int seed = 0; seed < 4; seed++)
        {
            using SimulatedDevice device = new(Options(ExecutionMode.Checked, seed));
            DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => Launch(device, body, threads))!;
            Assert.That(fault.Kind, Is.EqualTo(kind), fault.Message);
        }
    }

    [Test]
    public void Operands_that_another_warp_writes_with_no_barrier_are_a_race()
    {
        string body = WarpGroupKernel.Sound.Replace("bar.sync 0;", "bar.sync 0;\nst.shared.b32 [%at], %me;", StringComparison.Ordinal);
        for (int seed = 0; seed < 8; seed++)
        {
            using SimulatedDevice device = new(Options(ExecutionMode.Checked, seed));
            DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => Launch(device, body, 128))!;
            // Whichever comes first: the write or the read, which then is under way.
            Assert.That(fault.Kind, Is.AnyOf(FaultKind.SharedRace, FaultKind.MatrixNotWaitedFor), fault.Message);
        }
    }

    /// <summary>What is sound beside them.</summary>
    public static IEnumerable<TestCaseData> SoundOnes()
    {
        yield return Sound("as it is", "", "");
        yield return Sound("with more registers a thread", "wgmma.fence.sync.aligned;", "setmaxnreg.inc.sync.aligned.u32 240;\nwgmma.fence.sync.aligned;");
        yield return Sound("sums copied on the way", "wgmma.wait_group.sync.aligned 0;", "mov.b32 %f5, %f1;\nwgmma.wait_group.sync.aligned 0;");
        yield return Sound("sums copied to local memory and back between two products", "wgmma.commit_group.sync.aligned;",
            "mov.u64 %own, stack;\ncvta.local.u64 %own, %own;\nst.f32 [%own], %f1;\nst.local.f32 [stack+4], %f2;\nld.f32 %f5, [%own];\nmov.f32 %f1, %f5;\n" + WarpGroupKernel.Product + "\nwgmma.commit_group.sync.aligned;");
        yield return Sound("other sums copied into the same registers for the next product", "wgmma.commit_group.sync.aligned;",
            "mov.f32 %f5, 0f3f800000;\nmov.f32 %f1, %f5;\n" + WarpGroupKernel.Product + "\nwgmma.commit_group.sync.aligned;");
        yield return Sound("an operand in registers changed after the wait", WarpGroupKernel.Product, WarpGroupKernel.OfRegisters + "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\nadd.u32 %x2, %x2, 1;\n");
        yield return Sound("added to twice", "wgmma.commit_group.sync.aligned;", WarpGroupKernel.Product + "\nwgmma.commit_group.sync.aligned;");
        yield return Sound("an older group waited for", "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;",
            """
            wgmma.commit_group.sync.aligned;
            mov.f32 %f4, 0f00000000;
            mov.f32 %f5, 0f00000000;
            mov.f32 %f6, 0f00000000;
            mov.f32 %f7, 0f00000000;
            wgmma.fence.sync.aligned;
            wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f4, %f5, %f6, %f7}, %da, %db, %adds, 1, 1, 0, 0;
            wgmma.commit_group.sync.aligned;
            wgmma.wait_group.sync.aligned 1;
            add.f32 %f0, %f0, %f1;
            wgmma.wait_group.sync.aligned 0;
            add.f32 %f4, %f4, %f5;
            """);
        yield return Sound("operands overwritten after the wait and a barrier", "wgmma.wait_group.sync.aligned 0;", "wgmma.wait_group.sync.aligned 0;\nbar.sync 0;\nst.shared.b32 [%at], %me;");

        static TestCaseData Sound(string name, string sound, string other) => new TestCaseData(sound, other).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(SoundOnes))]
    public void Sound_kernels_run(string sound, string other)
    {
        string body = Changed(sound, other);
        for (int seed = 0; seed < 4; seed++)
        {
            using SimulatedDevice device = new(Options(ExecutionMode.Checked, seed));
            Assert.That(() => Launch(device, body, 128), Throws.Nothing);
        }
    }

    [Test]
    public void A_product_may_be_waited_for_behind_the_function_that_began_it()
    {
        const string function = """
            .func f(.param .b64 a0)
            {
            .reg .pred %p;
            .reg .f32 %f<4>;
            .reg .b64 %d0;
            ld.param.b64 %d0, [a0];
            setp.eq.u32 %p, 0, 0;
            mov.f32 %f0, 0f00000000;
            mov.f32 %f1, 0f00000000;
            mov.f32 %f2, 0f00000000;
            mov.f32 %f3, 0f00000000;
            wgmma.fence.sync.aligned;
            wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, %d0, %d0, %p, 1, 1, 0, 0;
            wgmma.commit_group.sync.aligned;
            ret;
            }

            """;
        const string call = "{\n.param .b64 a;\nst.param.b64 [a], %da;\ncall f, (a);\n}\n";
        string body = WarpGroupKernel.Sound.Replace(WarpGroupKernel.Product, call + call, StringComparison.Ordinal);
        string module = WarpGroupKernel.Module(body).Replace(".visible", function + ".visible", StringComparison.Ordinal);
        using SimulatedDevice device = new(Options(ExecutionMode.Checked, 1));
        Assert.That(() => LaunchModule(device, module, 128), Throws.Nothing);
        string without = module.Replace("wgmma.wait_group.sync.aligned 0;", "bar.sync 0;\nst.shared.b32 [%at], %me;", StringComparison.Ordinal);
        Assert.That(() => LaunchModule(device, without, 128), Throws.TypeOf<DeviceFaultException>().With.Property(nameof(DeviceFaultException.Kind)).EqualTo(FaultKind.MatrixNotWaitedFor));
    }

    // The sound kernel with a part of it in another way.
    private static string Changed(string part, string other)
    {
        string whole = WarpGroupKernel.Sound.ReplaceLineEndings("\n");
        if (part.Length == 0)
            return whole;
        string body = whole.Replace(part.ReplaceLineEndings("\n"), other, StringComparison.Ordinal);
        Assert.That(body, Is.Not.EqualTo(whole), "nothing was changed");
        return body;
    }

    private static LaunchReport Launch(SimulatedDevice device, string body, int threads) => LaunchModule(device, WarpGroupKernel.Module(body), threads);

    private static LaunchReport LaunchModule(SimulatedDevice device, string ptx, int threads)
    {
        ulong q = device.Allocate(4 * 128, "q");
        using SimulatedModule module = device.Load(ptx);
        return device.Launch(module.GetKernel("k"), new Dim3(1, 1, 1), new Dim3(threads, 1, 1), 0, BitConverter.GetBytes(q));
    }

    private static SimulatorOptions Options(ExecutionMode mode, int seed) => new() { Profile = DeviceProfile.H100, Mode = mode, Seed = seed, Threads = 1 };
}

/// <summary>A kernel of one wgmma, 64 x 8 x 16, whose operands every thread writes a word of.</summary>
internal static class WarpGroupKernel
{
    /// <summary>What it does; the tests change lines of it.</summary>
    public const string Sound = $"""
        st.shared.b32 [%at], %me;
        st.shared.b32 [%at+512], %me;
        st.shared.b32 [%at+1024], %me;
        st.shared.b32 [%at+1536], %me;
        fence.proxy.async;
        bar.sync 0;
        mov.b64 %da, 0x0000000800080000;
        mov.b64 %db, 0x0000000800080000;
        setp.eq.u32 %adds, 0, 0;
        mov.f32 %f0, 0f00000000;
        mov.f32 %f1, 0f00000000;
        mov.f32 %f2, 0f00000000;
        mov.f32 %f3, 0f00000000;
        wgmma.fence.sync.aligned;
        {Product}
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        st.global.f32 [%q4], %f0;
        """;

    /// <summary>Its product.</summary>
    public const string Product = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, %da, %db, %adds, 1, 1, 0, 0;";

    /// <summary>Another in its place, with the first operand in registers.</summary>
    public const string OfRegisters = """
        mov.b32 %x0, 0;
        mov.b32 %x1, 0;
        mov.b32 %x2, 0;
        mov.b32 %x3, 0;
        wgmma.fence.sync.aligned;
        wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, {%x0, %x1, %x2, %x3}, %db, %adds, 1, 1, 0;

        """;

    public static string Module(string body) => $$"""
        .version 8.0
        .target sm_90a
        .address_size 64
        .visible .entry k(.param .u64 p0)
        {
        .reg .pred %adds, %c0;
        .reg .b32 %me, %at, %x<4>;
        .reg .f32 %f<8>;
        .reg .b64 %q4, %da, %db, %own;
        .local .align 4 .b8 stack[16];
        .shared .align 1024 .b8 s[8192];
        mov.u32 %me, %tid.x;
        ld.param.u64 %q4, [p0];
        mad.wide.u32 %q4, %me, 4, %q4;
        mov.u32 %at, s;
        mad.lo.u32 %at, %me, 4, %at;
        {{body}}
        END:
        ret;
        }
        """;
}
