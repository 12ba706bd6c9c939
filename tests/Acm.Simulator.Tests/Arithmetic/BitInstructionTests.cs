using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Shifts, bit fields and permutes at their corners, with the results that the PTX ISA gives.</summary>
public sealed class BitInstructionTests
{
    [TestCase("shl.b32 %r1, 1, 32;", 0u)]
    [TestCase("shr.u32 %r1, 0x80000000, 32;", 0u)]
    [TestCase("shr.s32 %r1, 0x80000000, 40;", 0xffffffffu)]
    [TestCase("shr.s32 %r1, 0x40000000, 40;", 0u)]
    public void Shifts_by_more_than_the_width_leave_zeros_or_the_sign(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("shl.b64 %d1, 1, 64;", 0ul)]
    [TestCase("shr.u64 %d1, 0x8000000000000000, 64;", 0ul)]
    [TestCase("shr.s64 %d1, 0x8000000000000000, 72;", ulong.MaxValue)]
    [TestCase("shr.s64 %d1, 0x4000000000000000, 72;", 0ul)]
    public void Wide_shifts_by_more_than_the_width_leave_zeros_or_the_sign(string body, ulong want) => Assert.That(OneThread.Wide(body), Is.EqualTo(want));

    [TestCase("shl.b16 %h1, 1, 16;", 0u)]
    [TestCase("shl.b16 %h1, 0x8001, 1;", 2u)]
    [TestCase("shr.u16 %h1, 0x8000, 16;", 0u)]
    [TestCase("shr.s16 %h1, 0x8000, 40;", 0xffffu)]
    public void Narrow_shifts_by_more_than_the_width_leave_zeros_or_the_sign(string body, uint want) => Assert.That(OneThread.Half(body), Is.EqualTo(want));

    [TestCase("shf.l.wrap.b32 %r1, 0x11223344, 0x55667788, 36;", 0x56677881u)]
    [TestCase("shf.l.clamp.b32 %r1, 0x11223344, 0x55667788, 4;", 0x56677881u)]
    [TestCase("shf.l.clamp.b32 %r1, 0x11223344, 0x55667788, 40;", 0x11223344u)]
    [TestCase("shf.r.wrap.b32 %r1, 0x11223344, 0x55667788, 36;", 0x81122334u)]
    [TestCase("shf.r.clamp.b32 %r1, 0x11223344, 0x55667788, 4;", 0x81122334u)]
    [TestCase("shf.r.clamp.b32 %r1, 0x11223344, 0x55667788, 40;", 0x55667788u)]
    public void Funnel_shifts_wrap_or_clamp(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("bfe.u32 %r1, 0x12345678, 260, 8;", 0x67u)]
    [TestCase("bfe.u32 %r1, 0x80000000, 31, 2;", 1u)]
    [TestCase("bfe.u32 %r1, 0x80000000, 32, 2;", 0u)]
    [TestCase("bfe.s32 %r1, 0x40000000, 28, 3;", 0xfffffffcu)]
    [TestCase("bfe.s32 %r1, 0x40000000, 28, 4;", 4u)]
    [TestCase("bfe.s32 %r1, 0x80000000, 31, 4;", 0xffffffffu)]
    [TestCase("bfe.s32 %r1, 0x80000000, 40, 4;", 0xffffffffu)]
    [TestCase("bfe.s32 %r1, 0xffffffff, 5, 0;", 0u)]
    public void Bit_fields_are_extended_with_zeros_or_their_sign(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("bfe.u64 %d1, 0xffffffffffffffff, 64, 8;", 0ul)]
    [TestCase("bfe.u64 %d1, 0xf000000000000000, 60, 8;", 15ul)]
    [TestCase("bfe.s64 %d1, 0x8000000000000000, 70, 2;", ulong.MaxValue)]
    [TestCase("bfe.s64 %d1, 0x4000000000000000, 0, 64;", 0x4000000000000000ul)]
    [TestCase("bfi.b64 %d1, 0xff, 0, 60, 8;", 0xf000000000000000ul)]
    [TestCase("bfi.b64 %d1, 0xff, 0x123456789, 64, 8;", 0x123456789ul)]
    public void Wide_bit_fields_end_with_the_number(string body, ulong want) => Assert.That(OneThread.Wide(body), Is.EqualTo(want));

    [TestCase("bfi.b32 %r1, 0xf, 0x12345678, 260, 4;", 0x123456f8u)]
    [TestCase("bfi.b32 %r1, 0xf, 0x12345678, 68, 4;", 0x12345678u)]
    [TestCase("bfi.b32 %r1, 0xffffffff, 0, 28, 8;", 0xf0000000u)]
    [TestCase("bfi.b32 %r1, 0xff, 0x12345678, 4, 0;", 0x12345678u)]
    [TestCase("bfi.b32 %r1, 0xff, 0x12345678, 4, 260;", 0x123456f8u)]
    public void Bit_fields_are_inserted_where_there_is_room(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("bmsk.clamp.b32 %r1, 4, 8;", 0xff0u)]
    [TestCase("bmsk.clamp.b32 %r1, 32, 4;", 0u)]
    [TestCase("bmsk.clamp.b32 %r1, 0, 31;", 0x7fffffffu)]
    [TestCase("bmsk.clamp.b32 %r1, 0, 32;", 0xffffffffu)]
    [TestCase("bmsk.clamp.b32 %r1, 28, 8;", 0xf0000000u)]
    [TestCase("bmsk.wrap.b32 %r1, 36, 40;", 0xff0u)]
    [TestCase("bmsk.wrap.b32 %r1, 0, 32;", 0u)]
    [TestCase("szext.clamp.s32 %r1, 0x180, 8;", 0xffffff80u)]
    [TestCase("szext.clamp.s32 %r1, 0x92345678, 32;", 0x92345678u)]
    [TestCase("szext.clamp.s32 %r1, 5, 0;", 0u)]
    [TestCase("szext.clamp.u32 %r1, 0xfff, 8;", 0xffu)]
    [TestCase("szext.clamp.u32 %r1, 0xffffffff, 40;", 0xffffffffu)]
    [TestCase("szext.wrap.s32 %r1, 0x80, 40;", 0xffffff80u)]
    [TestCase("szext.wrap.s32 %r1, 0xff, 32;", 0u)]
    [TestCase("szext.wrap.u32 %r1, 0xfff, 40;", 0xffu)]
    public void Masks_and_extensions_wrap_or_clamp(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("bfind.s32 %r1, 0xffff0000;", 15u)]
    [TestCase("bfind.s32 %r1, -1;", 0xffffffffu)]
    [TestCase("bfind.u32 %r1, 0xffff0000;", 31u)]
    [TestCase("bfind.s64 %r1, 0x8000000000000000;", 62u)]
    [TestCase("bfind.u64 %r1, 0;", 0xffffffffu)]
    [TestCase("bfind.shiftamt.s32 %r1, 0xffff0000;", 16u)]
    [TestCase("bfind.shiftamt.u64 %r1, 1;", 63u)]
    [TestCase("bfind.shiftamt.s64 %r1, 0xfffffffffffffffe;", 63u)]
    [TestCase("clz.b32 %r1, 0;", 32u)]
    [TestCase("clz.b64 %r1, 1;", 63u)]
    [TestCase("popc.b64 %r1, 0xf00000000000000f;", 8u)]
    [TestCase("cnot.b32 %r1, 5;", 0u)]
    [TestCase("cnot.b32 %r1, 0;", 1u)]
    public void Bits_are_found_and_counted(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    // Bytes 0 to 7 of the pair are 80 11 22 33 44 55 66 77.
    [TestCase("", 0x7808, 0x77ff80ffu)]
    [TestCase("", 0x9a20, 0x00002280u)]
    [TestCase(".f4e", 1, 0x44332211u), TestCase(".f4e", 3, 0x66554433u)]
    [TestCase(".b4e", 0, 0x55667780u), TestCase(".b4e", 1, 0x66778011u), TestCase(".b4e", 2, 0x77801122u), TestCase(".b4e", 3, 0x80112233u)]
    [TestCase(".rc8", 2, 0x22222222u), TestCase(".rc8", 4, 0x80808080u)]
    [TestCase(".ecl", 0, 0x33221180u), TestCase(".ecl", 1, 0x33221111u), TestCase(".ecl", 2, 0x33222222u), TestCase(".ecl", 3, 0x33333333u)]
    [TestCase(".ecr", 0, 0x80808080u), TestCase(".ecr", 1, 0x11111180u), TestCase(".ecr", 2, 0x22221180u), TestCase(".ecr", 3, 0x33221180u)]
    [TestCase(".rc16", 1, 0x33223322u), TestCase(".rc16", 2, 0x11801180u)]
    public void Bytes_are_permuted_in_every_mode(string mode, int selector, uint want) =>
        Assert.That(OneThread.Word($"prmt.b32{mode} %r1, 0x33221180, 0x77665544, {selector};"), Is.EqualTo(want));

    [TestCase("or", 0u, false, false), TestCase("or", 0u, true, true), TestCase("or", 4u, false, true), TestCase("or", 4u, true, true)]
    [TestCase("and", 0u, false, false), TestCase("and", 0u, true, false), TestCase("and", 4u, false, false), TestCase("and", 4u, true, true)]
    public void Logic_of_three_joins_its_predicate_with_another(string how, uint value, bool other, bool want)
    {
        string body = $"setp.eq.u32 %c2, {(other ? 1 : 0)}, 1; lop3.{how}.b32 %r1|%c1, {value}, 0, 0, 0xf0, %c2;";
        Assert.That(OneThread.Predicate(body), Is.EqualTo(want));
        Assert.That(OneThread.Word(body), Is.EqualTo(value));
    }
}
