using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>Copies and fills, enqueued in a stream.</summary>
public static unsafe class Copies
{
    /// <summary>Copies to the device, waiting for everything enqueued before and for the copy: <paramref name="source"/> may then be changed. Not while the stream is captured.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static void Upload<T>(this CudaStream stream, ReadOnlySpan<T> source, DeviceSlice target)
        where T : unmanaged
    {
        Same((long)source.Length * sizeof(T), target.Bytes);
        RefuseCapture(stream);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease targetLease = target.Memory.Use();
        fixed (T* from = source)
        {
            stream.Context.Check(stream.Api.cuMemcpyHtoDAsync_v2(new(target.Address), from, (nuint)target.Bytes, stream.Handle));
            // A driver may stage memory that is not pinned before the call returns, or read it whenever the stream comes there.
            stream.Context.Check(stream.Api.cuStreamSynchronize(stream.Handle));
        }
    }

    /// <summary>Copies to the device without waiting; <paramref name="source"/> must not change until the stream has come past.</summary>
    /// <exception cref="ArgumentException">The range does not lie within <paramref name="source"/>.</exception>
    public static void Upload(this CudaStream stream, PinnedMemory source, long offset, DeviceSlice target)
    {
        Within(offset, target.Bytes, source.Bytes);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease sourceLease = source.Use();
        using CudaResource.Lease targetLease = target.Memory.Use();
        source.UsedBy(stream);
        stream.Context.Check(stream.Api.cuMemcpyHtoDAsync_v2(new(target.Address), source.Pointer + offset, (nuint)target.Bytes, stream.Handle));
    }

    /// <summary>Copies to the host, waiting for everything enqueued before and for the copy. Not while the stream is captured.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static void Download<T>(this CudaStream stream, DeviceSlice source, Span<T> target)
        where T : unmanaged
    {
        Same((long)target.Length * sizeof(T), source.Bytes);
        RefuseCapture(stream);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease sourceLease = source.Memory.Use();
        fixed (T* to = target)
        {
            stream.Context.Check(stream.Api.cuMemcpyDtoHAsync_v2(to, new(source.Address), (nuint)source.Bytes, stream.Handle));
            stream.Context.Check(stream.Api.cuStreamSynchronize(stream.Handle));
        }
    }

    /// <summary>Copies to the host without waiting; <paramref name="target"/> holds the result once the stream has come past.</summary>
    /// <exception cref="ArgumentException">The range does not lie within <paramref name="target"/>.</exception>
    public static void Download(this CudaStream stream, DeviceSlice source, PinnedMemory target, long offset)
    {
        Within(offset, source.Bytes, target.Bytes);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease sourceLease = source.Memory.Use();
        using CudaResource.Lease targetLease = target.Use();
        target.UsedBy(stream);
        stream.Context.Check(stream.Api.cuMemcpyDtoHAsync_v2(target.Pointer + offset, new(source.Address), (nuint)source.Bytes, stream.Handle));
    }

    /// <summary>Copies on the device.</summary>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static void Copy(this CudaStream stream, DeviceSlice source, DeviceSlice target)
    {
        Same(source.Bytes, target.Bytes);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease sourceLease = source.Memory.Use();
        using CudaResource.Lease targetLease = target.Memory.Use();
        stream.Context.Check(stream.Api.cuMemcpyDtoDAsync_v2(new(target.Address), new(source.Address), (nuint)source.Bytes, stream.Handle));
    }

    /// <summary>Sets every byte.</summary>
    public static void Fill(this CudaStream stream, DeviceSlice target, byte value)
    {
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease targetLease = target.Memory.Use();
        stream.Context.Check(stream.Api.cuMemsetD8Async(new(target.Address), value, (nuint)target.Bytes, stream.Handle));
    }

    /// <summary>Sets every 32-bit word; the slice is a whole number of them.</summary>
    public static void Fill(this CudaStream stream, DeviceSlice target, uint value)
    {
        Same(target.Bytes / 4 * 4, target.Bytes);
        using CudaContext.Current current = stream.Context.Enter();
        using CudaResource.Lease lease = stream.Use();
        using CudaResource.Lease targetLease = target.Memory.Use();
        stream.Context.Check(stream.Api.cuMemsetD32Async(new(target.Address), value, (nuint)(target.Bytes / 4), stream.Handle));
    }

    // A graph would keep the address of memory that is pinned for this call only.
    private static void RefuseCapture(CudaStream stream)
    {
        if (stream.IsCapturing)
            throw new InvalidOperationException("a captured copy needs pinned host memory");
    }

    private static void Same(long given, long wanted)
    {
        if (given != wanted)
            throw new ArgumentException($"the host has {given} bytes, the device slice {wanted}");
    }

    private static void Within(long offset, long bytes, long available)
    {
        if (offset < 0 || offset > available - bytes)
            throw new ArgumentException($"bytes {offset} to {offset + bytes} do not lie within {available} bytes");
    }
}
