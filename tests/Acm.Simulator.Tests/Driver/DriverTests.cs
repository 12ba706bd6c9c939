using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Acm.Native;
using Acm.Native.Doctor;
using Acm.Native.Driver;
using Acm.Simulator.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>The product's handles against the simulated driver: order, lifetime, errors.</summary>
[TestFixture]
internal sealed class DriverTests : DriverFixture
{
    [Test]
    public unsafe void Every_profile_presents_its_figures()
    {
        Assert.That(DeviceProfile.All, Has.Count.EqualTo(4));
        foreach (DeviceProfile profile in DeviceProfile.All)
        {
            using SimulatedDriver driver = new(new SimulatorOptions { Profile = profile });
            CudaDevice device = driver.Start().Devices.Single();
            Assert.That((device.Name, device.Architecture, device.Multiprocessors), Is.EqualTo((profile.Name, profile.Capability, profile.Multiprocessors)));
            Assert.That((device.MaxSharedBytesPerBlock, device.TotalBytes, device.SupportsClusters), Is.EqualTo((profile.SharedPerBlockOptIn, (long)profile.MemoryBytes, profile.Major >= 9)));
            Assert.That((device.SharedBytesPerMultiprocessor, device.L2Bytes, device.SupportsMemoryPools), Is.EqualTo((profile.SharedPerMultiprocessor, (int)profile.L2Bytes, true)));
            Assert.That((device.ClockKilohertz, device.MemoryKilohertz, device.MemoryBusBits), Is.EqualTo((profile.ClockKilohertz, profile.MemoryClockKilohertz, profile.MemoryBusBits)));
            CUuuid uuid;
            using (driver.Enter())
                device.Driver.Check(device.Driver.Api.cuDeviceGetUuid_v2(&uuid, device.Handle));
            Assert.That(device.Uuid.ToString("n"), Is.EqualTo(Convert.ToHexStringLower(new ReadOnlySpan<byte>(&uuid, 16))), "as nvidia-smi writes it");
            DoctorFinding[] findings = [.. CudaFindings.Working(device.Driver)];
            Assert.That(findings.Select(static f => (f.Area, f.State, f.NextStep)), Is.EqualTo(new[] { ("driver", DoctorState.Good, ""), ("device", DoctorState.Good, "") }), "the kernels run on it");
        }
    }

    [Test]
    public void Work_that_nobody_waited_for_is_not_done()
    {
        using DeviceMemory x = new(_stream, 4);
        using PinnedMemory pinned = new(_context, 4);
        _stream.Fill(x.All, 5u);
        _stream.Download(x.All, pinned, 0);
        Assert.That(pinned.Span<int>()[0], Is.Not.EqualTo(5), "a missing synchronisation shows");
        using CudaStream other = new(_context);
        other.Synchronize();
        Assert.That(pinned.Span<int>()[0], Is.Not.EqualTo(5), "another stream's end says nothing");
        Assert.That(_stream.IsDone, Is.False);
        _stream.Synchronize();
        Assert.That((pinned.Span<int>()[0], _stream.IsDone), Is.EqualTo((5, true)));
    }

    [Test]
    public void An_event_orders_two_streams()
    {
        using CudaStream other = new(_context);
        using DeviceMemory x = new(_stream, 4);
        using CudaEvent filled = new(_context);
        _stream.Fill(x.All, 7u);
        filled.Record(_stream);
        other.Wait(filled);
        int[] back = new int[1];
        other.Download(x.All, back.AsSpan());
        Assert.That((back[0], filled.IsDone), Is.EqualTo((7, true)));
    }

    [Test]
    public void Polling_arrives()
    {
        using DeviceMemory x = new(_stream, 4);
        _stream.Fill(x.All, 1u);
        _stream.Fill(x.All, 2u);
        int polls = 0;
        while (!_stream.IsDone)
            Assert.That(++polls, Is.LessThan(10));
        Assert.That(polls, Is.GreaterThan(0));
    }

    [Test]
    public void A_callback_comes_after_the_work()
    {
        using DeviceMemory x = new(_stream, 4);
        bool called = false;
        _stream.Fill(x.All, 1u);
        _stream.WhenDone(() => called = true);
        Assert.That(called, Is.False);
        _stream.Synchronize();
        Assert.That(called);
    }

    [Test]
    public void A_callback_that_was_enqueued_comes_whatever_fails_after()
    {
        bool called = false;
        _simulated.Inject("cuCtxPopCurrent_v2", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.Throws<CudaException>(() => _stream.WhenDone(() => called = true));
        _stream.Synchronize();
        Assert.That(called);
        _simulated.Inject("cuLaunchHostFunc", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.Throws<CudaException>(() => _stream.WhenDone(() => called = false));
        _stream.Synchronize();
        Assert.That(called, "what was refused does not come");
    }

    [Test]
    public void A_stray_store_is_told_with_kernel_line_and_address_and_loses_the_context()
    {
        using SimulatedDriver own = new(new SimulatorOptions());
        CudaContext context = CudaContext.Primary(own.Start().Devices[0]);
        CudaStream stream = new(context);
        DeviceMemory x = new(stream, 4);
        Kernels.Load(context).Kernel("stray").Launch(stream, new(1, 1), x);
        CudaException e = Assert.Throws<CudaException>(stream.Synchronize)!;
        Assert.That((e.Call, e.Name, e.IsSticky), Is.EqualTo(("cuStreamSynchronize", "CUDA_ERROR_ILLEGAL_ADDRESS", true)));
        Assert.That(e.Message, Does.Contain("stray").And.Contain("st.global.u32"));
        Assert.That(Assert.Throws<CudaException>(() => _ = context.Memory)!.Name, Is.EqualTo("CUDA_ERROR_ILLEGAL_ADDRESS"));
        Assert.DoesNotThrow(context.Dispose, "the loss was reported");
        Assert.That(own.LiveObjects, Is.Empty);
    }

    [Test]
    public void A_refused_launch_names_kernel_grid_block_and_shared_bytes()
    {
        CudaKernel add = _module.Kernel("add");
        CudaLaunchException e = Assert.Throws<CudaLaunchException>(() => add.Launch(_stream, new(3, 2048, 16), 0L, 0, 0f))!;
        Assert.That(e.Message, Does.Contain("add").And.Contain("grid 3x1x1").And.Contain("block 2048x1x1").And.Contain("16 shared bytes").And.Contain("CUDA_ERROR_INVALID_VALUE (1)"));
        Assert.That(() => add.Launch(_stream, new(1, 32, 200_000), 0L, 0, 0f), Throws.TypeOf<CudaException>().With.Message.Contains("200000 dynamic shared bytes"));
        LaunchShape cluster = new(2, 32) { Cluster = new(2) };
        Assert.That(Assert.Throws<CudaLaunchException>(() => add.Launch(_stream, cluster, 0L, 0, 0f))!.Name, Is.EqualTo("CUDA_ERROR_INVALID_CLUSTER_SIZE"), "an A100 has no clusters");
    }

    [Test]
    public void Hopper_takes_clusters_and_dependent_launches()
    {
        using SimulatedDriver hopper = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        using CudaContext context = CudaContext.Create(hopper.Start().Devices[0]);
        using CudaStream stream = new(context);
        using DeviceMemory x = new(stream, 256);
        stream.Fill(x.All, 0u);
        Kernels.Load(context).Kernel("add").Launch(stream, new LaunchShape(2, 32, 100_000) { Cluster = new(2), Programmatic = true }, x, 64, 2f);
        float[] back = new float[64];
        stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.All.EqualTo(2f));
    }

    [Test]
    public void Out_of_memory_says_what_was_asked_and_what_is_free()
    {
        long asked = _context.Memory.Total + 1;
        foreach (Action attempt in new Action[] { () => _ = new DeviceMemory(_stream, asked), () => _ = new DeviceMemory(_context, asked) })
        {
            CudaOutOfMemoryException e = Assert.Throws<CudaOutOfMemoryException>(() => attempt())!;
            Assert.That((e.AskedBytes, e.FreeBytes), Is.EqualTo((asked, _context.Memory.Free)));
        }
        using DeviceMemory still = new(_stream, 1024);
    }

    [Test]
    public void Refused_ptx_says_where()
    {
        CudaModuleException e = Assert.Throws<CudaModuleException>(() => _ = new CudaModule(_context, Encoding.ASCII.GetBytes(Kernels.Ptx.Replace("add.f32", "frobnicate.f32")), "bad.ptx"))!;
        Assert.That((e.Module, e.Name), Is.EqualTo(("bad.ptx", "CUDA_ERROR_INVALID_PTX")));
        Assert.That(e.Log, Does.Contain("frobnicate").And.Contain("line"));
    }

    [Test]
    public void An_arena_gives_the_same_addresses_again()
    {
        using DeviceArena arena = new(_stream);
        ulong[] Take() => [arena.Allocate(100).Address, arena.Allocate(5000).Address, arena.Allocate(1).Address];
        Take();
        arena.Reset();
        ulong[] first = Take();
        arena.Reset();
        Assert.That(Take(), Is.EqualTo(first));
        Assert.That(first.Select(a => a % DeviceArena.Alignment), Is.All.Zero);
        Assert.That(first[2] - first[0], Is.EqualTo(256 + 5120), "one block");
    }

    [Test]
    public void Foreign_contexts_streams_and_memory_are_used_and_left_alone()
    {
        using (CudaContext wrapped = CudaContext.Wrap(_context.Device, _context.NativeHandle))
        {
            CudaStream stream = CudaStream.Wrap(wrapped, _stream.NativeHandle);
            using DeviceMemory mine = new(_context, 8);
            DeviceMemory theirs = DeviceMemory.Wrap(wrapped, mine.Address, 8);
            stream.Fill(theirs.All, 9u);
            theirs.Dispose();
            stream.Dispose();
            int[] back = new int[2];
            _stream.Download(mine.All, back.AsSpan());
            Assert.That(back, Is.All.EqualTo(9));
        }
        using CudaContext other = CudaContext.Create(_context.Device);
        Assert.Throws<ArgumentException>(() => CudaStream.Wrap(other, _stream.NativeHandle));
    }

    [Test]
    public void What_was_lent_can_be_disposed_of_after_its_context()
    {
        CudaContext own = CudaContext.Create(_context.Device);
        CudaStream stream = new(own), lentStream = CudaStream.Wrap(own, stream.NativeHandle);
        DeviceMemory memory = new(own, 8), lentMemory = DeviceMemory.Wrap(own, memory.Address, 8);
        own.Dispose();
        foreach (CudaResource one in new CudaResource[] { stream, memory, lentStream, lentMemory })
        {
            Assert.DoesNotThrow(one.Dispose);
            Assert.Throws<ObjectDisposedException>(one.BeginUse);
        }
    }

    [Test]
    public unsafe void The_context_another_library_made_current_is_used_and_left_alone()
    {
        CudaDriver driver = _context.Driver;
        Assert.That(Assert.Throws<InvalidOperationException>(() => CudaContext.WrapCurrent(driver))!.Message, Does.Contain("no current CUDA context"));
        CUcontext popped;
        driver.Check(driver.Api.cuCtxPushCurrent_v2(_context.Handle));
        try
        {
            using CudaContext wrapped = CudaContext.WrapCurrent(driver);
            Assert.That((wrapped.NativeHandle, wrapped.Device), Is.EqualTo((_context.NativeHandle, _context.Device)));
            using DeviceMemory x = new(wrapped, 8);
        }
        finally
        {
            driver.Check(driver.Api.cuCtxPopCurrent_v2(&popped));
        }
        Assert.That(popped, Is.EqualTo(_context.Handle), "still the thread's own");
        Assert.DoesNotThrow(_stream.Synchronize);
    }

    [Test]
    public void A_context_counts_what_is_left_to_give_back()
    {
        int before = _context.LiveResources;
        using CudaStream stream = new(_context);
        DeviceMemory x = new(_context, 8);
        Assert.That(_context.LiveResources, Is.EqualTo(before + 2));
        using DeviceMemory theirs = DeviceMemory.Wrap(_context, x.Address, 8);
        Assert.That(_context.LiveResources, Is.EqualTo(before + 2), "what is another's is not counted");
        x.Dispose();
        Assert.That(_context.LiveResources, Is.EqualTo(before + 1));
    }

    [Test]
    public void Streams_can_have_every_priority_there_is()
    {
        (int least, int greatest) = CudaStream.PriorityRange(_context);
        Assert.That((least, greatest), Is.EqualTo((0, -5)));
        for (int priority = greatest; priority <= least; priority++)
        {
            using CudaStream stream = new(_context, priority);
            stream.Synchronize();
        }
    }

    [TestCase(0, 9)]
    [TestCase(9, 0)]
    [TestCase(1, 8)]
    [TestCase(-1, 1)]
    [TestCase(1, -1)]
    [TestCase(long.MaxValue, 1)]
    [TestCase(1, long.MaxValue)]
    public void A_part_lies_within_its_memory(long offset, long bytes)
    {
        using DeviceMemory x = new(_context, 8);
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Slice(offset, bytes));
        Assert.That(x.Slice(8, 0).Bytes, Is.Zero);
        Assert.That(x.Slice(2, 6).Slice(2, 4).Offset, Is.EqualTo(4));
    }

    [Test]
    public void What_is_disposed_cannot_be_used()
    {
        CudaKernel add = _module.Kernel("add");
        DeviceMemory x = new(_stream, 4);
        x.Dispose();
        x.Dispose();
        Assert.Throws<ObjectDisposedException>(() => add.Launch(_stream, new(1, 1), x, 1, 1f));
        Assert.Throws<ObjectDisposedException>(() => _stream.Fill(x.All, 0u));
        CudaStream gone = new(_context);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(gone.Synchronize);
        Assert.Throws<ObjectDisposedException>(() => add.Launch(gone, new(1, 1), 0L, 0, 0f));
    }

    [Test]
    public void Disposing_waits_for_a_lease_and_a_second_dispose_for_the_first()
    {
        DeviceMemory x = new(_stream, 4);
        x.BeginUse();
        Task[] disposers = [Task.Run(x.Dispose), Task.Run(x.Dispose)];
        Assert.That(SpinWait.SpinUntil(() => x.IsDisposed, 5000));
        Assert.That(Task.WaitAll(disposers, 50), Is.False, "the lease is out");
        x.EndUse();
        Assert.That(Task.WaitAll(disposers, 5000));
        Assert.Throws<ObjectDisposedException>(x.BeginUse);
    }

    [Test]
    public void An_interrupted_thread_disposes_whole_and_keeps_no_other_waiting()
    {
        DeviceMemory x = new(_stream, 4);
        int before = _context.LiveResources;
        x.BeginUse();
        Interrupted disposing = new(x.Dispose);
        disposing.InterruptOften();
        x.EndUse();
        disposing.WasDoneFirst();
        Assert.That(Task.Run(x.Dispose).Wait(5000));
        Assert.That(_context.LiveResources, Is.EqualTo(before - 1));
    }

    [Test]
    public void Threads_share_a_context_while_others_come_and_go()
    {
        CudaKernel add = _module.Kernel("add");
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, t =>
        {
            for (int round = 0; round < 10; round++)
            {
                using CudaStream stream = new(_context);
                using DeviceMemory x = new(stream, 400);
                stream.Fill(x.All, 0u);
                add.Launch(stream, new(4, 32), x, 100, (float)t);
                float[] back = new float[100];
                stream.Download(x.All, back.AsSpan());
                if (back.Any(b => b != t))
                    throw new InvalidOperationException($"thread {t}, round {round}: {back[0]}");
            }
        });
    }

    [Test]
    public void Counters_are_exact()
    {
        CudaKernel add = _module.Kernel("add");
        using DeviceMemory x = new(_context, 4000);
        ulong peak = _simulated.Counters.PeakBytes;
        long syncs = _simulated.Counters.HostSynchronisations, launches = _simulated.Counters.KernelLaunches;
        _stream.Fill(x.All, 0u);
        for (int i = 0; i < 5; i++)
            add.Launch(_stream, new(1, 32), x, 32, 1f);
        _stream.Synchronize();
        _context.Synchronize();
        Assert.That(_simulated.Counters.KernelLaunches - launches, Is.EqualTo(5));
        Assert.That(_simulated.Counters.HostSynchronisations - syncs, Is.EqualTo(2));
        Assert.That(peak, Is.GreaterThanOrEqualTo(4000));
        Assert.That(_simulated.Counters.Calls["cuLaunchKernel"], Is.GreaterThanOrEqualTo(5));
    }

    [Test]
    public void A_leak_is_reported()
    {
        DeviceMemory x = new(_context, 123);
        Assert.That(_simulated.LiveObjects, Has.Some.Contains("123 bytes"));
        x.Dispose();
        Assert.That(_simulated.LiveObjects, Has.None.Contains("123 bytes"));
    }

    [Test]
    public void Variables_of_a_module_can_be_read_and_written()
    {
        DeviceSlice bias = _module.Global("bias");
        Assert.That(bias.Bytes, Is.EqualTo(16));
        float[] back = new float[4];
        _stream.Download(bias, back.AsSpan());
        Assert.That(back, Is.All.Zero);
        Assert.That(Assert.Throws<CudaException>(() => _module.Global("nothing"))!.Message, Does.Contain("nothing").And.Contain("NOT_FOUND"));
    }

    [Test]
    public void Occupancy_follows_threads_and_shared_memory()
    {
        CudaKernel add = _module.Kernel("add");
        Assert.That(add.BlocksPerMultiprocessor(1024, 0), Is.EqualTo(2), "2048 threads");
        Assert.That(add.BlocksPerMultiprocessor(32, 0), Is.EqualTo(32), "32 blocks");
        Assert.That(add.BlocksPerMultiprocessor(32, 40 * 1024), Is.EqualTo(4), "164 KiB, 41 per block");
    }

    [Test]
    public unsafe void Pinned_memory_may_be_larger_than_a_span()
    {
        const long own = 4096, bytes = 3L << 30;
        // Nobody touches it, so that none is needed.
        using PinnedMemory pinned = PinnedMemory.Register(_context, (nint)own, bytes);
        Span<int> last = pinned.Span<int>(bytes - 8, 2);
        Assert.That(((long)Unsafe.AsPointer(ref MemoryMarshal.GetReference(last)), last.Length), Is.EqualTo((own + bytes - 8, 2)));
        Assert.Throws<OverflowException>(() => pinned.Span<byte>());
        Assert.Throws<ArgumentOutOfRangeException>(() => pinned.Span<int>(bytes - 7, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => pinned.Span<byte>(bytes + 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => pinned.Span<byte>(-1, 1));
    }

    [Test]
    public void Pinned_memory_waits_for_a_stream_that_was_disposed_of_before_it()
    {
        PinnedMemory pinned = new(_context, 4);
        CudaStream stream = new(_context);
        using DeviceMemory x = new(_context, 4);
        stream.Fill(x.All, 1u);
        stream.Download(x.All, pinned, 0);
        stream.Dispose();
        long before = _simulated.Counters.HostSynchronisations;
        pinned.Dispose();
        Assert.That(_simulated.Counters.HostSynchronisations, Is.EqualTo(before + 1), "the copy may be under way still");
    }

    [Test]
    public unsafe void Memory_of_ones_own_can_be_pinned()
    {
        byte* own = (byte*)NativeMemory.AllocZeroed(64);
        using (PinnedMemory pinned = PinnedMemory.Register(_context, (nint)own, 64))
        using (DeviceMemory x = new(_stream, 64))
        {
            _stream.Fill(x.All, (byte)0xab);
            _stream.Download(x.All, pinned, 0);
        }
        Assert.That(own[63], Is.EqualTo(0xab), "disposing waited for the copy");
        NativeMemory.Free(own);
    }
}
