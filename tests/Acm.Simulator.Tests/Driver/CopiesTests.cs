using Acm.Native;
using Acm.Native.Driver;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Copies, fills and the memory they lead through: what is refused, what is waited for, what is given back.</summary>
[TestFixture]
internal sealed class CopiesTests : DriverFixture
{
    [TestCase(1)]
    [TestCase(3)]
    public void Sizes_that_differ_are_refused_with_both(int values)
    {
        using DeviceMemory x = new(_context, 8), y = new(_context, 4 * values);
        string both = $"the host has {4 * values} bytes, the device slice 8";
        Assert.That(() => _stream.Upload<int>(new int[values], x.All), Throws.TypeOf<ArgumentException>().With.Message.EqualTo(both));
        Assert.That(() => _stream.Download(x.All, new int[values].AsSpan()), Throws.TypeOf<ArgumentException>().With.Message.EqualTo(both));
        Assert.Throws<ArgumentException>(() => _stream.Copy(x.All, y.All));
        _stream.Upload<int>([1, 2], x.All);
    }

    [TestCase(-1)]
    [TestCase(1)]
    [TestCase(long.MinValue)]
    public void A_copy_lies_within_pinned_memory(long offset)
    {
        using PinnedMemory pinned = new(_context, 8);
        using DeviceMemory x = new(_context, 8);
        Assert.Throws<ArgumentException>(() => _stream.Upload(pinned, offset, x.All));
        Assert.Throws<ArgumentException>(() => _stream.Download(x.All, pinned, offset));
    }

    [Test]
    public unsafe void Memory_that_is_not_pinned_is_read_before_an_upload_returns()
    {
        using DeviceMemory x = new(_context, 8);
        int[] back = new int[2], values = [1, 2];
        _stream.Upload<int>(values, x.All);
        _stream.Fill(x.Slice(4, 4), 3u);
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.EqualTo(new[] { 1, 3 }));
        // A driver need not have read it when its own call returns: without a wait, what arrives is anything.
        using (_context.Enter())
            fixed (int* from = values)
                _context.Check(_context.Driver.Api.cuMemcpyHtoDAsync_v2(x.Pointer, from, 8, _stream.Handle));
        _stream.Fill(x.Slice(4, 4), 3u);
        _stream.Download(x.All, back.AsSpan());
        Assert.That(back, Is.Not.EqualTo(new[] { 1, 3 }));
    }

    [Test]
    public void Words_are_filled_whole()
    {
        using DeviceMemory x = new(_context, 8);
        Assert.Throws<ArgumentException>(() => _stream.Fill(x.Slice(0, 7), 1u));
        _stream.Fill(x.All, 1u);
    }

    [Test]
    public void A_capture_takes_no_copy_to_memory_that_is_pinned_for_the_call_alone()
    {
        using DeviceMemory x = new(_context, 8);
        Assert.Throws<InvalidOperationException>(() => CudaGraph.Capture(_stream, () => _stream.Download(x.All, new int[2].AsSpan())));
    }

    [Test]
    public void Memory_has_a_byte_at_least()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new DeviceMemory(_stream, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new DeviceMemory(_context, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new PinnedMemory(_context, 0));
    }

    [Test]
    public void Memory_of_a_stream_is_freed_in_its_order_without_a_wait()
    {
        DeviceMemory x = new(_stream, 1000);
        _stream.Fill(x.All, (byte)1);
        long waits = _simulated.Counters.HostSynchronisations;
        x.Dispose();
        Assert.That((_simulated.Counters.HostSynchronisations, _stream.IsDone), Is.EqualTo((waits, false)));
        Assert.That(_simulated.Counters.Calls["cuMemFreeAsync"], Is.EqualTo(1));
        _stream.Synchronize();
        Assert.That(_context.Pool!.UsedBytes, Is.EqualTo((0L, 1000L)));
    }

    [Test]
    public void A_pool_that_cannot_be_set_up_is_not_kept()
    {
        _simulated.Inject("cuMemPoolSetAttribute", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.That(() => _ = new DeviceMemory(_stream, 8), Throws.TypeOf<CudaException>().With.Message.Contains("cuMemPoolSetAttribute"));
        Assert.That(_simulated.LiveObjects, Has.None.StartsWith("pool"));
    }

    [Test]
    public void Pinned_memory_waits_for_the_upload_out_of_it()
    {
        using DeviceMemory x = new(_context, 4);
        PinnedMemory pinned = new(_context, 4);
        _stream.Upload(pinned, 0, x.All);
        pinned.Dispose();
        Assert.That(_stream.IsDone);
    }

    [Test]
    public void Pinned_memory_is_given_back_where_waiting_for_its_stream_fails()
    {
        using DeviceMemory x = new(_context, 4);
        PinnedMemory pinned = new(_context, 4);
        _stream.Upload(pinned, 0, x.All);
        _simulated.Inject("cuStreamSynchronize", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.Throws<CudaException>(pinned.Dispose);
        Assert.That(_simulated.LiveObjects, Has.None.StartsWith("host memory"));
    }
}
