using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Execution;

/// <summary>
/// Data handed on through memory (order.cu): kernels whose order is sound run without an alarm under every schedule; where the order is left out, checked
/// execution calls it a race under every schedule.
/// </summary>
[TestFixture]
public sealed class OrderTests
{
    private const int Block = 64, Runs = 6;
    private static readonly string Ptx = File.ReadAllText(SharedFolder.Data("ptx", "order.ptx"));

    private static IEnumerable<string> Kernels(string prefix) =>
        Regex.Matches(Ptx, $@"\.entry ({prefix}\w+)").Select(m => m.Groups[1].Value);

    private static IEnumerable<string> Sound() => Kernels("pass_");

    private static IEnumerable<string> Unsound() => Kernels("fail_");

    [TestCaseSource(nameof(Sound))]
    public void What_is_ordered_is_no_race(string kernel)
    {
        foreach (int threads in new[] { 1, 2, 4 })
        {
            for (int seed = 0; seed < Runs; seed++)
            {
                int grid = 1 + ((seed * 5 + 5) % 9);
                uint[] good = Run(kernel, threads, seed, grid, ExecutionMode.Checked);
                Assert.That(good, Has.All.EqualTo(1u), $"{threads} threads, seed {seed}, {grid} blocks");
            }
        }
    }

    [TestCaseSource(nameof(Sound))]
    public void It_computes_the_same_when_fast(string kernel)
    {
        foreach (int threads in new[] { 1, 2 })
            Assert.That(Run(kernel, threads, threads, 7, ExecutionMode.Fast), Has.All.EqualTo(1u));
    }

    [TestCaseSource(nameof(Unsound))]
    public void What_is_not_ordered_is_a_race(string kernel)
    {
        foreach (int threads in new[] { 1, 2, 4 })
        {
            for (int seed = 0; seed < Runs; seed++)
            {
                DeviceFaultException fault = Assert.Throws<DeviceFaultException>(
                    () => Run(kernel, threads, seed, 6, ExecutionMode.Checked), $"{threads} threads, seed {seed}")!;
                Assert.That(fault.Kind, Is.EqualTo(kernel.EndsWith("_shared", StringComparison.Ordinal) ? FaultKind.SharedRace : FaultKind.GlobalRace), fault.Message);
            }
        }
    }

    private static uint[] Run(string kernel, int threads, int seed, int grid, ExecutionMode mode)
    {
        using SimulatedDevice device = new(new SimulatorOptions { Mode = mode, Seed = seed, Threads = threads });
        using SimulatedModule module = device.Load(Ptx);
        ulong count = (ulong)(grid * Block);
        ulong sync = device.Allocate(256, "sync"), data = device.Allocate(4 * count, "data"), result = device.Allocate(4 * count, "out");
        device.Fill(sync, 0, 4, 64);
        byte[] parameters = new byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(parameters, sync);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(8), data);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(16), result);
        device.Launch(module.GetKernel(kernel), new Dim3(grid), new Dim3(Block), 0, parameters);
        uint[] words = new uint[count];
        device.Read(result, MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }
}
