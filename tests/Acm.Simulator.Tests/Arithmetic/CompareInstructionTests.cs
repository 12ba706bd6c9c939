using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>setp, set and testp: numbers that are none, subnormals, and results joined with other predicates.</summary>
public sealed class CompareInstructionTests
{
    private const string Numbers = "mov.f32 %f1, 0f7FC00000; mov.f32 %f2, 0f3F800000; mov.b64 %d2, 0d7FF8000000000000; mov.b64 %d3, 0d3FF0000000000000; "
        + "mov.b16 %h2, 0x7e00; mov.b16 %h3, 0x3c00; ";

    [Test]
    public void What_is_no_number_is_unordered(
        [Values("f32 %f1, %f2", "f64 %d2, %d3", "f16 %h2, %h3", "f32 %f2, %f1", "f64 %d3, %d2", "f16 %h3, %h2")] string operands,
        [Values("eq", "ne", "lt", "le", "gt", "ge", "num", "equ", "neu", "ltu", "leu", "gtu", "geu", "nan")] string comparison)
    {
        string[] operators = operands.Split(' ');
        bool want = comparison is "nan" || comparison.EndsWith('u');
        Assert.That(OneThread.Predicate($"{Numbers}setp.{comparison}.{operators[0]} %c1, {operators[1]} {operators[2]};"), Is.EqualTo(want));
    }

    [TestCase("eq", false, true, false), TestCase("ne", true, false, true), TestCase("lt", true, false, false), TestCase("le", true, true, false)]
    [TestCase("gt", false, false, true), TestCase("ge", false, true, true), TestCase("num", true, true, true), TestCase("nan", false, false, false)]
    [TestCase("equ", false, true, false), TestCase("neu", true, false, true), TestCase("ltu", true, false, false), TestCase("leu", true, true, false)]
    [TestCase("gtu", false, false, true), TestCase("geu", false, true, true)]
    public void Numbers_are_ordered(string comparison, bool less, bool equal, bool greater)
    {
        foreach ((string one, string two, string type) in new[] { ("0f3F800000", "0f40000000", "f32"), ("0d3FF0000000000000", "0d4000000000000000", "f64") })
        {
            Assert.That(OneThread.Predicate($"setp.{comparison}.{type} %c1, {one}, {two};"), Is.EqualTo(less), type);
            Assert.That(OneThread.Predicate($"setp.{comparison}.{type} %c1, {one}, {one};"), Is.EqualTo(equal), type);
            Assert.That(OneThread.Predicate($"setp.{comparison}.{type} %c1, {two}, {one};"), Is.EqualTo(greater), type);
        }
    }

    [TestCase("setp.eq.ftz.f32 %c1, 0f00000001, 0f80000002;", true)]
    [TestCase("setp.eq.f32 %c1, 0f00000001, 0f80000002;", false)]
    [TestCase("setp.lt.ftz.f32 %c1, 0f80000001, 0f00800000;", true)]
    [TestCase("testp.normal.f32 %c1, 0f00000001;", false)]
    [TestCase("testp.subnormal.f32 %c1, 0f00000001;", true)]
    [TestCase("testp.normal.f64 %c1, 0d36A0000000000000;", true)]
    [TestCase("testp.subnormal.f64 %c1, 0d0000000000000001;", true)]
    [TestCase("testp.infinite.f32 %c1, 0fFF800000;", true)]
    [TestCase("testp.finite.f32 %c1, 0f7F800000;", false)]
    [TestCase("testp.number.f32 %c1, 0f7F800000;", true)]
    [TestCase("testp.notanumber.f32 %c1, 0f7FC00000;", true)]
    public void Subnormals_and_infinities(string body, bool want) => Assert.That(OneThread.Predicate(body), Is.EqualTo(want));

    // The comparison holds or not; the predicate it is joined with is set or not; then both results.
    [TestCase("and", true, true, true, false), TestCase("and", true, false, false, false), TestCase("and", false, true, false, true), TestCase("and", false, false, false, false)]
    [TestCase("or", true, true, true, true), TestCase("or", true, false, true, false), TestCase("or", false, true, true, true), TestCase("or", false, false, false, true)]
    [TestCase("xor", true, true, false, true), TestCase("xor", true, false, true, false), TestCase("xor", false, true, true, false), TestCase("xor", false, false, false, true)]
    public void Both_results_are_joined_with_another_predicate(string how, bool holds, bool other, bool first, bool second)
    {
        string body = $"setp.eq.u32 %c3, {(other ? 1 : 0)}, 1; setp.lt.{how}.s32 %c1|%c2, {(holds ? -1 : 1)}, 0, %c3; selp.u32 %r1, 1, 0, %c1; selp.u32 %r2, 2, 0, %c2; add.u32 %r1, %r1, %r2;";
        Assert.That(OneThread.Word(body), Is.EqualTo((first ? 1 : 0) + (second ? 2 : 0)));
    }

    // 1 and 2 against 2 and 1.
    [TestCase("lt", "", 0x3c00u), TestCase("gt", "", 0x3c000000u)]
    [TestCase("lt.and", ", %c3", 0x3c00u), TestCase("lt.and", ", !%c3", 0u)]
    [TestCase("lt.or", ", %c3", 0x3c003c00u), TestCase("lt.or", ", !%c3", 0x3c00u)]
    [TestCase("lt.xor", ", %c3", 0x3c000000u), TestCase("lt.xor", ", !%c3", 0x3c00u)]
    public void Packed_comparisons_are_joined_with_a_predicate_too(string comparison, string predicate, uint want)
    {
        Assert.That(OneThread.Word($"setp.eq.u32 %c3, 1, 1; set.{comparison}.f16x2.f16x2 %r1, 0x40003c00, 0x3c004000{predicate};"), Is.EqualTo(want));
        string pair = $"setp.eq.u32 %c3, 1, 1; setp.{comparison}.f16x2 %c1|%c2, 0x40003c00, 0x3c004000{predicate}; selp.u32 %r1, 0x3c00, 0, %c1; selp.u32 %r2, 0x3c000000, 0, %c2; add.u32 %r1, %r1, %r2;";
        Assert.That(OneThread.Word(pair), Is.EqualTo(want));
    }

    [TestCase("set.lt.u32.f32 %r1, 0f3F800000, 0f40000000;", 0xffffffffu)]
    [TestCase("set.lt.f32.s32 %r1, -1, 0;", 0x3f800000u)]
    [TestCase("set.gt.f32.u32 %r1, -1, 0;", 0x3f800000u)]
    [TestCase("setp.eq.u32 %c3, 1, 1; set.lt.and.u32.s32 %r1, -1, 0, !%c3;", 0u)]
    [TestCase("set.lo.u32.u64 %r1, 1, 0x100000000;", 0xffffffffu)]
    [TestCase("set.lt.s32.s16 %r1, 0x8000, 1;", 0xffffffffu)]
    public void Comparisons_give_ones_or_1(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));
}
