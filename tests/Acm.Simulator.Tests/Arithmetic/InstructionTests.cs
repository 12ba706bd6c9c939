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

    private static uint Two(string operation, uint a, uint b) =>
        Run($"mov.b32 %r1, 0x{a:x}; mov.b32 %r2, 0x{b:x}; {operation} %r3, %r1, %r2; st.global.u32 [%q], %r3;", 1)[0];

    private static uint[] Run(string body, int words)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        ulong p = bench.Buffer("p", 0), q = bench.Device.Allocate((ulong)words * 4, "q");
        bench.Launch(PtxBench.Module(body), 1, 1, p, q);
        return bench.Words(q, words);
    }
}
