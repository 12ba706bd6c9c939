using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Integer instructions at their corners, with the results that the PTX ISA gives.</summary>
public sealed class IntegerInstructionTests
{
    [TestCase("div.s16 %h1, -7, 2;", 0xfffdu)]
    [TestCase("rem.s16 %h1, -7, 2;", 0xffffu)]
    [TestCase("div.u16 %h1, 0xfff9, 2;", 0x7ffcu)]
    [TestCase("mul.lo.s16 %h1, 300, 300;", 0x5f90u)]
    [TestCase("mul.hi.s16 %h1, 0x8000, 0x8000;", 0x4000u)]
    [TestCase("mul.hi.u16 %h1, 0xffff, 0xffff;", 0xfffeu)]
    [TestCase("mad.hi.s16 %h1, 0x8000, 2, 5;", 4u)]
    [TestCase("min.s16 %h1, 0x8000, 1;", 0x8000u)]
    [TestCase("max.u16 %h1, 0x8000, 1;", 0x8000u)]
    [TestCase("abs.s16 %h1, 0xfffd;", 3u)]
    [TestCase("neg.s16 %h1, 3;", 0xfffdu)]
    [TestCase("cnot.b16 %h1, 0;", 1u)]
    [TestCase("cnot.b16 %h1, 0x8000;", 0u)]
    [TestCase("sad.s16 %h1, -5, 6, 7;", 18u)]
    [TestCase("sad.u16 %h1, 5, 0xffff, 7;", 1u)]
    public void Halves_of_a_register(string body, uint want) => Assert.That(OneThread.Half(body), Is.EqualTo(want));

    [TestCase("add.sat.s32 %r1, 0x7fffffff, 1;", 0x7fffffffu)]
    [TestCase("add.sat.s32 %r1, 0x80000000, -1;", 0x80000000u)]
    [TestCase("sub.sat.s32 %r1, 0x80000000, 1;", 0x80000000u)]
    [TestCase("sub.sat.s32 %r1, 0x7fffffff, -1;", 0x7fffffffu)]
    [TestCase("mad.hi.sat.s32 %r1, 0x40000000, 8, 0x7fffffff;", 0x7fffffffu)]
    [TestCase("mad.hi.sat.s32 %r1, 0x80000000, 4, 0x80000001;", 0x80000000u)]
    [TestCase("mad.hi.s32 %r1, 0x40000000, 8, 0x7fffffff;", 0x80000001u)]
    public void Sums_saturate_where_they_are_asked_to(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("mul24.lo.u32 %r1, 0xff000003, 0xff000002;", 6u)]
    [TestCase("mul24.hi.u32 %r1, 0x00ffffff, 0x00ffffff;", 0xfffffe00u)]
    [TestCase("mul24.lo.s32 %r1, 0x00ffffff, 5;", 0xfffffffbu)]
    [TestCase("mul24.hi.s32 %r1, 0x00800000, 2;", 0xffffff00u)]
    [TestCase("mad24.hi.s32 %r1, 0x00800000, 2, 3;", 0xffffff03u)]
    [TestCase("dp2a.lo.s32.s32 %r1, 0xfffe0003, 0x0102fe05, 100;", 119u)]
    [TestCase("dp2a.hi.s32.s32 %r1, 0xfffe0003, 0xff02fe05, 100;", 108u)]
    [TestCase("dp2a.lo.s32.u32 %r1, 0xfffe0003, 0x0102fe05, 100;", 0xfffffe77u)]
    [TestCase("dp2a.lo.u32.s32 %r1, 0xfffe0003, 0x0102fe05, 100;", 0xfffe0077u)]
    [TestCase("dp4a.s32.u32 %r1, 0xff010203, 0xff030201, 10;", 0xffffff15u)]
    public void Products_of_parts_of_a_word(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("add.cc.u32 %r2, 0xffffffff, 1; addc.u32 %r1, 5, 6;", 12u)]
    [TestCase("add.cc.u32 %r2, 0xfffffffe, 1; addc.u32 %r1, 5, 6;", 11u)]
    [TestCase("add.cc.u64 %d2, 0xffffffffffffffff, 1; addc.u32 %r1, 5, 6;", 12u)]
    [TestCase("add.cc.u64 %d2, 0xffffffff, 1; addc.u32 %r1, 5, 6;", 11u)]
    [TestCase("sub.cc.u32 %r2, 0, 1; subc.u32 %r1, 5, 3;", 1u)]
    [TestCase("sub.cc.u32 %r2, 1, 1; subc.u32 %r1, 5, 3;", 2u)]
    [TestCase("sub.cc.u64 %d2, 0, 1; subc.cc.u32 %r2, 3, 3; subc.u32 %r1, 5, 3;", 1u)]
    [TestCase("mad.lo.cc.u32 %r2, 0xffffffff, 2, 5; madc.lo.u32 %r1, 3, 4, 5;", 18u)]
    [TestCase("mad.lo.cc.u32 %r2, 0xffffffff, 2, 1; madc.lo.u32 %r1, 3, 4, 5;", 17u)]
    [TestCase("add.cc.u32 %r2, 0xffffffff, 1; madc.hi.cc.s32 %r2, -1, 1, 0; madc.hi.u32 %r1, 0x80000000, 4, 1;", 4u)]
    public void Carries_and_borrows_go_on(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("vavrg4.s32.s32.s32 %r1, 0x000000fd, 0, 0;", 0x000000feu)]
    [TestCase("vavrg4.u32.u32.u32 %r1, 0x0405ffff, 0x0404ffff, 0;", 0x0405ffffu)]
    [TestCase("vadd4.u32.u32.u32.sat %r1, 0xff01ff7f, 0x01010101, 0;", 0xff02ff80u)]
    [TestCase("vadd4.u32.u32.u32 %r1, 0xff01ff7f, 0x01010101, 0;", 0x00020080u)]
    [TestCase("vadd4.s32.s32.s32.sat %r1, 0x7f800102, 0x01ff0101, 0;", 0x7f800203u)]
    [TestCase("vsub2.s32.s32.s32.sat %r1, 0x80000005, 0x00010006, 0;", 0x8000ffffu)]
    [TestCase("vsub4.s32.s32.s32.add %r1, 0, 0x01010101, 10;", 6u)]
    [TestCase("vabsdiff4.u32.u32.u32.add %r1, 0x00ff0010, 0xff000020, 1;", 527u)]
    [TestCase("vmax2.s32.s32.s32 %r1, 0x8000ffff, 0x00010002, 0;", 0x00010002u)]
    [TestCase("vmin4.u32.u32.u32 %r1, 0x80ff0102, 0x7f000203, 0;", 0x7f000102u)]
    public void Packed_elements(string body, uint want) => Assert.That(OneThread.Word(body), Is.EqualTo(want));

    [TestCase("mul.hi.s64 %d1, -1, 1;", ulong.MaxValue)]
    [TestCase("mul.hi.u64 %d1, 0xffffffffffffffff, 2;", 1ul)]
    [TestCase("mad.wide.s32 %d1, -2, 3, 1;", 0xfffffffffffffffbul)]
    [TestCase("mad.wide.u32 %d1, 0xfffffffe, 3, 1;", 0x2fffffffbul)]
    [TestCase("sad.s64 %d1, -5, 6, 7;", 18ul)]
    [TestCase("brev.b64 %d1, 1;", 0x8000000000000000ul)]
    public void Wide_results(string body, ulong want) => Assert.That(OneThread.Wide(body), Is.EqualTo(want));
}
