using System.Buffers.Binary;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Execution;

/// <summary>Lanes, warps and blocks that wait for each other go on; those that wait for nobody are stopped and named. (PTX: spin_locks.cu by NVRTC 13.0.)</summary>
[TestFixture]
public sealed class ProgressTests
{
    private static SimulatedDevice Device(bool strict, int seed, long budget = 1L << 26, int threads = 0) => new(new SimulatorOptions
    {
        Mode = strict ? ExecutionMode.Checked : ExecutionMode.Fast, Seed = seed, IssueBudget = budget, Threads = threads,
    });

    private static int[] Run(SimulatedDevice device, string kernel, int blocks, int threads, bool initialise)
    {
        using SimulatedModule module = device.Load(File.ReadAllText(SharedFolder.Data("ptx", "spin_locks.ptx")));
        ulong gate = device.Allocate(4, "lock"), data = device.Allocate((ulong)(4 * blocks * threads), "data");
        device.Fill(gate, 0, 4, 1);
        if (initialise)
            device.Fill(data, 0, 4, (ulong)(blocks * threads));
        byte[] parameters = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(parameters, gate);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(8), data);
        device.Launch(module.GetKernel(kernel), new Dim3(blocks), new Dim3(threads), 0, parameters);
        byte[] bytes = new byte[4 * blocks * threads];
        device.Read(data, bytes);
        return [.. Enumerable.Range(0, blocks * threads).Select(i => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4 * i)))];
    }

    [Test]
    public void Lanes_of_a_warp_take_a_lock_in_turn([Values("lock1", "lock2")] string kernel, [Values] bool strict)
    {
        using SimulatedDevice device = Device(strict, 1);
        Assert.That(Run(device, kernel, 2, 32, initialise: true)[0], Is.EqualTo(64));
    }

    [Test]
    public void Blocks_that_wait_for_all_others_meet([Values] bool strict)
    {
        // What a block learns must not depend on which host thread comes first: many times.
        for (int run = 0; run < (strict ? 24 : 4); run++)
            Meet(strict, seed: run, threads: 1 << (run % 3));
    }

    private static void Meet(bool strict, int seed, int threads)
    {
        using SimulatedDevice device = Device(strict, seed, threads: threads);
        int[] data = Run(device, "gridbar", 6, 32, initialise: false);
        for (int i = 0; i < data.Length; i++)
            Assert.That(data[i], Is.EqualTo((i / 32) + (((i / 32) + 1) % 6)), $"element {i}");
    }

    [Test]
    public void A_wait_for_nobody_is_a_livelock_that_says_where_each_warp_stands([Values] bool strict)
    {
        using SimulatedDevice device = Device(strict, 0, budget: 100_000);
        DeviceFaultException fault = Assert.Throws<DeviceFaultException>(() => Run(device, "forever", 1, 64, initialise: true))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Livelock));
        Assert.That(fault.Message, Does.Contain("warp 0").And.Contain("warp 1").And.Contain("line").And.Contain("forever"));
    }
}
