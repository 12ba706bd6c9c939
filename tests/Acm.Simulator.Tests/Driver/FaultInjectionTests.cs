using Acm.Native;
using Acm.Native.Driver;
using Acm.Simulator.Driver;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Load, run, dispose, with every single call failing in turn: always a typed error, never anything left behind.</summary>
[TestFixture]
internal sealed class FaultInjectionTests
{
    [Test]
    public void The_cycle_without_a_fault_leaves_nothing_and_computes()
    {
        using SimulatedDriver driver = new(new SimulatorOptions());
        Cycle(driver);
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    [Test]
    public void Every_fault_gives_a_typed_error_and_leaves_nothing()
    {
        Dictionary<string, long> calls;
        using (SimulatedDriver clean = new(new SimulatorOptions()))
        {
            Cycle(clean);
            calls = clean.Counters.Calls;
        }
        Assert.That(calls, Has.Count.GreaterThan(40));
        foreach ((string call, long count) in calls)
            // The first, the last and one between are different places of the cycle.
            foreach (long time in new[] { 1, (count + 1) / 2, count }.Distinct())
                foreach (CUresult fault in new[] { CUresult.CUDA_ERROR_OUT_OF_MEMORY, CUresult.CUDA_ERROR_UNKNOWN, CUresult.CUDA_ERROR_LAUNCH_FAILED })
                {
                    using SimulatedDriver driver = new(new SimulatorOptions());
                    driver.Inject(call, time, fault);
                    Exception? thrown = null;
                    try
                    {
                        Cycle(driver);
                    }
                    catch (Exception e)
                    {
                        thrown = e;
                    }
                    Assert.That(thrown, Is.InstanceOf<CudaException>().Or.InstanceOf<CudaUnavailableException>(), $"{call}, time {time} of {count}, {fault}");
                    Assert.That(thrown!.Message, Does.Contain(fault.ToString()), call);
                    Assert.That(driver.LiveObjects, Is.Empty, $"{call}, time {time} of {count}, {fault}");
                }
    }

    private static void Cycle(SimulatedDriver simulated)
    {
        CudaDriver driver = simulated.Start();
        using CudaContext context = CudaContext.Primary(driver.Devices[0]);
        using CudaStream stream = new(context), second = new(context);
        using CudaModule module = Kernels.Load(context);
        CudaKernel add = module.Kernel("add");
        using DeviceArena arena = new(stream, 4096);
        DeviceSlice x = arena.Allocate(4 * 100);
        using DeviceMemory weights = new(context, 1024);
        using PinnedMemory pinned = new(context, 4 * 100);
        using CudaEvent point = new(context, timing: true), later = new(context, timing: true);
        stream.Upload<float>(Enumerable.Range(0, 100).Select(i => (float)i).ToArray(), x);
        stream.Fill(weights.All, 0u);
        point.Record(stream);
        add.Launch(stream, new(2, 64), x, 100, 1f);
        using CudaGraph graph = CudaGraph.Capture(stream, () =>
        {
            add.Launch(stream, new(2, 64), x, 100, 2f);
            stream.Download(x, pinned, 0);
        });
        graph.Update(stream, () =>
        {
            add.Launch(stream, new(2, 64), x, 100, 3f);
            stream.Download(x, pinned, 0);
        });
        graph.Launch(stream);
        later.Record(stream);
        second.Wait(later);
        second.Copy(x, weights.Slice(0, 400));
        second.Synchronize();
        later.Synchronize();
        _ = later.MillisecondsSince(point);
        stream.Synchronize();
        float[] back = new float[100];
        second.Download(weights.Slice(0, 400), back.AsSpan());
        for (int i = 0; i < 100; i++)
            Assert.That((back[i], pinned.Span<float>()[i]), Is.EqualTo((i + 4f, i + 4f)));
        context.Synchronize();
    }
}
