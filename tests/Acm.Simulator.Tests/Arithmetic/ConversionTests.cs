using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Conversions at their corners: ties, sides, ends of the range, NaN, subnormals.</summary>
public sealed class ConversionTests
{
    // Zero where neither the source is f64 nor the target has 64 bits, else the middle of the range.
    [TestCase("s32.f32", "0f7FC00000", 0u), TestCase("u32.f32", "0f7FC00000", 0u)]
    [TestCase("s32.f64", "0d7FF8000000000000", 0x80000000u), TestCase("u32.f64", "0d7FF8000000000000", 0x80000000u)]
    [TestCase("s32.f32", "0f4F800000", 0x7fffffffu), TestCase("s32.f32", "0fFF800000", 0x80000000u)]
    [TestCase("u32.f32", "0fBF800000", 0u), TestCase("u32.f32", "0f7F800000", 0xffffffffu), TestCase("u32.f32", "0f4F000000", 0x80000000u)]
    public void Floats_outside_the_range_of_integers(string types, string value, uint want) =>
        Assert.That(OneThread.Word($"cvt.rzi.{types} %r1, {value};"), Is.EqualTo(want));

    [TestCase("s64.f32", "0f7FC00000", 0x8000000000000000ul), TestCase("u64.f64", "0d7FF8000000000000", 0x8000000000000000ul)]
    [TestCase("u64.f32", "0f5F800000", ulong.MaxValue), TestCase("s64.f64", "0d43E0000000000000", (ulong)long.MaxValue)]
    public void Floats_outside_the_range_of_wide_integers(string types, string value, ulong want) =>
        Assert.That(OneThread.Wide($"cvt.rzi.{types} %d1, {value};"), Is.EqualTo(want));

    [TestCase("rni", 0x3fc00000u, 2u), TestCase("rni", 0x40200000u, 2u), TestCase("rzi", 0xbfc00000u, 0xffffffffu), TestCase("rmi", 0xbfc00000u, 0xfffffffeu)]
    [TestCase("rpi", 0xbfc00000u, 0xffffffffu), TestCase("rpi", 0x3f800001u, 2u)]
    public void Floats_are_rounded_to_integers_to_every_side(string mode, uint value, uint want) =>
        Assert.That(OneThread.Word($"mov.b32 %f1, 0x{value:x}; cvt.{mode}.s32.f32 %r1, %f1;"), Is.EqualTo(want));

    [TestCase("cvt.rzi.f32.f32 %r1, 0fBF000000;", 0x80000000u)]
    [TestCase("cvt.rpi.f32.f32 %r1, 0f00000001;", 0x3f800000u)]
    [TestCase("cvt.rpi.ftz.f32.f32 %r1, 0f00000001;", 0u)]
    [TestCase("cvt.rn.ftz.f32.f64 %r1, 0d3780000000000000;", 0u)] // 2^-135
    [TestCase("cvt.rn.f32.f64 %r1, 0d3780000000000000;", 0x00004000u)]
    [TestCase("cvt.rp.f32.f64 %r1, 0d3FF0000000000001;", 0x3f800001u)]
    [TestCase("cvt.rm.f32.f64 %r1, 0d7FE0000000000000;", 0x7f7fffffu)]
    [TestCase("cvt.sat.f32.f32 %r1, 0f7FC00000;", 0u)]
    [TestCase("cvt.sat.f32.f32 %r1, 0f40000000;", 0x3f800000u)]
    public void Floats_to_floats(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("rn", 0x7c00u, 0xfc00u, 1u), TestCase("rz", 0x7bffu, 0xfbffu, 1u), TestCase("rm", 0x7bffu, 0xfc00u, 1u), TestCase("rp", 0x7c00u, 0xfbffu, 2u)]
    public void Halves_are_rounded_to_every_side(string mode, uint huge, uint minusHuge, uint small) => Assert.Multiple(() =>
    {
        Assert.That(OneThread.Half($"cvt.{mode}.f16.f32 %h1, 0f47C35000;"), Is.EqualTo(huge)); // 100000
        Assert.That(OneThread.Half($"cvt.{mode}.f16.f32 %h1, 0fC7C35000;"), Is.EqualTo(minusHuge));
        Assert.That(OneThread.Half($"cvt.{mode}.f16.f32 %h1, 0f33A00000;"), Is.EqualTo(small)); // 1.25 units in the last place
    });

    // A tie with an even and with an odd number before it, and the same below zero.
    [TestCase("rn", 0x4b800000u, 0x4b800002u, 0xcb800000u), TestCase("rz", 0x4b800000u, 0x4b800001u, 0xcb800000u)]
    [TestCase("rm", 0x4b800000u, 0x4b800001u, 0xcb800001u), TestCase("rp", 0x4b800001u, 0x4b800002u, 0xcb800000u)]
    public void Integers_are_rounded_to_floats_to_every_side(string mode, uint even, uint odd, uint below) => Assert.Multiple(() =>
    {
        foreach (string type in new[] { "s32", "s64" })
        {
            string operand = type == "s32" ? "%r2" : "%d2", set = type == "s32" ? "mov.b32" : "mov.b64";
            Assert.That(OneThread.Word($"{set} {operand}, 16777217; cvt.{mode}.f32.{type} %r1, {operand};"), Is.EqualTo(even), type);
            Assert.That(OneThread.Word($"{set} {operand}, 16777219; cvt.{mode}.f32.{type} %r1, {operand};"), Is.EqualTo(odd), type);
            Assert.That(OneThread.Word($"{set} {operand}, -16777217; cvt.{mode}.f32.{type} %r1, {operand};"), Is.EqualTo(below), type);
        }
    });

    [TestCase("cvt.sat.u32.u64 %r1, 0x1ffffffff;", 0xffffffffu)]
    [TestCase("cvt.sat.s32.u64 %r1, 0xffffffffffffffff;", 0x7fffffffu)]
    [TestCase("cvt.sat.s32.s64 %r1, 0x8000000000000000;", 0x80000000u)]
    [TestCase("cvt.sat.u32.s32 %r1, -1;", 0u)]
    [TestCase("cvt.sat.s32.u32 %r1, 0xffffffff;", 0x7fffffffu)]
    [TestCase("cvt.u32.u64 %r1, 0x1ffffffff;", 0xffffffffu)]
    [TestCase("cvt.s32.s8 %r1, %r2;", 0xffffff80u)]
    [TestCase("cvt.u32.u8 %r1, %r2;", 0x80u)]
    [TestCase("cvt.s8.s32 %r1, %r2;", 0xffffff80u)]
    [TestCase("cvt.u8.u32 %r1, %r2;", 0x80u)]
    [TestCase("cvt.sat.u8.s32 %r1, %r2;", 0xffu)]
    [TestCase("cvt.sat.s8.s32 %r1, %r2;", 0x7fu)]
    public void Integers_are_cut_extended_or_saturated(string body, uint want) => Assert.That(OneThread.Word($"mov.b32 %r2, 0x180; {body}"), Is.EqualTo(want));

    [TestCase("cvt.sat.s64.u64 %d1, 0xffffffffffffffff;", (ulong)long.MaxValue)]
    [TestCase("cvt.sat.u64.s64 %d1, -5;", 0ul)]
    [TestCase("cvt.s64.s32 %d1, 0x80000000;", 0xffffffff80000000ul)]
    [TestCase("cvt.u64.u32 %d1, 0x80000000;", 0x80000000ul)]
    public void Integers_are_extended_or_saturated_to_64_bits(string body, ulong want) => Assert.That(OneThread.Wide(body), Is.EqualTo(want));

    [TestCase("u8.s32.b32", -200, 300, 0x567800ffu), TestCase("s8.s32.b32", -200, 100, 0x56788064u), TestCase("s8.s32.b32", 200, -100, 0x56787f9cu)]
    [TestCase("u4.s32.b32", 99, 5, 0x345678f5u), TestCase("s4.s32.b32", -99, 5, 0x34567885u), TestCase("u2.s32.b32", 9, 1, 0x2345678du)]
    public void Integers_are_saturated_and_packed_below_others(string types, int a, int b, uint want) =>
        Assert.That(OneThread.Word($"mov.b32 %r2, 0x12345678; cvt.pack.sat.{types} %r1, {a}, {b}, %r2;"), Is.EqualTo(want));

    [TestCase("s16", -40000, 40000, 0x80007fffu), TestCase("u16", -1, 70000, 0x0000ffffu)]
    public void Integers_are_saturated_and_packed(string type, int a, int b, uint want) =>
        Assert.That(OneThread.Word($"cvt.pack.sat.{type}.s32 %r1, {a}, {b};"), Is.EqualTo(want));

    [TestCase("cvt.rn.f16x2.e4m3x2 %r1, %h2;", 0x7e78, 0x5f005c00u)] // 448 and 256
    [TestCase("cvt.rn.f16x2.e4m3x2 %r1, %h2;", 0x01f8, 0x1800dc00u)] // the smallest, and -256
    [TestCase("cvt.rn.f16x2.e5m2x2 %r1, %h2;", 0x7bfc, 0x7b00fc00u)]
    [TestCase("cvt.rn.relu.f16x2.e5m2x2 %r1, %h2;", 0x7bfc, 0x7b000000u)]
    public void Floats_of_8_bits_are_widened(string body, int bits, uint want) => Assert.That(OneThread.Word($"mov.b16 %h2, 0x{bits:x}; {body}"), Is.EqualTo(want));

    [TestCase("cvt.rn.satfinite.e4m3x2.f32 %h1, 0f49742400, 0fC9742400;", 0x7efeu)]
    [TestCase("cvt.rn.satfinite.e5m2x2.f32 %h1, 0f49742400, 0fFF800000;", 0x7bfbu)]
    [TestCase("cvt.rn.satfinite.e4m3x2.f32 %h1, 0f7FC00000, 0f3B000000;", 0x7f01u)]
    [TestCase("cvt.rn.satfinite.relu.e4m3x2.f32 %h1, 0fBF800000, 0f3F800000;", 0x0038u)]
    [TestCase("cvt.rn.satfinite.e5m2x2.f16x2 %h1, 0x3c00bc00;", 0x3cbcu)]
    public void Floats_are_narrowed_to_8_bits_and_stay_finite(string body, uint want) => Assert.That(OneThread.Half(body), Is.EqualTo(want));

    [TestCase("rn", 0x3c023c01u), TestCase("rz", 0x3c013c00u)]
    public void Pairs_are_rounded_as_asked(string mode, uint want) =>
        Assert.That(OneThread.Word($"cvt.{mode}.f16x2.f32 %r1, 0f3F803000, 0f3F801800;"), Is.EqualTo(want));
}
