using Acm.Native;
using Acm.Native.Driver;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Graphs recorded from a stream.</summary>
[TestFixture]
internal sealed class GraphTests : DriverFixture
{
    [Test]
    public void A_graph_runs_what_was_captured_and_takes_changes_in_place()
    {
        CudaKernel add = _module.Kernel("add");
        using DeviceMemory x = new(_stream, 40);
        _stream.Upload<float>(new float[10], x.All);
        using CudaGraph graph = CudaGraph.Capture(_stream, () => add.Launch(_stream, new(1, 32), x, 10, 1f));
        long before = _simulated.Counters.KernelLaunches;
        for (int i = 0; i < 3; i++)
            graph.Launch(_stream);
        Assert.That(graph.Update(_stream, () => add.Launch(_stream, new(1, 32), x, 10, 10f)));
        graph.Launch(_stream);
        float[] back = new float[10];
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.All.EqualTo(13f));
        Assert.That(_simulated.Counters.KernelLaunches - before, Is.EqualTo(4));
        Assert.That(graph.Update(_stream, () =>
        {
            _stream.Fill(x.All, 0u);
            add.Launch(_stream, new(1, 32), x, 10, 10f);
        }), Is.False, "another topology makes the graph anew");
        Assert.That(graph.Nodes, Is.EqualTo(2));
        graph.Launch(_stream);
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.All.EqualTo(10f));
    }

    [Test]
    public unsafe void A_capture_leaves_no_recording_whichever_call_fails()
    {
        CudaKernel add = _module.Kernel("add");
        using DeviceMemory x = new(_stream, 40);
        CudaGraph Capture() => CudaGraph.Capture(_stream, () => add.Launch(_stream, new(1, 32), x, 10, 1f));
        Dictionary<string, long> before = new(_simulated.Counters.Calls);
        Capture().Dispose();
        foreach ((string call, long after) in _simulated.Counters.Calls.ToArray())
            for (long time = 1; time <= after - before.GetValueOrDefault(call); time++)
            {
                _simulated.Inject(call, time, CUresult.CUDA_ERROR_UNKNOWN);
                Assert.That(() => Capture().Dispose(), Throws.InstanceOf<CudaException>(), $"{call}, {time}");
                Assert.That(_simulated.LiveObjects, Has.None.StartsWith("graph 0x"), $"{call}, {time}");
                // Where popping failed, the context is current still.
                _context.Driver.Check(_context.Driver.Api.cuCtxSetCurrent(default));
            }
        Capture().Dispose();
    }

    [Test]
    public void Graphs_made_anew_leave_no_old_ones_and_one_that_cannot_be_leaves_the_old_one()
    {
        using DeviceMemory x = new(_context, 8);
        using CudaGraph graph = CudaGraph.Capture(_stream, () => _stream.Fill(x.Slice(0, 4), 1u));
        void Two()
        {
            _stream.Fill(x.Slice(0, 4), 2u);
            _stream.Fill(x.Slice(4, 4), 2u);
        }
        _stream.Fill(x.All, 0u);
        _simulated.Inject("cuGraphInstantiateWithFlags", 1, CUresult.CUDA_ERROR_OUT_OF_MEMORY);
        Assert.Throws<CudaException>(() => graph.Update(_stream, Two));
        Assert.That(graph.Nodes, Is.EqualTo(1));
        graph.Launch(_stream);
        int[] back = new int[2];
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.EqualTo(new[] { 1, 0 }));
        Assert.That((graph.Update(_stream, Two), graph.Nodes), Is.EqualTo((false, 2)));
        Assert.That(_simulated.LiveObjects, Has.Exactly(1).StartsWith("graphexec 0x"));
    }

    [Test]
    public void Other_threads_may_allocate_while_a_stream_is_captured()
    {
        using DeviceMemory x = new(_context, 4);
        using CudaGraph graph = CudaGraph.Capture(_stream, () =>
        {
            _stream.Fill(x.All, 1u);
            Task.Run(() => new DeviceMemory(_context, 4).Dispose()).Wait();
        });
        Assert.That(graph.Nodes, Is.EqualTo(1));
    }

    [Test]
    public void Waiting_inside_a_capture_is_refused_and_the_stream_stays_usable()
    {
        CudaException e = Assert.Throws<CudaException>(() => CudaGraph.Capture(_stream, _stream.Synchronize))!;
        Assert.That(e.Name, Is.EqualTo("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"));
        Assert.Throws<InvalidOperationException>(() =>
        {
            using DeviceMemory x = new(_context, 4);
            CudaGraph.Capture(_stream, () => _stream.Upload<int>(new int[1], x.All));
        });
        Assert.That(_stream.IsCapturing, Is.False);
        _stream.Synchronize();
    }

    [Test]
    public void Modules_come_and_go_outside_a_capture_alone()
    {
        CudaModule other = Kernels.Load(_context);
        foreach (Action change in (Action[])[() => Kernels.Load(_context), other.Dispose])
            Assert.That(Assert.Catch<CudaException>(() => CudaGraph.Capture(_stream, change), "refused on a device")!.Name, Is.EqualTo("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"));
        using CudaGraph graph = CudaGraph.Capture(_stream, () => Task.Run(() => Kernels.Load(_context).Dispose()).Wait());
    }

    [Test]
    public void A_fork_in_a_capture_has_to_join()
    {
        using CudaStream side = new(_context);
        using CudaEvent fork = new(_context), join = new(_context);
        using DeviceMemory x = new(_context, 8);
        void Forked(bool joined)
        {
            fork.Record(_stream);
            side.Wait(fork);
            side.Fill(x.Slice(0, 4), 3u);
            _stream.Fill(x.Slice(4, 4), 4u);
            join.Record(side);
            if (joined)
                _stream.Wait(join);
        }
        Assert.That(Assert.Throws<CudaException>(() => CudaGraph.Capture(_stream, () => Forked(joined: false)))!.Name, Is.EqualTo("CUDA_ERROR_STREAM_CAPTURE_UNJOINED"));
        using CudaGraph graph = CudaGraph.Capture(_stream, () => Forked(joined: true));
        graph.Launch(_stream);
        int[] back = new int[2];
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.EqualTo(new[] { 3, 4 }));
    }
}
