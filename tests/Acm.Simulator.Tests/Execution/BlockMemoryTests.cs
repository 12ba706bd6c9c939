using System.Text;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Execution;

/// <summary>What blocks need on the host is used again by those that follow.</summary>
[TestFixture, NonParallelizable]
public sealed class BlockMemoryTests
{
    private const int Registers = 2000, Blocks = 4000;

    [Test]
    public void Many_blocks_take_no_more_host_memory_than_few([Values] bool isChecked)
    {
        using SimulatedDevice device = new(new SimulatorOptions { Threads = 1, Mode = isChecked ? ExecutionMode.Checked : ExecutionMode.Fast });
        using SimulatedModule module = device.Load(Kernel());
        long before = Environment.WorkingSet;
        device.Launch(module.Kernels["wide"], new Dim3(Blocks, 1, 1), new Dim3(32, 1, 1), 0, []);
        long growth = Environment.WorkingSet - before;
        // All registers of all blocks would be a gigabyte.
        Assert.That(growth, Is.LessThan((long)Registers * 128 * Blocks / 8), $"{growth >> 20} MiB");
    }

    private static string Kernel()
    {
        StringBuilder ptx = new($".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry wide()\n{{\n.reg .b32 %r<{Registers}>;\n");
        for (int i = 0; i < Registers; i++)
            ptx.AppendLine($"mov.u32 %r{i}, %tid.x;");
        return ptx.AppendLine("ret;\n}").ToString();
    }
}
