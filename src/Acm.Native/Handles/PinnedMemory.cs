using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>
/// Page-locked host memory, which the device copies from and to without the host waiting. Disposing waits for the last stream that was given it.
/// Thread-safe as a handle; its contents are the caller's to guard.
/// </summary>
public sealed unsafe class PinnedMemory : CudaContextResource
{
    private readonly bool _registered;
    private CudaStream? _lastUser;

    /// <summary>Allocates page-locked memory.</summary>
    /// <param name="context">Where.</param>
    /// <param name="bytes">Size in bytes, more than 0. The contents are undefined.</param>
    /// <exception cref="CudaOutOfMemoryException">The host cannot lock that much.</exception>
    public PinnedMemory(CudaContext context, long bytes)
        : base(context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        using CudaContext.Current current = context.Enter();
        void* pointer;
        context.CheckMemory(Api.cuMemHostAlloc(&pointer, (nuint)bytes, 0), bytes);
        Pointer = (byte*)pointer;
        Bytes = bytes;
        context.Adopt(this);
    }

    private PinnedMemory(CudaContext context, byte* pointer, long bytes)
        : base(context)
    {
        using CudaContext.Current current = context.Enter();
        context.CheckMemory(Api.cuMemHostRegister_v2(pointer, (nuint)bytes, 0), bytes);
        Pointer = pointer;
        (Bytes, _registered) = (bytes, true);
        context.Adopt(this);
    }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    internal byte* Pointer { get; }

    /// <summary>Page-locks memory of the caller's own (a memory map, say) until disposed.</summary>
    /// <param name="context">Where.</param>
    /// <param name="pointer">First byte.</param>
    /// <param name="bytes">Size in bytes.</param>
    public static PinnedMemory Register(CudaContext context, nint pointer, long bytes) => new(context, (byte*)pointer, bytes);

    /// <summary>The contents as elements. Valid until disposed; while a copy is under way, the device's to touch.</summary>
    /// <exception cref="OverflowException">They are more than a span holds.</exception>
    public Span<T> Span<T>()
        where T : unmanaged => Span<T>(0, Bytes / sizeof(T));

    /// <summary>A part of the contents as elements, which a span may hold where it does not hold all.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="count">Number of elements.</param>
    internal Span<T> Span<T>(long offset, long count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, (Bytes - offset) / sizeof(T));
        using Lease lease = Use();
        return new(Pointer + offset, checked((int)count));
    }

    internal void UsedBy(CudaStream stream) => Volatile.Write(ref _lastUser, stream);

    private protected override void ReleaseInContext()
    {
        try
        {
            Settle();
        }
        finally
        {
            Free();
        }
    }

    private void Settle()
    {
        if (_lastUser is not { } stream)
            return;
        if (!stream.TryUse())
        {
            // Destroying a stream does not wait for what it was given.
            Context.CheckRelease(Api.cuCtxSynchronize());
            return;
        }
        try
        {
            Context.CheckRelease(Api.cuStreamSynchronize(stream.Handle));
        }
        finally
        {
            stream.EndUse();
        }
    }

    private void Free()
    {
        if (_registered)
            Context.CheckRelease(Api.cuMemHostUnregister(Pointer));
        else
            Context.CheckRelease(Api.cuMemFreeHost(Pointer));
    }
}
