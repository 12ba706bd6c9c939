using Acm.Simulator.Parser;
using Acm.Simulator.Tests.Device;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Single instructions on chosen operands, with the results that the PTX ISA gives.</summary>
public sealed class InstructionTests
{
    [TestCase("add.u16x2", 0x7fff8000u, 0x0001ffffu, 0x80007fffu)]
    [TestCase("add.s16x2", 0x0001ffffu, 0x00020001u, 0x00030000u)]
    [TestCase("min.u16x2", 0x7fff8000u, 0x80007fffu, 0x7fff7fffu)]
    [TestCase("max.u16x2", 0x7fff8000u, 0x80007fffu, 0x80008000u)]
    [TestCase("min.s16x2", 0x7fff8000u, 0x80007fffu, 0x80008000u)]
    [TestCase("max.s16x2", 0x7fff8000u, 0x80007fffu, 0x7fff7fffu)]
    [TestCase("min.relu.s16x2", 0x7fff0005u, 0x80000003u, 0x00000003u)]
    [TestCase("max.s16x2.relu", 0xfffe8000u, 0xffff0007u, 0x00000007u)]
    [TestCase("min.relu.s32", 5u, 0xfffffff0u, 0u)]
    [TestCase("max.s32.relu", 0xfffffff1u, 0xfffffff0u, 0u)]
    [TestCase("max.relu.s32", 5u, 0xfffffff0u, 5u)]
    public void Packed_integers_and_relu(string operation, uint a, uint b, uint want) => Assert.That(Two(operation, a, b), Is.EqualTo(want));

    [TestCase("min.xorsign.abs.f32", 0xc0000000u, 0x3f800000u, 0xbf800000u)]
    [TestCase("min.xorsign.abs.f32", 0x7fc00000u, 0xbf800000u, 0xbf800000u)]
    [TestCase("min.NaN.xorsign.abs.f32", 0xc0000000u, 0x3f800000u, 0xbf800000u)]
    [TestCase("max.NaN.xorsign.abs.f32", 0xc0000000u, 0xbf800000u, 0x40000000u)]
    [TestCase("max.ftz.xorsign.abs.f32", 0x80000001u, 0x00000002u, 0x80000000u)]
    [TestCase("min.NaN.xorsign.abs.f16x2", 0xc0003c00u, 0x3c00c000u, 0xbc00bc00u)]
    public void The_smaller_or_larger_magnitude_with_the_sign_of_the_product(string operation, uint a, uint b, uint want) =>
        Assert.That(Two(operation, a, b), Is.EqualTo(want));

    [TestCase("min.NaN.xorsign.abs.f32", 0x7fc00000u, 0x3f800000u, 0x7f800000u)]
    [TestCase("max.NaN.xorsign.abs.f32", 0x3f800000u, 0xffc00000u, 0x7f800000u)]
    [TestCase("min.NaN.xorsign.abs.f16x2", 0x7e007e00u, 0x3c003c00u, 0x7c007c00u)]
    [TestCase("max.NaN.xorsign.abs.bf16x2", 0x3f803f80u, 0x7fc07fc0u, 0x7f807f80u)]
    public void A_nan_wins_over_a_magnitude_where_it_is_asked_to(string operation, uint a, uint b, uint exponent)
    {
        uint result = Two(operation, a, b);
        Assert.That(result & exponent, Is.EqualTo(exponent));
        Assert.That(result & ~exponent & 0x7fff7fff, Is.Not.Zero);
    }

    [TestCase("mul.rz.f64", 1e300, 1e300, double.MaxValue)]
    [TestCase("mul.rm.f64", -1e300, 1e300, double.NegativeInfinity)]
    [TestCase("mul.rp.f64", -1e300, 1e300, -double.MaxValue)]
    [TestCase("div.rz.f64", 1e300, 1e-300, double.MaxValue)]
    [TestCase("div.rp.f64", 1e300, -1e-300, -double.MaxValue)]
    [TestCase("add.rm.f64", double.MaxValue, double.MaxValue, double.MaxValue)]
    public void What_overflows_stops_at_the_largest_number_when_rounded_inward(string operation, double a, double b, double want)
    {
        ulong x = BitConverter.DoubleToUInt64Bits(a), y = BitConverter.DoubleToUInt64Bits(b);
        uint[] got = OneThread.Run($"mov.b64 %d1, 0x{x:x}; mov.b64 %d2, 0x{y:x}; {operation} %d3, %d1, %d2; st.global.u64 [%q], %d3;", 2);
        Assert.That(BitConverter.UInt64BitsToDouble(got[0] | ((ulong)got[1] << 32)), Is.EqualTo(want));
    }

    [TestCase("slct.f32.f32", 0x80000001u, 2u)]
    [TestCase("slct.ftz.f32.f32", 0x80000001u, 1u)]
    [TestCase("slct.ftz.u32.f32", 0x80800000u, 2u)]
    [TestCase("slct.ftz.u32.f32", 0x7fc00000u, 2u)]
    public void A_selection_by_sign_flushes_the_selector(string operation, uint selector, uint want) =>
        Assert.That(OneThread.Run($"mov.b32 %r1, 1; mov.b32 %r2, 2; mov.b32 %r3, 0x{selector:x}; {operation} %r4, %r1, %r2, %r3; st.global.u32 [%q], %r4;", 1)[0], Is.EqualTo(want));

    [TestCase(int.MinValue, uint.MaxValue)]
    [TestCase(2, 7u)]
    [TestCase(-2, 3u)]
    public void Fns_counts_set_bits_from_a_place(int offset, uint want) =>
        Assert.That(OneThread.Run($"mov.b32 %r1, 0xc8; fns.b32 %r2, %r1, 6, {offset}; st.global.u32 [%q], %r2;", 1)[0], Is.EqualTo(want));

    [TestCase("rcp.approx.ftz.f64", 1e-310, double.PositiveInfinity)]
    [TestCase("rcp.approx.ftz.f64", -1e308, -0.0)]
    [TestCase("rcp.approx.ftz.f64", 4.0, 0.25)]
    [TestCase("rsqrt.approx.ftz.f64", 1e-310, double.PositiveInfinity)]
    public void Approximate_reciprocals_of_f64_flush_operand_and_result(string operation, double a, double want)
    {
        uint[] got = OneThread.Run($"mov.b64 %d1, 0x{BitConverter.DoubleToUInt64Bits(a):x}; {operation} %d2, %d1; st.global.u64 [%q], %d2;", 2);
        Assert.That(got[0] | ((ulong)got[1] << 32), Is.EqualTo(BitConverter.DoubleToUInt64Bits(want)));
    }

    [TestCase("cvt.rna.tf32.f32", 0x7f7fffffu, 0x7f800000u)]
    [TestCase("cvt.rna.satfinite.tf32.f32", 0x7f7fffffu, 0x7f7fe000u)]
    [TestCase("cvt.rna.satfinite.tf32.f32", 0xff800000u, 0xff7fe000u)]
    [TestCase("cvt.rna.satfinite.tf32.f32", 0x3f801000u, 0x3f802000u)]
    public void Tf32_stays_finite_where_it_is_asked_to(string operation, uint a, uint want) =>
        Assert.That(OneThread.Run($"mov.b32 %r1, 0x{a:x}; {operation} %r2, %r1; st.global.u32 [%q], %r2;", 1)[0], Is.EqualTo(want));

    [TestCase("cvt.rn.satfinite.f16.f32", 0x7f800000u, 0x7bffu)]
    [TestCase("cvt.rn.satfinite.f16.f32", 0xc7800000u, 0xfbffu)]
    [TestCase("cvt.rn.f16.f32", 0xc7800000u, 0xfc00u)]
    [TestCase("cvt.rn.satfinite.f16.f32", 0x3f800000u, 0x3c00u)]
    [TestCase("cvt.rn.relu.satfinite.f16.f32", 0xff800000u, 0u)]
    [TestCase("cvt.rn.satfinite.f16.f32", 0x7fc00000u, 0x7fffu)]
    [TestCase("cvt.rn.satfinite.bf16.f32", 0x7f7fffffu, 0x7f7fu)]
    [TestCase("cvt.rn.bf16.f32", 0x7f7fffffu, 0x7f80u)]
    [TestCase("cvt.rn.relu.satfinite.bf16.f32", 0xff800000u, 0u)]
    public void Halves_stay_finite_where_they_are_asked_to(string operation, uint a, uint want) =>
        Assert.That(OneThread.Run($".reg .b16 %h1; mov.b32 %r1, 0x{a:x}; {operation} %h1, %r1; cvt.u32.u16 %r2, %h1; st.global.u32 [%q], %r2;", 1)[0], Is.EqualTo(want));

    [TestCase("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16"), TestCase("ldmatrix.sync.aligned.x1.trans.m8n8.shared.b16"), TestCase("ldmatrix.sync.aligned.trans.x1.m8n8.shared.b16")]
    public void The_shape_of_matrices_comes_before_or_after_their_number(string load)
    {
        string store = load.Replace("ld", "st", StringComparison.Ordinal);
        string body = ".shared .align 16 .b8 s[256]; mov.u32 %r1, s; and.b32 %r2, %me, 7; mad.lo.u32 %r1, %r2, 16, %r1; "
            + $"{store} [%r1], {{%me}}; bar.warp.sync -1; {load} {{%r3}}, [%r1]; st.global.u32 [%q4], %r3;";
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100, Mode = ExecutionMode.Checked });
        ulong p = bench.Buffer("p", 0), q = bench.Device.Allocate(128, "q");
        bench.Launch(PtxBench.Module(body), 1, 32, p, q);
        Assert.That(bench.Words(q, 32), Is.EqualTo(Enumerable.Range(0, 32)));
    }

    [Test]
    public void Addresses_of_constants_are_told_from_those_of_global_memory()
    {
        string test(string space, string register, int at) =>
            $"isspacep.{space} %c1, {register}; selp.u32 %r1, 1, 0, %c1; st.global.u32 [%q+{at}], %r1;\n";
        string ptx = PtxBench.Module("cvta.const.u64 %d1, table;\n" + test("const", "%d1", 0) + test("global", "%d1", 4) + test("const", "%p", 8) + test("global", "%p", 12));
        Assert.That(OneThread.RunModule(ptx.Replace(".file", ".const .align 4 .b32 table[4] = {1, 2, 3, 4};\n.file", StringComparison.Ordinal), 4), Is.EqualTo(new uint[] { 1, 0, 0, 1 }));
    }

    [TestCase("1, 1, 1", true)]
    [TestCase("2, 1, 1", false)]
    public void The_place_in_a_cluster_is_known_where_clusters_have_one_block(string blocks, bool known)
    {
        string ptx = PtxBench.Module("mov.u32 %r1, %cluster_ctarank; st.global.u32 [%q], %r1;").Replace("p1)", $"p1)\n.reqnctapercluster {blocks}", StringComparison.Ordinal);
        Assert.That(() => OneThread.RunModule(ptx, 1), known ? Is.EqualTo(new uint[] { 0 }) : Throws.TypeOf<PtxUnsupportedException>());
    }

    [TestCase("atom.global.add.v2.f32 {%f3, %f4}, [%q], {%f1, %f2}; st.global.v2.f32 [%q+16], {%f3, %f4};", new[] { 0x3f800000u, 0x40000000u, 0u, 0u, 0u, 0u })]
    [TestCase("red.relaxed.gpu.global.add.v4.f32 [%q], {%f1, %f2, %f2, %f1};", new[] { 0x3f800000u, 0x40000000u, 0x40000000u, 0x3f800000u, 0u, 0u })]
    [TestCase("mov.b32 %r1, 0x3c004000; red.global.v2.f16x2.add.noftz [%q+8], {%r1, %r1};", new[] { 0u, 0u, 0x3c004000u, 0x3c004000u, 0u, 0u })]
    public void Vector_atomics_change_each_element(string operation, uint[] want)
    {
        string zero = string.Concat(Enumerable.Range(0, 6).Select(i => $"st.global.u32 [%q+{4 * i}], 0;\n"));
        Assert.That(OneThread.Run($"{zero}mov.f32 %f1, 0f3F800000; mov.f32 %f2, 0f40000000; {operation}", 6), Is.EqualTo(want));
    }

    [TestCase("min.f32 %f1, %f2, %f3, %f4;", "three values")]
    [TestCase("add.f32.f16 %f1, %r1, %f2;", "'.f16'")]
    [TestCase("mov.u32 %r1, %envreg3;", "'%envreg3'")]
    [TestCase(".reg .v4 .b32 v;", "'.v4'")]
    [TestCase("fma.rn.oob.f16x2 %r1, %r1, %r1, %r1;", "'.oob'")]
    public void What_other_devices_have_is_named_as_not_supported(string operation, string named) =>
        Assert.That(() => OneThread.Run(operation, 1), Throws.TypeOf<PtxUnsupportedException>().With.Message.Contains(named).And.Message.Contains("PTX line"));

    [TestCase("add.rn.f32x2 %d3, %d1, %d2;", 4f, -1.5f)]
    [TestCase("sub.f32x2 %d3, %d1, %d2;", -2f, 2.5f)]
    [TestCase("mul.rz.ftz.f32x2 %d3, %d1, %d2;", 3f, -1f)]
    [TestCase("fma.rn.f32x2 %d3, %d1, %d2, %d2;", 6f, -3f)]
    [TestCase("add.rp.f32x2 %d3, %d1, %d4;", 1.0000001f, 0.50000006f)]
    public void Pairs_of_f32_are_computed_each(string operation, float low, float high)
    {
        string body = "mov.b32 %r1, 0f3F800000; mov.b32 %r2, 0f3F000000; mov.b64 %d1, {%r1, %r2}; mov.b32 %r3, 0f40400000; mov.b32 %r4, 0fC0000000; mov.b64 %d2, {%r3, %r4}; "
            + $"mov.b64 %d4, 0x0000000100000001; {operation} st.global.u64 [%q], %d3;";
        Assert.That(OneThread.Run(body, 2), Is.EqualTo(new[] { BitConverter.SingleToUInt32Bits(low), BitConverter.SingleToUInt32Bits(high) }));
    }

    private static uint Two(string operation, uint a, uint b) =>
        OneThread.Run($"mov.b32 %r1, 0x{a:x}; mov.b32 %r2, 0x{b:x}; {operation} %r3, %r1, %r2; st.global.u32 [%q], %r3;", 1)[0];
}
