using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>
/// A block of device memory. Allocated on a stream, it may be used by what that stream runs later, and is freed in that stream's order: disposing
/// does not wait for the device. Use in other streams is ordered with events, by the caller. Thread-safe.
/// </summary>
public sealed unsafe class DeviceMemory : CudaContextResource
{
    private readonly CudaStream? _stream;

    /// <summary>Allocates in the order of a stream, from the context's pool (or at once, on a device without pools).</summary>
    /// <param name="stream">The stream the memory belongs to.</param>
    /// <param name="bytes">Size in bytes, more than 0. The contents are undefined.</param>
    /// <exception cref="CudaOutOfMemoryException">The device has not that much left.</exception>
    public DeviceMemory(CudaStream stream, long bytes)
        : base(stream.Context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        MemoryPool? pool = Context.Pool;
        using CudaContext.Current current = Context.Enter();
        using Lease lease = stream.Use();
        CUdeviceptr pointer;
        if (pool is null)
            Context.CheckMemory(Api.cuMemAlloc_v2(&pointer, (nuint)bytes), bytes);
        else
            Context.CheckMemory(Api.cuMemAllocFromPoolAsync(&pointer, (nuint)bytes, pool.Handle, stream.Handle), bytes);
        _stream = pool is null ? null : stream;
        (Pointer, Bytes) = (pointer, bytes);
        Context.Adopt(this);
    }

    /// <summary>Allocates outside any stream: usable at once in all of them; disposing waits for the device. For what lives long, as weights do.</summary>
    /// <param name="context">Where.</param>
    /// <param name="bytes">Size in bytes, more than 0. The contents are undefined.</param>
    /// <exception cref="CudaOutOfMemoryException">The device has not that much left.</exception>
    public DeviceMemory(CudaContext context, long bytes)
        : base(context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        using CudaContext.Current current = context.Enter();
        CUdeviceptr pointer;
        context.CheckMemory(Api.cuMemAlloc_v2(&pointer, (nuint)bytes), bytes);
        (Pointer, Bytes) = (pointer, bytes);
        context.Adopt(this);
    }

    private DeviceMemory(CudaContext context, CUdeviceptr pointer, long bytes)
        : base(context) => (Pointer, Bytes) = (pointer, bytes);

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The address on the device (CUdeviceptr).</summary>
    public ulong Address => Pointer.Value;

    /// <summary>All of it.</summary>
    public DeviceSlice All => new(this, 0, Bytes);

    internal CUdeviceptr Pointer { get; }

    /// <summary>Uses another library's memory without owning it.</summary>
    /// <param name="context">The context the memory belongs to.</param>
    /// <param name="address">The CUdeviceptr.</param>
    /// <param name="bytes">Size in bytes.</param>
    public static DeviceMemory Wrap(CudaContext context, ulong address, long bytes) => new(context, new(address), bytes);

    /// <summary>A part of it.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Number of bytes.</param>
    public DeviceSlice Slice(long offset, long bytes) => All.Slice(offset, bytes);

    private protected override void ReleaseInContext()
    {
        if (_stream is not { } stream || !stream.TryUse())
        {
            // Frees stream-ordered memory too, waiting for the device.
            Context.CheckRelease(Api.cuMemFree_v2(Pointer));
            return;
        }
        try
        {
            Context.CheckRelease(Api.cuMemFreeAsync(Pointer, stream.Handle));
        }
        finally
        {
            stream.EndUse();
        }
    }
}

/// <summary>A part of a block of device memory.</summary>
public readonly record struct DeviceSlice
{
    internal DeviceSlice(DeviceMemory memory, long offset, long bytes) => (Memory, Offset, Bytes) = (memory, offset, bytes);

    /// <summary>The block.</summary>
    public DeviceMemory Memory { get; }

    /// <summary>First byte within the block.</summary>
    public long Offset { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>The address on the device.</summary>
    public ulong Address => Memory.Address + (ulong)Offset;

    /// <summary>A part of this part.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie within.</exception>
    public DeviceSlice Slice(long offset, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Bytes - offset);
        return new(Memory, Offset + offset, bytes);
    }
}
