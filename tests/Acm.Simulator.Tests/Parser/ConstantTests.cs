using Acm.Simulator.Parser;
using Acm.Simulator.Tests.Arithmetic;
using Acm.Simulator.Tests.Device;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Parser;

/// <summary>Constants, offsets and initial values, as the PTX ISA writes them.</summary>
public sealed class ConstantTests
{
    [TestCase("10", 10u), TestCase("010", 8u), TestCase("077U", 63u), TestCase("0x1F", 31u), TestCase("0X1fU", 31u), TestCase("0b101", 5u)]
    [TestCase("-1", 0xffffffffu), TestCase("-010", 0xfffffff8u), TestCase("~5", 0xfffffffau), TestCase("4294967295", 0xffffffffu)]
    [TestCase("0f3F800000", 0x3f800000u), TestCase("0Fbf800000", 0xbf800000u), TestCase("-0f3F800000", 0xbf800000u)]
    public void Words(string constant, uint want) => Assert.That(OneThread.Word($"mov.b32 %r1, {constant};"), Is.EqualTo(want));

    [TestCase("0d3FF0000000000000", 0x3ff0000000000000ul), TestCase("-0d3FF0000000000000", 0xbff0000000000000ul), TestCase("-2", 0xfffffffffffffffeul)]
    [TestCase("0xffffffffffffffff", ulong.MaxValue), TestCase("01777777777777777777777", ulong.MaxValue), TestCase("00000000000000000000017", 15ul)]
    public void Wide_words(string constant, ulong want) => Assert.That(OneThread.Wide($"mov.b64 %d1, {constant};"), Is.EqualTo(want));

    [TestCase("0f3F80"), TestCase("0f3F80000000"), TestCase("0d3F800000"), TestCase("0x"), TestCase("0b2"), TestCase("12a"), TestCase("02000000000000000000000")]
    public void What_is_no_constant_is_refused(string constant) =>
        Assert.That(() => OneThread.Word($"mov.b32 %r1, {constant};"), Throws.TypeOf<PtxException>());

    [TestCase("+4"), TestCase("+8-4"), TestCase("+8+-4"), TestCase("-4+8"), TestCase("+0x4"), TestCase("--4")]
    public void Offsets_add_up(string offset) =>
        Assert.That(OneThread.Run($"st.global.u32 [%q], 1; st.global.u32 [%q{offset}], 7;", 2), Is.EqualTo(new uint[] { 1, 7 }));

    [TestCase(".global .align 4 .s32 t[2] = {1, -5};", 0xfffffffbu)]
    [TestCase(".global .align 4 .u32 t[2] = {1};", 0u)]
    [TestCase(".global .v2 .u32 t = {1, 2};", 2u)]
    [TestCase(".const .f32 t[] = {1.0, 1.5};", 0x3fc00000u)]
    [TestCase(".const .f32 t[] = {1.0, -0f3F800000};", 0xbf800000u)]
    [TestCase(".global .align 8 .f64 t = 1.5;", 0x3ff80000u)]
    [TestCase(".global .align 4 .b8 t[8] = {0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78};", 0x78563412u)]
    [TestCase(".global .align 4 .u16 t[2][2] = {{1, 2}, {3, 4}};", 0x00040003u)]
    public void Variables_hold_their_initial_values(string declaration, uint want)
    {
        string space = declaration[1..declaration.IndexOf(' ', StringComparison.Ordinal)];
        string ptx = PtxBench.Module($"ld.{space}.u32 %r1, [t+4]; st.global.u32 [%q], %r1;").Replace(".file", declaration + "\n.file", StringComparison.Ordinal);
        Assert.That(OneThread.RunModule(ptx, 1)[0], Is.EqualTo(want));
    }

    [TestCase(".global .align 3 .u32 t;"), TestCase(".global .align 0 .u32 t;"), TestCase(".global .u32 t[1] = {1, 2};"), TestCase(".shared .u32 t = 1;")]
    public void Variables_that_cannot_be_are_refused(string declaration) =>
        Assert.That(() => OneThread.RunModule(PtxBench.Module("").Replace(".file", declaration + "\n.file", StringComparison.Ordinal), 1), Throws.TypeOf<PtxException>());

    [Test]
    public void Shared_variables_lie_where_their_alignment_wants()
    {
        string body = ".shared .align 16 .b8 a[1]; .shared .align 8 .b8 b[8]; mov.u32 %r1, b; and.b32 %r1, %r1, 7; st.shared.u64 [b], %q; st.global.u32 [%q], %r1;";
        Assert.That(OneThread.Run(body, 1)[0], Is.Zero);
    }
}
