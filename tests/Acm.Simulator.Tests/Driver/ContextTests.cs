using Acm.Native;
using Acm.Native.Driver;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Contexts: when they are current, in what order they give back, which errors they do not survive.</summary>
[TestFixture]
internal sealed class ContextTests : DriverFixture
{
    [Test]
    public void A_context_is_current_inside_calls_only()
    {
        using CudaContext made = CudaContext.Create(_context.Device);
        Assert.Throws<InvalidOperationException>(() => CudaContext.WrapCurrent(_context.Driver), "made");
        new DeviceMemory(made, 8).Dispose();
        Assert.Throws<InvalidOperationException>(() => CudaContext.WrapCurrent(_context.Driver), "gave something back");
    }

    [Test]
    public void What_is_left_is_given_back_newest_first()
    {
        CudaContext own = CudaContext.Create(_context.Device);
        _ = new DeviceMemory(new CudaStream(own), 8);
        own.Dispose();
        Assert.That(_simulated.Counters.Calls["cuMemFreeAsync"], Is.EqualTo(1), "while its stream was there");
    }

    [Test]
    public void The_first_error_of_giving_back_is_told()
    {
        CudaContext own = CudaContext.Create(_context.Device);
        _ = new CudaStream(own);
        _ = new CudaEvent(own);
        _simulated.Inject("cuStreamDestroy_v2", 1, CUresult.CUDA_ERROR_UNKNOWN);
        _simulated.Inject("cuEventDestroy_v2", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.That(Assert.Throws<CudaException>(own.Dispose)!.Call, Is.EqualTo("cuEventDestroy_v2"));
    }

    [Test]
    public void Memory_that_is_free_is_unknown_where_the_driver_does_not_say()
    {
        _simulated.Inject("cuMemAlloc_v2", 1, CUresult.CUDA_ERROR_OUT_OF_MEMORY);
        _simulated.Inject("cuMemGetInfo_v2", 1, CUresult.CUDA_ERROR_UNKNOWN);
        Assert.That(Assert.Throws<CudaOutOfMemoryException>(() => _ = new DeviceMemory(_context, 8))!.FreeBytes, Is.EqualTo(-1));
    }

    [TestCase(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, true)]
    [TestCase(CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION, true)]
    [TestCase(CUresult.CUDA_ERROR_MISALIGNED_ADDRESS, true)]
    [TestCase(CUresult.CUDA_ERROR_LAUNCH_FAILED, true)]
    [TestCase(CUresult.CUDA_ERROR_LAUNCH_TIMEOUT, true)]
    [TestCase(CUresult.CUDA_ERROR_ECC_UNCORRECTABLE, true)]
    [TestCase(CUresult.CUDA_ERROR_OUT_OF_MEMORY, false)]
    [TestCase(CUresult.CUDA_ERROR_INVALID_VALUE, false)]
    [TestCase(CUresult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, false)]
    [TestCase(CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, false)]
    public void Errors_that_a_context_does_not_survive_are_told_from_others(object code, bool sticky) =>
        Assert.That(new CudaException("cuStreamSynchronize", (CUresult)code, "").IsSticky, Is.EqualTo(sticky));

    [Test]
    public void Streams_do_not_wait_for_the_legacy_default_stream_nor_it_for_them()
    {
        using CudaStream legacy = CudaStream.Wrap(_context, 0);
        using DeviceMemory x = new(_context, 4), y = new(_context, 4);
        _stream.Fill(x.All, 1u);
        legacy.Fill(y.All, 2u);
        legacy.Synchronize();
        Assert.That(_stream.IsDone, Is.False);
    }

    [Test]
    public void Time_is_told_between_events_made_for_it()
    {
        using CudaEvent first = new(_context, timing: true), last = new(_context, timing: true), plain = new(_context);
        using DeviceMemory x = new(_stream, 1 << 20);
        first.Record(_stream);
        _stream.Fill(x.All, 1u);
        last.Record(_stream);
        plain.Record(_stream);
        _stream.Synchronize();
        Assert.That(last.MillisecondsSince(first), Is.Positive.And.EqualTo(-first.MillisecondsSince(last)));
        Assert.Throws<CudaException>(() => plain.MillisecondsSince(first));
    }
}
