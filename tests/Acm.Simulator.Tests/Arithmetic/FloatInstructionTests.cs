using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>f32 instructions: subnormals flushed, results clamped, NaN, rounding toward a side.</summary>
public sealed class FloatInstructionTests
{
    [TestCase("add.ftz.f32 %r1, 0f80000001, 0f80000000;", 0x80000000u)]
    [TestCase("add.f32 %r1, 0f80000001, 0f80000000;", 0x80000001u)]
    [TestCase("mul.ftz.f32 %r1, 0f80800000, 0f3F000000;", 0x80000000u)]
    [TestCase("mul.f32 %r1, 0f80800000, 0f3F000000;", 0x80400000u)]
    [TestCase("sub.ftz.sat.f32 %r1, 0f00000001, 0f00000000;", 0u)]
    [TestCase("sub.sat.f32 %r1, 0f00000001, 0f00000000;", 1u)]
    [TestCase("fma.rn.ftz.sat.f32 %r1, 0f00000001, 0f3F800000, 0f00000000;", 0u)]
    [TestCase("fma.rn.ftz.f32 %r1, 0f00000001, 0f3F800000, 0f00000000;", 0u)]
    [TestCase("fma.rn.sat.f32 %r1, 0f00000001, 0f3F800000, 0f00000000;", 1u)]
    [TestCase("add.rz.ftz.f32 %r1, 0f00000001, 0f00000000;", 0u)]
    [TestCase("abs.ftz.f32 %r1, 0f80000001;", 0u)]
    [TestCase("neg.ftz.f32 %r1, 0f00000001;", 0x80000000u)]
    [TestCase("neg.f32 %r1, 0f00000001;", 0x80000001u)]
    [TestCase("min.ftz.f32 %r1, 0f00000001, 0f3F800000;", 0u)]
    [TestCase("rcp.approx.ftz.f32 %r1, 0f80000001;", 0xff800000u)]
    [TestCase("rsqrt.approx.ftz.f32 %r1, 0f00000001;", 0x7f800000u)]
    [TestCase("sqrt.approx.ftz.f32 %r1, 0f00000001;", 0u)]
    [TestCase("lg2.approx.ftz.f32 %r1, 0f00000001;", 0xff800000u)]
    [TestCase("sin.approx.ftz.f32 %r1, 0f80000001;", 0x80000000u)]
    [TestCase("ex2.approx.ftz.f32 %r1, 0fC3010000;", 0u)] // 2^-129
    [TestCase("ex2.approx.f32 %r1, 0fC3010000;", 0x00100000u)]
    [TestCase("abs.ftz.f16x2 %r1, 0x80018400;", 0x00000400u)]
    [TestCase("neg.ftz.f16x2 %r1, 0x00018400;", 0x80000400u)]
    public void Subnormals_are_flushed_where_it_is_asked_for(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("add.sat.f32 %r1, 0f3F800000, 0f3F000000;", 0x3f800000u)]
    [TestCase("add.sat.f32 %r1, 0fBF800000, 0f3F000000;", 0u)]
    [TestCase("add.sat.f32 %r1, 0f7FC00000, 0f3F000000;", 0u)]
    [TestCase("mul.sat.f32 %r1, 0f3F000000, 0f3F000000;", 0x3e800000u)]
    [TestCase("mul.ftz.sat.f32 %r1, 0f40000000, 0f40000000;", 0x3f800000u)]
    [TestCase("add.rz.sat.f32 %r1, 0f3F800000, 0f3F000000;", 0x3f800000u)]
    [TestCase("fma.rp.sat.f32 %r1, 0f7FC00000, 0f3F000000, 0f3F000000;", 0u)]
    [TestCase("add.sat.f16x2 %r1, 0x3c007e00, 0x38003c00;", 0x3c000000u)]
    public void Results_are_clamped_where_it_is_asked_for(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("min.f32 %r1, 0f7FC00000, 0f3F800000;", 0x3f800000u)]
    [TestCase("max.f32 %r1, 0f3F800000, 0f7FC00000;", 0x3f800000u)]
    [TestCase("min.f32 %r1, 0f00000000, 0f80000000;", 0x80000000u)]
    [TestCase("max.f32 %r1, 0f80000000, 0f00000000;", 0u)]
    public void A_number_is_less_and_more_than_what_is_none(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("min"), TestCase("max")]
    public void What_is_no_number_wins_where_it_is_asked_to(string operation) =>
        Assert.That(OneThread.Predicate($"{operation}.NaN.f32 %f1, 0f3F800000, 0f7FC00000; testp.notanumber.f32 %c1, %f1;"), Is.True);

    // One third, its opposite, and what lies beyond the largest number.
    [TestCase("rn", 0x3eaaaaabu, 0xbeaaaaabu, 0x7f800000u, 0xff800000u)]
    [TestCase("rz", 0x3eaaaaaau, 0xbeaaaaaau, 0x7f7fffffu, 0xff7fffffu)]
    [TestCase("rm", 0x3eaaaaaau, 0xbeaaaaabu, 0x7f7fffffu, 0xff800000u)]
    [TestCase("rp", 0x3eaaaaabu, 0xbeaaaaaau, 0x7f800000u, 0xff7fffffu)]
    public void Quotients_are_rounded_to_every_side(string mode, uint third, uint minusThird, uint huge, uint minusHuge) => Assert.Multiple(() =>
    {
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0f3F800000, 0f40400000;"), Is.EqualTo(third));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0fBF800000, 0f40400000;"), Is.EqualTo(minusThird));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0f3F800000, 0fC0400000;"), Is.EqualTo(minusThird));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0f7F000000, 0f3E800000;"), Is.EqualTo(huge));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0f7F000000, 0fBE800000;"), Is.EqualTo(minusHuge));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0fFF000000, 0f3E800000;"), Is.EqualTo(minusHuge));
        Assert.That(OneThread.Word($"div.{mode}.f32 %r1, 0fFF000000, 0fBE800000;"), Is.EqualTo(huge));
    });

    // Sums a little beyond 1 and -1.
    [TestCase("rn", 0x3f800000u, 0xbf800000u)]
    [TestCase("rz", 0x3f800000u, 0xbf800000u)]
    [TestCase("rm", 0x3f800000u, 0xbf800001u)]
    [TestCase("rp", 0x3f800001u, 0xbf800000u)]
    public void Sums_are_rounded_to_every_side(string mode, uint above, uint below) => Assert.Multiple(() =>
    {
        Assert.That(OneThread.Word($"add.{mode}.f32 %r1, 0f3F800000, 0f20000000;"), Is.EqualTo(above));
        Assert.That(OneThread.Word($"sub.{mode}.f32 %r1, 0fBF800000, 0f20000000;"), Is.EqualTo(below));
        Assert.That(OneThread.Word($"fma.{mode}.f32 %r1, 0f3F800000, 0fBF800000, 0fA0000000;"), Is.EqualTo(below));
    });
}
